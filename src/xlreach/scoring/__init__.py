"""From rankings to scores: measures by their ir-measures strings, exact ranks, language bias, TREC files.

Lives here: the measures (`measures`), the ranks of the relevant documents without keeping whole rankings (`ranks`,
`document_pools`), bias towards languages (`bias`) and `evaluation`, which scores one encoder on one collection in every
setting. Never here: differences between systems or languages and their tests, plots.
"""
