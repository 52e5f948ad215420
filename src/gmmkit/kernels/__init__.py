"""Plain functions on arrays: the two forms of `score` and `gather`.

Blocks are column-major: z has shape (d, B) and scores (k, B), so that every reduction over columns or
components runs along contiguous rows of memory.
"""
