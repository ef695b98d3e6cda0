"""Formats: one file for each kind of file on disk, with its reader and writer; no knowledge of any data set."""
