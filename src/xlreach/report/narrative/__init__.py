"""The findings of a study in sentences, written from the typed rows of `xlreach.gaps`. Computes no statistic.

A sentence carries its figure, its interval and its p value, and claims a difference only where the row says that a test
allows it. Plain ASCII apart from names, so that every terminal can print it.
"""
