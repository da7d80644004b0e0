"""Files of members, balances and acts: read as a stream, each row posted or listed as refused.

`reader` turns a file into rows, `kinds` rows into commands, `runner` posts them in batches and keeps count,
`store` is the record of it in the database. An import that was cut off goes on where it stopped.
"""
