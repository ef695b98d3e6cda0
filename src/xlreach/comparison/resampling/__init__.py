"""How sure a figure is: draws of languages, queries and seeds, and the intervals computed from them."""
