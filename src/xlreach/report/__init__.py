"""The report of a study: sentences, tables and charts, as one self-contained page and as files.

Shows what `xlreach.comparison` computed, from the types of `xlreach.gaps`; computes no statistic.
"""
