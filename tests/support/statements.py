"""What is sent to the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """All statements that are sent, in order."""
    seen: list[str] = []

    def execute(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    def begin(_: object) -> None:
        seen.append("BEGIN")

    def commit(_: object) -> None:
        seen.append("COMMIT")

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": execute,
        "begin": begin,
        "commit": commit,
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield seen
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
