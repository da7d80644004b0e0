"""What the workers have been told, so that follow-ups can name it."""

import threading
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from clearing.core.commands import Capture, Command, Expiry, Load, Reversal, Spend
from clearing.core.outcomes import Held, Outcome, Posted, Replayed
from simulation.acts import Act, FollowUp


class Known(NamedTuple):
    """What became of an act: the transaction or hold, and the lots it moved with their last days."""

    wallet_id: int
    id: int
    lots: tuple[tuple[int, date | None], ...]


class Register:
    """What the workers have been told so far, by act; and what the follow-ups became by it."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self._acts = acts
        self._known: dict[int, Known] = {}
        self._commands: dict[int, Command] = {}
        self._lock = threading.Lock()

    def tell(self, number: int, outcome: Outcome) -> None:
        known = None
        if isinstance(outcome, Posted):
            row = outcome.booking.transaction
            moved = tuple((one.lot_id, one.expires_on) for one in outcome.booking.movements)
            known = Known(row.wallet_id, row.id, moved)
        elif isinstance(outcome, Held):
            known = Known(outcome.hold.wallet_id, outcome.hold.id, ())
        elif isinstance(outcome, Replayed):
            id_ = outcome.recorded.transaction_id or outcome.recorded.hold_id
            if outcome.recorded.wallet_id is not None and id_ is not None:
                known = Known(outcome.recorded.wallet_id, id_, ())
        if known is not None:
            with self._lock:
                self._known.setdefault(number, known)

    def command(self, number: int) -> Command:
        """The act as a command, the same whoever asks and whenever."""
        act = self._acts[number]
        if not isinstance(act, FollowUp):
            return act
        with self._lock:
            if number not in self._commands:
                self._commands[number] = self._followed_up(number, act)
            return self._commands[number]

    def _followed_up(self, number: int, act: FollowUp) -> Command:
        of, known = next(
            ((of, self._known[of]) for of in act.of if of in self._known),
            (act.of[0], Known(act.wallet_id, 4_000 + number, ())),
        )
        said: dict[str, Any] = {"key": act.key, "caller": act.caller, "wallet_id": known.wallet_id}
        said["request_hash"] = str(UUID(int=UUID(act.key).int ^ 1))
        made: Callable[..., Command] = act.kind
        if act.kind is Expiry:
            return made(**said, lot_id=known.lots[0][0] if known.lots else 4_000 + number)
        said["transaction_id" if act.kind is Reversal else "hold_id"] = known.id
        if act.kind is Reversal:
            said |= {"reason": "returned", "reference": act.reference}
        if act.kind in {Reversal, Capture} and act.percent is not None:
            original = self._acts[of]
            by = act.by if getattr(original, act.by, None) is not None else "points"
            quantity = getattr(original, by, None) or getattr(original, "amount", None) or 100
            by = "amount" if isinstance(original, Spend | Load) else by
            said[by] = quantity * act.percent // 100
        return made(**said)
