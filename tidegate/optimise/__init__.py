"""The search for good parameters, and what keeps a person honest while searching.

A search is a list of points (sets of parameters) that is planned the same way wherever it runs, judged by any engine
(this process, several, a Dask cluster, several machines over one database) and written down row by row. Which engine
it was, how many workers and who died meanwhile changes nothing in the rows. Never trades, never sees a key.
"""
