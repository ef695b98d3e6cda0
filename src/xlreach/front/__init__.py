"""The front door in Python: what `import xlreach as xl` gives. Verbs of the command line are a skin over it."""
