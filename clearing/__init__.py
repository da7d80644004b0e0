"""The central ledger: who takes part, what members hold, and every act that moved it.

`core` decides; `load` gathers, `append` applies, `post` joins the three in one database transaction.
"""
