"""Sources: one file for each family of data sets, which knows where its publisher puts what, and under which name."""
