"""The history of the tables, as Alembic revisions in `versions`; run by `database.migrations`.

`HEAD` holds the id of the newest revision. `alembic revision` writes it, and a test compares it with what
the revisions say. Two branches that each add a revision therefore collide in git, where somebody looks,
and not as two heads in production.

A change of tables that hold data goes in three steps, each deployable by itself: *expand* (add what is
new, nullable or with a default), *backfill* (fill it in small batches, outside of the migration if there is
much), *contract* (make it required, drop the old). Statements give up after five seconds of waiting for
a lock, so a migration never blocks the postings behind it for long.
"""
