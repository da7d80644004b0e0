"""Working through several things: one that fails does not stop the others, and is told at the end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

Thing = TypeVar("Thing")
Result = TypeVar("Result")

log = structlog.get_logger(__name__)

#: Failures that are told with their reasons; the log has all of them.
TOLD_MAX = 10


class NotAllDone(Exception):
    """Some things could not be done; the text names each with its reason. `counts`: what was done."""

    def __init__(self, failures: Mapping[str, Exception], counts: Mapping[str, int]) -> None:
        self.failures = dict(failures)
        self.counts = dict(counts)
        told = [f"{what}: {reason(error)}" for what, error in list(self.failures.items())[:TOLD_MAX]]
        if len(self.failures) > TOLD_MAX:
            told.append(f"and {len(self.failures) - TOLD_MAX:,} more, which the log names")
        super().__init__("; ".join(told))


class Failures:
    """What failed, by the name of the thing."""

    def __init__(self) -> None:
        self._found: dict[str, Exception] = {}

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Note what is raised within, and go on.

        That the database is gone is raised, as all else would fail too.
        """
        try:
            yield
        except NotAllDone as several:
            self._found |= several.failures
        except Exception as error:
            if is_cut_off(error):
                raise
            log.error("not_done", what=what, exc_info=error)
            self._found[what] = error

    def __len__(self) -> int:
        return len(self._found)

    def tell(self, counts: Mapping[str, int]) -> None:
        """Raise NotAllDone if there were any. `counts`: what was done."""
        if self._found:
            raise NotAllDone(self._found, counts)


def together_or_each(
    carry_out: Callable[[Sequence[Thing]], Sequence[Result]],
    things: Sequence[Thing],
    name: Callable[[Thing], str],
    failures: Failures,
) -> list[Result]:
    """Carry out all at once; if that fails, each alone, so that only the culprits are left. Their results are
    left out, and `failures` has them by name. What is carried out must bear a repetition.
    """
    if not things:
        return []
    try:
        return list(carry_out(things))
    except Exception as error:
        if is_cut_off(error):
            raise
        log.warning("portion_failed", size=len(things), error=repr(error))
    results: list[Result] = []
    for thing in things:
        with failures.of(name(thing)):
            results += carry_out([thing])
    return results


def reason(error: Exception) -> str:
    """The first line of an exception, with its kind."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def is_cut_off(error: Exception) -> bool:
    """Whether the database is gone."""
    return isinstance(error, DBAPIError) and error.connection_invalidated
