"""The functional core of the ledger: standard library only, no SQL, clock, randomness or logging.

`decide(snapshot, commands, at, ids)` is the only way in for everything that moves value.
"""
