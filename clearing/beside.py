"""What a caller has written down in the very transaction of an act, so that there is never one without the
other: a line in the audit log, say.

It is called only where the act changes something, and what it raises undoes both.
"""

from collections.abc import Callable

from sqlalchemy import Connection

Beside = Callable[[Connection], None]


def nothing(connection: Connection) -> None:
    """Of callers who write nothing beside."""
