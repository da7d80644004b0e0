"""Settlement: closing a period into one net amount per participant, and the statements about it.

`core` computes; `close` closes, `query` reads, `statement` and `render` make what finance downloads.
"""
