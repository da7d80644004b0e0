"""The posting queue: natural batches of commands, carried out by one writer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from clearing.batches import Batches
from clearing.core.commands import Command
from clearing.core.outcomes import Outcome
from clearing.writer import Writer


class PostingQueue:
    """A thread that owns a Writer. Any number of threads may call `post`."""

    def __init__(self, make_writer: Callable[[], Writer]) -> None:
        @contextmanager
        def opened() -> Iterator[Callable[[Sequence[Command]], list[Outcome]]]:
            with make_writer() as writer:
                yield writer.post

        self._batches: Batches[Command, Outcome] = Batches("posting", opened)

    def post(self, command: Command, timeout_seconds: float) -> Outcome:
        """The command's outcome, once it is committed.

        Raises TimeoutError if it is not known by then (it may still be posted: repeat it with the same
        key), and whatever the database or a bug raised.
        """
        return self._batches.ask(command, timeout_seconds)

    def close(self) -> None:
        """Post what is waiting, then stop."""
        self._batches.close()
