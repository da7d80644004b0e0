"""One key, one outcome: the outcome that a request has already, and whether it is that of the same request.

Outcomes are kept for ever, so those recorded under the hashes of earlier versions are still found.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

from clearing.core.outcomes import Code, Recorded, Refusal

REUSED = Refusal(
    Code.IDEMPOTENCY_KEY_REUSED,
    "This idempotency key was used for another request. Send the first request again, or use a new key.",
)


class Keyed(Protocol):
    """A command or an enrolment; the fields are described at `clearing.core.commands.Command`."""

    @property
    def key(self) -> str: ...
    @property
    def request_hash(self) -> str: ...
    @property
    def former_key(self) -> str | None: ...
    @property
    def former_hashes(self) -> Callable[[], Collection[str]] | None: ...


def keys_of(requests: Iterable[Keyed]) -> Iterator[str]:
    """All keys under which these may have an outcome."""
    for one in requests:
        yield one.key
        if one.former_key is not None:
            yield one.former_key


def recorded_for(one: Keyed, recorded: Callable[[str], Recorded | None]) -> Recorded | None:
    """The outcome that its key has, now or as it was hashed before."""
    found = recorded(one.key)
    if found is None and one.former_key is not None:
        found = recorded(one.former_key)
    return found


def is_same_request(one: Keyed, recorded: Recorded) -> bool:
    """Whether the outcome is that of this very request, and not of another one with its key."""
    if recorded.request_hash == one.request_hash:
        return True
    return one.former_hashes is not None and recorded.request_hash in one.former_hashes()
