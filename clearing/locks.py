"""The advisory locks of the ledger, in one place so that no two uses collide."""

from sqlalchemy import Connection

#: Postings hold it shared, closing and opening of periods exclusively: closing waits for the
#: transactions in flight, and none can land in a period after it is closed. Linking wallets holds it
#: exclusively too: a posting finds its wallets by their cards before it locks them.
PERIODS = 7_430_001

#: First of two keys; the second is the number of the writer that holds it.
WRITERS = 7_430_002

#: Held while participants, merchants, rules or settings change, so that versions follow one another.
DIRECTORY = 7_430_003

#: First of two keys; the second is the number of the scheduled job that is running.
JOBS = 7_430_004

#: First of two keys; the second is a participant with a cap. Writers who are far from it share it.
CAPS = 7_430_005

#: Held while leaves are added to the tree: one after another, so that none is missing and none is twice.
TREE = 7_430_006

#: Held while events are given their numbers, so that a number is never seen before a smaller one.
EVENTS = 7_430_007

#: Held while a payment, or what is carried forward, is put on record: they take turns.
PAYMENTS = 7_430_008

#: Held while the liabilities of closed periods are added up and written.
LIABILITIES = 7_430_009

# An import that is running holds a session lock on its own id, which is far above these numbers; forms of
# pages, and calls with a key that book nothing (clearing.answers), hold one on the hash of their key.


def hold_shared(connection: Connection, lock: int) -> None:
    """Wait for whoever holds the lock exclusively and share it until the transaction ends."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock_shared(%s)", (lock,))


def hold_exclusively(connection: Connection, lock: int) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (lock,))
