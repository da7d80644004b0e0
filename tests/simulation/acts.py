"""Random acts of every kind. Most are in order; some are invalid on purpose.

An act is a command, or follows up on an earlier act: it captures its hold, reverses its transaction, ends its
lot. What it names is known only when the earlier one's outcome is; where that was refused, or is not known to
anybody, it names something that does not exist.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from clearing.adjustments import HUB_WALLET
from clearing.core.accounts import HUB, Asset
from clearing.core.amounts import MAX_QUANTITY
from clearing.core.commands import (
    Accrual,
    AtMerchant,
    Caller,
    Capture,
    Command,
    Expiry,
    Lapse,
    Link,
    Load,
    MoneyAdjustment,
    OnWallet,
    Opening,
    PointsAdjustment,
    Redemption,
    Reversal,
    Scope,
    Spend,
    Unlink,
    Void,
    WithCard,
)
from simulation.clock import ZONE
from simulation.world import AUDITOR, CODES, OPERATOR, Row, World

_FOLLOWED_BY: dict[type[Command], Sequence[type[OnWallet]]] = {
    Accrual: [Reversal, Reversal, Expiry],
    Redemption: [Reversal],
    Spend: [Reversal],
    Load: [Reversal],
    Opening: [Expiry, Expiry, Reversal],
}
_OF_A_HOLD: Sequence[type[OnWallet]] = [Capture, Capture, Capture, Void, Lapse, Reversal]


class FollowUp(NamedTuple):
    """`of`: the acts to look at, the first one whose outcome is known decides; `percent` of its quantity, by
    points or by amount.
    """

    kind: type[OnWallet]
    of: tuple[int, ...]
    key: str
    caller: Caller
    percent: int | None
    by: str
    wallet_id: int
    reference: str | None


Act = Command | FollowUp
#: What stands alone in its batch.
ALONE = (Link, Unlink)


@dataclass
class Maker:
    """Makes one act after another. `at` is about when the act will be sent."""

    world: World
    some: Random
    links: bool = True

    def __post_init__(self) -> None:
        self.acts: list[Act] = []
        self._started: list[int] = []
        self._linked: list[Row] = []
        self._last_card = ""

    def make(self, at: datetime) -> Act:
        """The next act, numbered by its place in `acts`."""
        act: Act
        if self._started and self.some.random() < 0.35:
            act = self._follow_up()
        elif self.some.random() < 0.03:
            act = self._adjustment(at)
        elif self.links and self.some.random() < 0.06:
            act = self._link()
        else:
            act = self._command(at)
            self._started.append(len(self.acts))
        self.acts.append(act)
        return act

    def _follow_up(self) -> FollowUp:
        some = self.some
        # Of the very last ones nobody may have been told yet.
        recent = self._started[-250:-25] if some.random() < 0.8 else self._started
        of = tuple(some.choice(recent or self._started) for _ in range(24))
        first = self.acts[of[0]]
        assert isinstance(first, WithCard), "a follow-up is of a command with a card"
        self._last_card = first.card
        aside = isinstance(first, Redemption | Spend) and not first.capture
        kind = some.choice(_OF_A_HOLD if aside else _FOLLOWED_BY[type(first)])
        of = tuple(one for one in of if self._is_like(one, first))
        return FollowUp(
            kind,
            of,
            uuid(some),
            some.choice([OPERATOR] * 12 + [AUDITOR, self._stranger()]),
            some.choice([None, None, 0, 10, 30, 50, 50, 100, 130]),
            some.choice(["points", "amount"]),
            some.choice(self.world.wallets),
            self._reference() if kind is Reversal else None,
        )

    def _is_like(self, number: int, first: Command) -> bool:
        act = self.acts[number]
        same_capture = getattr(act, "capture", None) == getattr(first, "capture", None)
        return type(act) is type(first) and same_capture

    def _command(self, at: datetime) -> Command:
        some = self.some
        kind = some.choice(
            [Accrual, Accrual, Redemption, Redemption, Redemption, Load, Spend, Spend, Opening]
        )
        if len(self.acts) < 2 * len(self.world.wallets) and some.random() < 0.7:
            kind = Opening
        card = some.choice(self.world.cards)["number"] if some.random() < 0.98 else "NOBODY-1"
        if self._last_card and some.random() < 0.35:
            card = self._last_card  # several acts of one wallet may meet in a batch
        self._last_card = card
        said: dict[str, Any] = {"key": uuid(some), "request_hash": uuid(some), "card": card}
        said |= self._place(kind) | self._times(kind, at)
        quantity = self._quantity()
        if kind is Accrual:
            said |= {"amount": quantity * 40, "points": some.choice([None, None, 0, quantity])}
        elif kind is Redemption:
            said[some.choice(["points", "points", "amount"])] = quantity
            said["purpose"] = some.choice([None, "room", "晚餐"])
        elif kind is Load:
            said |= {"amount": quantity * 20, "issuer": self._issuer(None)}
        elif kind is Spend:
            said["amount"] = quantity * 10
        else:
            asset = some.choice([Asset.POINTS, Asset.POINTS, Asset.STORED_VALUE])
            days = some.choice([None, None, -2, 0, 3, 10, 20, 40, 400])
            last = None if days is None else (at + timedelta(days=days)).astimezone(ZONE).date()
            issuer = self._issuer(some.choice(CODES))
            said |= {"issuer": issuer, "asset": asset, "quantity": quantity * 8, "expires_on": last}
        if kind in {Redemption, Spend} and some.random() < 0.35:
            said |= {"capture": False, "expires_at": self._end_of_hold(at)}
        made: Callable[..., Command] = kind
        return made(**said)

    def _adjustment(self, at: datetime) -> Command:
        """What the operator gives, takes or lets one participant owe another by hand."""
        some = self.some
        said: dict[str, Any] = {"key": uuid(some), "request_hash": uuid(some), "caller": OPERATOR}
        somebody = range(1, len(CODES) + 1)
        if some.random() < 0.3:
            debtor_id, creditor_id = some.sample([HUB, *somebody], 2)
            amount = self._quantity() * 10
            return MoneyAdjustment(
                **said,
                wallet_id=HUB_WALLET,
                debtor_id=debtor_id,
                creditor_id=creditor_id,
                amount=amount,
                reason="agreed",
            )
        last = some.choice([None, at.date() + timedelta(days=20)])
        points = self._quantity() * some.choice([1, 1, -1])
        card, issuer_id = some.choice(self.world.cards), some.choice(somebody)
        return PointsAdjustment(
            **said, card=card["number"], issuer_id=issuer_id, points=points, expires_on=last, reason="agreed"
        )

    def _link(self) -> Command:
        """Two cards come to share a wallet, or the one's member leaves again."""
        some = self.some
        card, other = some.sample(self.world.cards, 2)
        parts = bool(self._linked) and some.random() < 0.4
        if parts and some.random() < 0.9:
            card = some.choice(self._linked)
        elif card["issuer_id"] == other["issuer_id"]:
            other = some.choice(self.world.cards)  # fewer of those that cannot be linked
        # What follows is likely to concern the same people.
        self._last_card = card["number"]
        said: dict[str, Any] = {"key": uuid(some), "request_hash": uuid(some), "card": card["number"]}
        if parts:
            issuer = Caller("key_issuer", Scope.PARTICIPANT, participant_id=card["issuer_id"])
            return Unlink(**said, caller=some.choice([OPERATOR, issuer, issuer, self._stranger()]))
        consents = frozenset(range(1, len(CODES) + 1)) - {some.choice([0] * 12 + [1, 2])}
        self._linked += [card, other]
        number = other["number"] if some.random() < 0.98 else "NOBODY-1"
        return Link(**said, caller=OPERATOR, other_card=number, consents=consents)

    def _quantity(self) -> int:
        some = self.some
        if some.random() < 0.03:
            return some.choice([0, -5, 90_000, MAX_QUANTITY + 1])
        return some.choice([1, 2, 7, some.randint(1, 60), some.randint(1, 400)])

    def _issuer(self, ordinary: str | None) -> str | None:
        return self.some.choice([ordinary] * 4 + list(CODES) * 5 + ["NOBODY"])

    def _place(self, kind: type[Command]) -> dict[str, Any]:
        """Where and on whose authority, sometimes a foreign one's; with the merchant's own number or not."""
        some, merchant = self.some, self.some.choice(self.world.merchants)
        scope = some.choice([Scope.OPERATOR, Scope.OPERATOR, Scope.PARTICIPANT, Scope.MERCHANT])
        caller = self.world.caller_at(merchant, scope)
        if some.random() < 0.03:
            caller = some.choice([AUDITOR, self._stranger()])
        if not issubclass(kind, AtMerchant):
            return {"caller": caller if some.random() < 0.1 else OPERATOR}
        code = merchant["code"] if some.random() < 0.99 else "NOWHERE-1"
        reference = self._reference()
        metadata = {"till": "7", "服务员": "王"} if some.random() < 0.1 else None
        return {"caller": caller, "merchant": code, "reference": reference, "metadata": metadata}

    def _reference(self) -> str | None:
        """A merchant's own number, which others may have taken."""
        some = self.some
        return f"R-{some.randint(1, 20 + len(self.acts) // 30)}" if some.random() < 0.1 else None

    def _stranger(self) -> Caller:
        return self.world.caller_at(self.some.choice(self.world.merchants), Scope.MERCHANT)

    def _times(self, kind: type[Command], at: datetime) -> dict[str, Any]:
        """Now; or some days ago, tomorrow, or as history: booked when it occurred."""
        some = self.some
        if some.random() < 0.9:
            return {}
        days = some.choice([-200, -50, -20, -3, -3, -1, -1, -1, 3])
        occurred_at = at + timedelta(days=days, minutes=some.randint(0, 99))
        return {"occurred_at": occurred_at, "historical": some.random() < 0.5}

    def _end_of_hold(self, at: datetime) -> datetime | None:
        some = self.some
        hours = some.choice([None, None, some.randint(1, 48), some.randint(1, 300), some.randint(1, 700)])
        if some.random() < 0.05:
            hours = some.choice([-90 * 24, 99 * 24])
        return None if hours is None else at + timedelta(hours=hours)


def twisted(act: Command, some: Random) -> Command:
    """Another request under the same key."""
    said: dict[str, Any] = {"request_hash": uuid(some)}
    if isinstance(act, Redemption | Spend | Load | Accrual) and act.amount is not None:
        said["amount"] = act.amount + 1
    return replace(act, **said)


def may_be_twisted(act: Act) -> bool:
    """Whether what is refused without a trace depends on nothing but the request."""
    return isinstance(act, Command) and getattr(act, "expires_at", None) is None


def uuid(some: Random) -> str:
    return str(UUID(int=some.getrandbits(128)))
