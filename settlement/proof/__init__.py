"""The proof in a statement: that its lines are what was sealed, and that the hub has said so.

| module | what |
|---|---|
| `lines` | from a line's own figures back to the leaf of the tree |
| `made` | the proof as it is put into the JSON, from the database |
| `reading` | a JSON document of any size, piece by piece |
| `offline` | checks a file without a database: totals, data hash, proofs, signatures |
"""
