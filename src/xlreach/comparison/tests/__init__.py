"""Significance tests and their corrections."""
