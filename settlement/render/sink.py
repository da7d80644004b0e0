"""What a format has to be able to do: take the lines one by one, and finish when all have agreed."""

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
