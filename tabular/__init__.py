"""Tables in files of text that people send: which characters the bytes are, which lines are one row, and what
spreadsheets do to cells. Knows nothing of the business.
"""
