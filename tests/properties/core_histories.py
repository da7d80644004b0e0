"""Random alliances, and random histories in them: batches of commands, between which time passes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

from clearing.core.accounts import Asset
from clearing.core.amounts import MAX_QUANTITY
from clearing.core.calendar import PeriodState
from clearing.core.commands import (
    Accrual,
    Caller,
    Capture,
    Command,
    Expiry,
    Lapse,
    Load,
    OnHold,
    OnWallet,
    Opening,
    Redemption,
    Reversal,
    Scope,
    Spend,
    Void,
)
from clearing.core.directory import Directory
from clearing.core.holds import Hold, HoldStatus
from clearing.core.journal import Entry, Leg, Transaction, TransactionKind
from clearing.core.outcomes import Outcome
from clearing.core.rulebook import DrawOrder, ExchangeKind, FeeRule, Rulebook
from clearing.core.snapshot import Lot
from support.core import NOW, OPERATOR, Books, alliance

PERIODS = (202610, 202611, 202612, 202701)

# Given: random alliances.

CARDS = [
    "J-1 Wang JADE",
    "L-1 Wang LOTUS",
    "P-1 Li PINE",
    "J-2 Zhao JADE",
    "L-2 Zhao LOTUS blocked",
    "P-2 Chen PINE until=2026-12-05",
]
LOTS = {
    "Wang": [
        "JADE 400 pts 2026-11-20",
        "PINE ¥9.00 never",
        "LOTUS 600 pts never held=15",
        "PINE 90 pts 2026-12-31",
    ],
    "Li": ["LOTUS 300 pts 2027-01-31", "JADE 50 pts 2026-11-15", "JADE ¥5.00 never", "LOTUS ¥0.40 never"],
    "Chen": ["JADE ¥2.00 2026-12-10 held=50", "JADE 70 pts never", "LOTUS 30 pts 2026-11-20"],
}
CODES = ["JADE", "LOTUS", "PINE"]

rates = st.sampled_from(["0", "0.006", "0.01", "0.02", "0.025", "0.333", "1"]).map(Decimal)
shares = st.sampled_from(["0", "1", "1", "0.5", "0.25", "0.3333", "0.999"]).map(Decimal)
point_values = st.sampled_from(["1", "1", "0.3", "2.5", "0.01", "1.005", "7"]).map(Decimal)
reimbursements = st.sampled_from(["1", "1", "0.8", "0.333", "0"]).map(Decimal)
some_participant = st.sampled_from([None, None, None, 1, 2, 3])
some_days = st.sampled_from([None, None, None, date(2026, 10, 1), date(2026, 11, 16), date(2026, 12, 1)])


@st.composite
def fee_rules(draw: st.DrawFn, kind: ExchangeKind) -> FeeRule:
    minimum = draw(st.none() | st.integers(0, 60))
    maximum = draw(st.none() | st.integers(minimum or 0, 200))
    return FeeRule(
        0,
        kind,
        draw(some_participant),
        draw(some_participant),
        draw(shares),
        draw(rates),
        draw(st.sampled_from([0, 0, 0, 1, 33])),
        minimum,
        maximum,
        draw(some_days),
    )


def _participant(code: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda *words: " ".join([code, *words]),
        st.sampled_from([*["enabled"] * 7, "", "enabled suspended"]),
        st.sampled_from(["earn=1", "earn=1.5", "earn=0", "earn=0.37"]),
        st.sampled_from(["expiry=never", "expiry=rolling:1", "expiry=rolling:24", "expiry=fixed:12-31"]),
    )


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    merchants = ["JADE-2", "PINE-2 suspended"]
    found = alliance(*(draw(_participant(code)) for code in CODES), merchants=merchants)
    rules: list[FeeRule] = []
    for kind in ExchangeKind:
        rules += draw(st.lists(fee_rules(kind), min_size=1, max_size=3))
    agreed = found.rulebook.settings._replace(
        point_value=draw(point_values),
        reimbursement_rate=draw(reimbursements),
        draw_order=draw(st.sampled_from(DrawOrder)),
    )
    numbered = [rule._replace(id=id_) for id_, rule in enumerate(rules, 1)]
    return Directory(1, found.participants, found.merchants, Rulebook(7, agreed, numbered))


# Apply: random commands, in batches, between which time passes and periods are closed.

KINDS = [Redemption, Spend, Accrual, Load, Redemption, Opening]
FOLLOW_UPS = [Capture, Capture, Void, Lapse, Reversal, Reversal, Reversal, Expiry]
ASIDE = ["caller", "merchant", "card", "issuer", "time", "quantity", "key", "reference", "life"]
JADE_KEY = Caller("key_jade", Scope.PARTICIPANT, participant_id=1)
LOTUS_1_KEY = Caller("key_lotus_1", Scope.MERCHANT, participant_id=2, merchant_id=201)
AUDITOR = Caller("key_auditor", Scope.AUDITOR)
PAST, FUTURE = NOW - timedelta(days=30), NOW + timedelta(days=99)


@st.composite
def commands(draw: st.DrawFn) -> Command:
    """Most are in order; in two of five, one thing is out of the ordinary or used before."""
    aside = draw(st.sampled_from([""] * 12 + ASIDE))

    def pick(name: str, ordinary: Sequence[Any], odd: Sequence[Any]) -> Any:
        return draw(st.sampled_from(odd if aside == name else ordinary))

    common: dict[str, Any] = {
        "key": f"k{draw(st.integers(0, 3 if aside == 'key' else 10_000))}",
        "caller": pick("caller", [OPERATOR], [JADE_KEY, LOTUS_1_KEY, AUDITOR]),
        "card": pick("card", ["J-1", "P-1", "J-2", "J-2", "P-2"], ["L-1", "L-2", "X-0"]),
        "occurred_at": pick("time", [None], [PAST, NOW, FUTURE]),
        "reference": pick("reference", [None], ["A", "B"]),
    }
    common["historical"] = aside == "time" and draw(st.booleans())
    kind = draw(st.sampled_from(KINDS))
    quantity = pick("quantity", [1, 2, 3, 25, 50, 99], [0, -1, MAX_QUANTITY + 1, 5_000])
    if kind is not Opening:
        ordinary = ["LOTUS-1", "PINE-1", "JADE-1", "JADE-2"]
        common["merchant"] = pick("merchant", ordinary, ["PINE-2", "NOWHERE-1"])
    if kind is Accrual:
        special = {"amount": quantity * 37, "points": draw(st.sampled_from([None, 0, 5, 30]))}
    elif kind is Redemption:
        special = {draw(st.sampled_from(["points", "amount"])): quantity}
        special["capture"] = draw(st.booleans())
    elif kind is Load:
        special = {"amount": quantity, "issuer": pick("issuer", [None, *CODES], ["NOBODY"])}
    elif kind is Spend:
        special = {"amount": quantity, "capture": draw(st.booleans())}
    else:
        special = {
            "issuer": pick("issuer", CODES, ["NOBODY"]),
            "asset": draw(st.sampled_from(Asset)),
            "quantity": quantity,
            "expires_on": draw(st.sampled_from([None, date(2026, 11, 14), date(2026, 11, 20)])),
        }
    if not special.get("capture", True):
        special["expires_at"] = pick("life", [None], [PAST, NOW + timedelta(hours=12), FUTURE])
    return _made(kind, common | special)


def _made(kind: Callable[..., Command], said: dict[str, Any]) -> Command:
    """Its hash says everything but the key."""
    without_key = {name: value for name, value in said.items() if name != "key"}
    return kind(request_hash=f"{kind.__name__} {without_key}", **said)


#: What a reversal looks for: accruals, whose points may be spent; what can be reversed; anything.
_REVERSIBLE = [
    {TransactionKind.ACCRUAL},
    {TransactionKind.ACCRUAL, TransactionKind.REDEMPTION, TransactionKind.LOAD, TransactionKind.SPEND},
    set(TransactionKind),
]


class FollowUp(NamedTuple):
    """A command about something that is there when its batch begins, or that the batch is about to make.

    `which` of the holds, transactions or lots there are; `percent` of it, in points or fen (`unit`).
    """

    kind: type[OnWallet]
    which: int
    percent: int | None
    unit: str
    common: dict[str, Any]

    def command(self, books: Books) -> Command:
        said = {**self.common}
        if issubclass(self.kind, OnHold):
            waiting = [hold for hold in books.holds.values() if hold.status is HoldStatus.HELD]
            row = self._one_of(books, waiting or list(books.holds.values()))
            said["hold_id"] = row.id
        elif self.kind is Reversal:
            booked = list(books.transactions.values())
            kinds = _REVERSIBLE[self.which % len(_REVERSIBLE)]
            row = self._one_of(books, [one for one in booked if one.kind in kinds] or booked)
            said |= {"transaction_id": row.id, "reason": "returned"}
        else:
            full = [lot for lot in books.lots.values() if lot.available and lot.expires_on]
            row = self._one_of(books, full if self.which % 7 else list(books.lots.values()))
            said["lot_id"] = row.id
        if self.percent is not None and self.kind in {Capture, Reversal}:
            quantity = getattr(row, self.unit, 10)
            said[self.unit] = max(quantity * self.percent // 100, 1)
        return _made(self.kind, said | {"wallet_id": row.wallet_id})

    def _one_of(self, books: Books, rows: Sequence[Hold | Transaction | Lot]) -> "Hold | Transaction | Lot":
        """One of the rows; or, now and then and where there is none, one that may be made next."""
        if rows and self.which % 8 != 7:
            return rows[self.which % len(rows)]
        next_id = max([999, *books.lots, *books.transactions, *books.holds]) + 1
        wallet_id = 1 + self.which % len(books.wallets)
        return Lot(wallet_id, next_id + self.which % 3, 1, Asset.POINTS, None, 10)


@st.composite
def follow_ups(draw: st.DrawFn) -> FollowUp:
    aside = draw(st.sampled_from([""] * 8 + ["caller", "time", "key", "reference"]))
    common: dict[str, Any] = {
        "key": f"k{draw(st.integers(0, 3 if aside == 'key' else 10_000))}",
        "caller": draw(st.sampled_from([JADE_KEY, LOTUS_1_KEY, AUDITOR])) if aside == "caller" else OPERATOR,
        "occurred_at": draw(st.sampled_from([PAST, NOW, FUTURE])) if aside == "time" else None,
    }
    kind = draw(st.sampled_from(FOLLOW_UPS))
    if kind is Reversal:
        common["reference"] = draw(st.sampled_from(["A", "B"])) if aside == "reference" else None
    return FollowUp(
        kind,
        draw(st.integers(0, 1000)),
        draw(st.sampled_from([None, None, 0, 30, 50, 100, 120])),
        draw(st.sampled_from(["points", "amount"])),
        common,
    )


acts = commands() | follow_ups() | follow_ups()


def as_command(act: Command | FollowUp, books: Books) -> Command:
    return act.command(books) if isinstance(act, FollowUp) else act


class Step(NamedTuple):
    """One batch, after so much time and, maybe, after a period was closed (`early`: at that instant)."""

    acts: list[Command | FollowUp]
    wait: timedelta
    close: bool
    early: bool


waits = st.sampled_from([timedelta(0), timedelta(0), timedelta(hours=1), timedelta(days=10)])
beginnings = st.builds(
    Step, st.lists(commands(), min_size=3, max_size=8), waits, st.just(False), st.just(False)
)
continuations = st.builds(
    Step, st.lists(acts, min_size=2, max_size=6), waits, st.sampled_from([False, False, True]), st.booleans()
)
steps = st.builds(
    lambda first, later: [first, *later], beginnings, st.lists(continuations, min_size=1, max_size=4)
)


class History:
    """What became of the steps: each command's outcome, and the books at the end.

    `batches` are the commands of each step: what a follow-up names is looked up when its batch begins.
    """

    def __init__(self, directory: Directory, given_steps: Sequence[Step], singly: bool = False) -> None:
        self.books = Books(directory, CARDS, LOTS, periods=PERIODS)
        self.batches: list[list[Command]] = []
        self.commands: list[Command] = []
        self.outcomes: list[Outcome] = []
        for step in given_steps:
            self._pass_time(step)
            commands = [as_command(act, self.books) for act in step.acts]
            self.batches.append(commands)
            self.commands += commands
            for batch in [[command] for command in commands] if singly else [commands]:
                self.outcomes += self.books.post(*batch)

    def _pass_time(self, step: Step) -> None:
        books = self.books
        books.at += step.wait
        if step.close:
            period = next(period for period in books.periods if period.state is PeriodState.OPEN)
            if period.ends_at <= books.at:
                books.close(period.number)
            elif step.early and step.wait and period.number < PERIODS[-1]:
                books.close(period.number, at=books.at)

    def legs_and_entries(self) -> Iterable[tuple[list[Leg], list[Entry]]]:
        """By transaction."""
        for id_ in self.books.transactions:
            yield (
                [leg for leg in self.books.all_legs.values() if leg.transaction_id == id_],
                [entry for entry in self.books.journal.values() if entry.transaction_id == id_],
            )
