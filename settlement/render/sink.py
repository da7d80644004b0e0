"""What a format has to be able to do: take the lines one by one, and finish when all have agreed."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from settlement.core.statement import DetailLine
from settlement.statement import Detail


class Sink(Protocol):
    """One file on its way. It has been given the statement already."""

    def line(self, line: DetailLine, text: bytes) -> None:
        """`text` is the line as CSV."""

    def end(self, detail: Detail) -> None:
        """All lines have come, and they tie out. Write the rest."""

    def close(self) -> None:
        """Let go of everything, whether it came to an end or not."""


class Apart:
    """A sink whose first fault is told instead of raised; after it nothing more comes of it."""

    def __init__(self, begin: Callable[[], Sink], failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._sink: Sink | None = None
        try:
            self._sink = begin()
        except Exception as error:
            failed(error)

    def line(self, line: DetailLine, text: bytes) -> None:
        if self._sink is not None:
            try:
                self._sink.line(line, text)
            except Exception as error:
                self._give_up(error)

    def end(self, detail: Detail) -> None:
        if self._sink is not None:
            try:
                self._sink.end(detail)
            except Exception as error:
                self._give_up(error)

    def close(self) -> None:
        if self._sink is not None:
            self._sink.close()

    def _give_up(self, error: Exception) -> None:
        sink, self._sink = self._sink, None
        assert sink is not None, "one that was given up raises nothing more"
        # What is let go of here may fail for the same reason, which is about to be told.
        with suppress(Exception):
            sink.close()
        self._failed(error)
