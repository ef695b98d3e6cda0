"""The front door: the functions and result types that `import xlreach` offers, each imported when it is first used.

Lives here: what turns a caller's arguments (names, paths, lines of text, opened objects) into a room's own types, and
results into tables that print, show in a notebook and save. The command line is a skin over these functions. No model,
format or statistic is computed here.
"""
