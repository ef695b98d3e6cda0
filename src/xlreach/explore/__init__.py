"""The explorer: a page served to this machine alone, to search with several encoders side by side.

Shows what indexes and relevance judgements hold; measures nothing and writes nothing.
"""
