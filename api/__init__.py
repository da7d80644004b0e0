"""The ways in: the HTTP API (`v1`), the command line (`cli`) and file imports (`imports`).

Nothing here decides about money; it authenticates, checks the form of what comes in, and hands it on.
"""
