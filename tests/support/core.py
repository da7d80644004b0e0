"""Builders for tests of the ledger core, in the field's own notation.

given   directory = alliance("JADE", "LOTUS", fees=["redemption 2%"])
        books = Books(directory, ["J-1 Wang JADE"], {"Wang": ["JADE 300 pts never"]})
apply   booked = books.book(redeem(100, "LOTUS-1"))
booked  books.legs(booked) == ["redemption of JADE: 100 pts, ¥1.00; JADE owes LOTUS ¥1.00; …"]

Each participant has a merchant `CODE-1`; commands are given with card `J-1` by the operator unless told
otherwise. `Books` keeps what decisions wrote, with the constraints that a database would hold.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from clearing.core import arrears
from clearing.core.accounts import CHART, Account, Asset, EntryKind, Unit
from clearing.core.batch import Decision
from clearing.core.calendar import ExpiryKind, ExpiryPolicy, Period, PeriodState, following, month
from clearing.core.commands import (
    Accrual,
    Caller,
    Capture,
    Command,
    Expiry,
    Lapse,
    Link,
    Load,
    Opening,
    Redemption,
    Reversal,
    Scope,
    Spend,
    Unlink,
    Void,
)
from clearing.core.decide import decide
from clearing.core.directory import Directory, Merchant, Participant, Status
from clearing.core.holds import Hold, HoldStatus
from clearing.core.journal import (
    Booking,
    Entry,
    Leg,
    LegKind,
    PositionChange,
    PositionKey,
    Transaction,
    TransactionKind,
)
from clearing.core.limits import Cap, Usage, UsageKey
from clearing.core.outcomes import Held, Moved, Outcome, Posted, Recorded, Refusal
from clearing.core.plan import Move
from clearing.core.rulebook import AllianceSettings, ExchangeKind, FeeRule, Rulebook, Tier
from clearing.core.snapshot import (
    ArrearsKey,
    Card,
    CardStatus,
    Lot,
    Original,
    ReferenceKey,
    Snapshot,
    Terms,
    Trace,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 15, 10, 0, tzinfo=SHANGHAI)
OPERATOR = Caller("key_operator", Scope.OPERATOR)
CARD = "J-1"
NEVER = "never"

_keys = count(1)
Key = TypeVar("Key")
Row = TypeVar("Row")


# Money and dates, as an accountant writes them.


def fen(text: str) -> int:
    """`¥1,234.50` → 123450."""
    return int(Decimal(text.replace("¥", "").replace(",", "")) * 100)


def yuan(amount: int) -> str:
    """123450 → `¥1,234.50`; −100 → `¥-1.00`."""
    return f"¥{Decimal(amount) / 100:,.2f}"


def shanghai(text: str) -> datetime:
    """`2026-11-30 23:59` as an instant in the alliance's time zone."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def _day(text: str) -> date | None:
    return None if text == NEVER else date.fromisoformat(text)


# The alliance.


def participant(id_: int, text: str) -> Participant:
    """`JADE [suspended] [enabled] [earn=1.5] [expiry=never|rolling:12|fixed:06-30]`."""
    code, *words = text.split()
    found = Participant(id_, code, code.title())
    for word in words:
        name, _, value = word.partition("=")
        match name:
            case "suspended":
                found = found._replace(status=Status.SUSPENDED)
            case "enabled":
                found = found._replace(stored_value_enabled=True)
            case "earn":
                found = found._replace(earn_rate=Decimal(value))
            case "expiry":
                found = found._replace(expiry=expiry(value))
            case _:
                raise ValueError(word)
    return found


def expiry(text: str) -> ExpiryPolicy:
    """`never`, `rolling:24` (months) or `fixed:06-30` (month and day)."""
    name, _, value = text.partition(":")
    match kind := ExpiryKind(name):
        case ExpiryKind.NEVER:
            return ExpiryPolicy(kind)
        case ExpiryKind.ROLLING:
            return ExpiryPolicy(kind, months=int(value))
        case ExpiryKind.FIXED:
            month_, day = value.split("-")
            return ExpiryPolicy(kind, month=int(month_), day=int(day))


def fee_rule(id_: int, text: str, ids: Mapping[str, int]) -> FeeRule:
    """`redemption 2% [issuer=JADE] [acceptor=LOTUS] [payer=issuer] [flat=¥1] [min=¥1] [max=¥9] [from=DATE]`.

    `payer=0.25` is a split: the acceptor's share. `above=¥100:0.5%` is a tier; there may be several.
    """
    kind, rate, *words = text.split()
    said = dict(word.split("=") for word in words)
    tiers = [word.removeprefix("above=").split(":") for word in words if word.startswith("above=")]
    share = {"acceptor": "1", "issuer": "0"}
    payer = said.get("payer", "acceptor")
    return FeeRule(
        id_,
        ExchangeKind[kind.upper()],
        ids[said["issuer"]] if "issuer" in said else None,
        ids[said["acceptor"]] if "acceptor" in said else None,
        Decimal(share.get(payer, payer)),
        Decimal(rate.removesuffix("%")) / 100,
        fen(said.get("flat", "0")),
        fen(said["min"]) if "min" in said else None,
        fen(said["max"]) if "max" in said else None,
        date.fromisoformat(said["from"]) if "from" in said else None,
        tuple(Tier(fen(above), Decimal(lower.removesuffix("%")) / 100) for above, lower in tiers),
    )


def alliance(
    *participants: str, fees: Iterable[str] = (), merchants: Iterable[str] = (), **settings: Any
) -> Directory:
    """Participants 1, 2, … with a merchant `CODE-1` each; `merchants` adds more: `JADE-2 suspended`."""
    members = [participant(id_, text) for id_, text in enumerate(participants, 1)]
    ids = {member.code: member.id for member in members}
    outlets: dict[str, Merchant] = {}
    for text in [*(f"{code}-1" for code in ids), *merchants]:
        code, *words = text.split()
        owner, _, number = code.partition("-")
        status = Status.SUSPENDED if "suspended" in words else Status.ACTIVE
        outlets[code] = Merchant(ids[owner] * 100 + int(number), code, code.title(), ids[owner], status)
    rules = [fee_rule(id_, text, ids) for id_, text in enumerate(fees, 1)]
    settings.setdefault("time_zone", SHANGHAI)
    rulebook = Rulebook(7, AllianceSettings(**settings), rules)
    return Directory(1, {member.id: member for member in members}, outlets, rulebook)


# Commands: money as `¥1.00`, points as a number; every command has a key of its own unless given one.


def _act(what: str, common: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in sorted(common.items()) if name != "key"}
    return {"key": f"key-{next(_keys)}", "request_hash": f"{what} {said}", "caller": OPERATOR} | common


def _common(what: str, common: dict[str, Any]) -> dict[str, Any]:
    return {"card": CARD} | _act(what, common)


def accrue(amount: str, merchant: str, points: int | None = None, **common: Any) -> Accrual:
    what = f"accrual {amount} {merchant} {points}"
    return Accrual(merchant=merchant, amount=fen(amount), points=points, **_common(what, common))


def redeem(quantity: int | str, merchant: str, purpose: str | None = None, **common: Any) -> Redemption:
    """So many points, or by amount: as many as are worth `¥…`."""
    points, amount = (None, fen(quantity)) if isinstance(quantity, str) else (quantity, None)
    what = f"redemption {quantity} {merchant} {purpose}"
    return Redemption(
        merchant=merchant, points=points, amount=amount, purpose=purpose, **_common(what, common)
    )


def load(amount: str, merchant: str, issuer: str | None = None, **common: Any) -> Load:
    what = f"load {amount} {merchant} {issuer}"
    return Load(merchant=merchant, amount=fen(amount), issuer=issuer, **_common(what, common))


def spend(amount: str, merchant: str, **common: Any) -> Spend:
    return Spend(merchant=merchant, amount=fen(amount), **_common(f"spend {amount} {merchant}", common))


def open_balance(text: str, **common: Any) -> Opening:
    """`JADE 1500 pts 2027-01-31` or `JADE ¥500.00 never`."""
    issuer, asset, quantity, expires_on = _balance(text)
    said = _common(f"opening {text}", common)
    return Opening(issuer=issuer, asset=asset, quantity=quantity, expires_on=expires_on, **said)


def aside(command: Redemption | Spend, until: str | None = None) -> Redemption | Spend:
    """A hold for what the redemption or spend would take; `until` in the alliance's time zone."""
    return replace(
        command,
        key=f"{command.key} aside",
        request_hash=f"{command.request_hash} aside until {until}",
        capture=False,
        expires_at=shanghai(until) if until else None,
    )


def capture(held: Hold, quantity: int | str | None = None, **common: Any) -> Capture:
    """All that is held, or so many points, or by amount: `¥…`."""
    said: dict[str, Any] = {"hold_id": held.id}
    return Capture(**said | _on_wallet(f"capture {held.id}", held.wallet_id, quantity, common))


def void(held: Hold, **common: Any) -> Void:
    return Void(hold_id=held.id, **_act(f"void {held.id}", {"wallet_id": held.wallet_id} | common))


def lapse(held: Hold, **common: Any) -> Lapse:
    return Lapse(hold_id=held.id, **_act(f"lapse {held.id}", {"wallet_id": held.wallet_id} | common))


def reverse(of: Booking | Hold, quantity: int | str | None = None, **common: Any) -> Reversal:
    """All that is left of it, or so many points, or by amount: `¥…`."""
    row = of if isinstance(of, Hold) else of.transaction
    said: dict[str, Any] = {"transaction_id": row.id, "reason": "returned"}
    return Reversal(**said | _on_wallet(f"reversal {row.id}", row.wallet_id, quantity, common))


def expire(lot: Lot, **common: Any) -> Expiry:
    return Expiry(lot_id=lot.id, **_act(f"expiry {lot.id}", {"wallet_id": lot.wallet_id} | common))


def link(card: str, other_card: str, consents: Iterable[int] = range(1, 9), **common: Any) -> Link:
    """Let the holders of the two cards be one person; `consents`: participants by number, or all of them."""
    agreed = frozenset(consents)
    said = _act(f"link {card} {other_card} {sorted(agreed)}", common)
    return Link(card=card, other_card=other_card, consents=agreed, **said)


def unlink(card: str, **common: Any) -> Unlink:
    return Unlink(card=card, **_act(f"unlink {card}", common))


def _on_wallet(
    what: str, wallet_id: int, quantity: int | str | None, common: dict[str, Any]
) -> dict[str, Any]:
    by = "amount" if isinstance(quantity, str) else "points"
    number = fen(quantity) if isinstance(quantity, str) else quantity
    return {by: number, "wallet_id": wallet_id} | _act(f"{what} {quantity}", common)


def _balance(text: str) -> tuple[str, Asset, int, date | None]:
    match text.split():
        case [issuer, quantity, "pts", day]:
            return issuer, Asset.POINTS, int(quantity), _day(day)
        case [issuer, amount, day]:
            return issuer, Asset.STORED_VALUE, fen(amount), _day(day)
    raise ValueError(text)


def card(text: str, wallets: dict[str, int], directory: Directory) -> Card:
    """`J-1 Wang JADE [blocked|expired] [until=2027-01-31]`; a new holder gets the next wallet id."""
    number, holder, issuer, *words = text.split()
    owner = directory.participant(issuer)
    assert owner is not None, f"{issuer} takes no part"
    found = Card(number, wallets.setdefault(holder, len(wallets) + 1), owner.id)
    for word in words:
        if word.startswith("until="):
            found = found._replace(expires_on=_day(word.removeprefix("until=")))
        else:
            found = found._replace(status=CardStatus(word))
    return found


class Books:
    """The state between batches: lots, journal, positions, keys, references, periods.

    `apply` holds what a database would: ids and keys are new, only rows that exist are changed.
    """

    def __init__(
        self,
        directory: Directory,
        cards: Iterable[str] = ("J-1 Wang JADE",),
        lots: Mapping[str, Iterable[str]] | None = None,
        *,
        at: datetime = NOW,
        periods: Iterable[int] = (202610, 202611, 202612, 202701),
        first_id: int = 1000,
    ) -> None:
        self.directory = directory
        self.at = at
        self.ids = count(first_id)
        zone = directory.rulebook.settings.time_zone
        self.periods: list[Period] = [month(number, zone) for number in periods]
        self.closed_until: datetime | None = None
        self.wallets: dict[str, int] = {}
        cards = list(cards)
        self.cards = {
            found.number: found for found in (card(text, self.wallets, directory) for text in cards)
        }
        self.holders = {text.split()[0]: text.split()[1] for text in cards}
        self.merged: dict[int, int] = {}
        self.opening: dict[int, Lot] = {}
        self.lots: dict[int, Lot] = {}
        for holder, texts in (lots or {}).items():
            for text in texts:
                self._give(self.wallets[holder], text)
        self.transactions: dict[int, Transaction] = {}
        self.journal: dict[tuple[int, int], Entry] = {}
        self.all_legs: dict[tuple[int, int], Leg] = {}
        self.positions: Counter[tuple[PositionKey, str]] = Counter()
        self.recorded: dict[str, Recorded] = {}
        self.references: set[ReferenceKey] = set()
        self.holds: dict[int, Hold] = {}
        self.arrears: dict[ArrearsKey, int] = {}
        self.bookings: dict[int, Booking] = {}
        self.usage: dict[UsageKey, Usage] = {}
        self.caps: dict[int, Cap] = {}
        self.terms: dict[int, Terms] = {}

    def _give(self, wallet_id: int, text: str) -> None:
        """A lot that is there from the beginning: `JADE 300 pts never [held=100]`."""
        text, _, held = text.partition(" held=")
        issuer, asset, quantity, expires_on = _balance(text)
        owner = self.directory.participant(issuer)
        assert owner is not None, f"{issuer} takes no part"
        id_ = 501 + len(self.lots)
        self.lots[id_] = Lot(wallet_id, id_, owner.id, asset, expires_on, quantity, int(held or 0))
        self.opening[id_] = self.lots[id_]

    def close(self, number: int, at: datetime | None = None) -> None:
        """Close a period, early where `at` is given: it ends at that instant and the next begins there."""
        for index, period in enumerate(self.periods):
            if period.number == number:
                ends_at = at or period.ends_at
                self.periods[index] = period._replace(ends_at=ends_at, state=PeriodState.CLOSED)
                self.closed_until = ends_at
            elif period.number == following(number) and at:
                self.periods[index] = period._replace(starts_at=at)

    def lot(self, text: str) -> Lot:
        """The first lot of which this is the issuer and the last day: `JADE 2027-01-31`."""
        issuer, day = text.split()
        return next(
            lot
            for lot in self.lots.values()
            if (self.code(lot.issuer_id), lot.expires_on) == (issuer, _day(day))
        )

    def snapshot(self) -> Snapshot:
        lots: dict[int, list[Lot]] = {}
        for lot in self.lots.values():
            lots.setdefault(lot.wallet_id, []).append(lot)
        return Snapshot(
            self.directory,
            tuple(self.periods),
            self.closed_until,
            dict(self.cards),
            lots,
            arrears=dict(self.arrears),
            holds=dict(self.holds),
            originals={id_: self._original(booking) for id_, booking in self.bookings.items()},
            usage=dict(self.usage),
            caps=dict(self.caps),
            recorded=dict(self.recorded),
            references=frozenset(self.references),
            elsewhere=self._elsewhere(),
            open_holds=[hold for hold in self.holds.values() if hold.status is HoldStatus.HELD],
        )

    def _elsewhere(self) -> dict[tuple[int, int], int]:
        """Everything by the wallets that it may be named by, as they were merged."""
        lies = {id_: hold.wallet_id for id_, hold in self.holds.items()}
        lies |= {id_: row.wallet_id for id_, row in self.transactions.items()}
        return {
            (name, id_): wallet_id
            for id_, wallet_id in lies.items()
            for name in {*self.merged, *self.merged.values()}
            if name != wallet_id and self._root(name) == self._root(wallet_id)
        }

    def _root(self, wallet_id: int) -> int:
        return self.merged.get(wallet_id, wallet_id)

    def _original(self, booking: Booking) -> Original:
        reversals = [one for one in self.transactions.values() if one.original_id == booking.transaction.id]
        return Original(
            booking,
            self.terms[booking.transaction.id],
            -sum(one.points for one in reversals),
            -sum(one.amount for one in reversals),
            self._ends(booking),
            traces=self._traces(booking) if booking.transaction.kind is TransactionKind.ACCRUAL else (),
        )

    def _wallets(self, row: Transaction) -> set[int]:
        """Those to which what was booked may have come: merged ones, and that of the card today."""
        now_in = self.cards[row.card_number].wallet_id if row.card_number else row.wallet_id
        family = (*self.merged, *self.merged.values(), row.wallet_id)
        return {one for one in family if self._root(one) == self._root(row.wallet_id)} | {now_in}

    def _ends(self, booking: Booking) -> list[Original]:
        """How points of an accrual's issuer became breakage, in any wallet that they may have come to."""
        row = booking.transaction
        if row.kind is not TransactionKind.ACCRUAL:
            return []
        wallets = self._wallets(row)
        return [
            self._original(one)
            for one in self.bookings.values()
            if one.transaction.kind is TransactionKind.EXPIRY
            and one.transaction.points
            and one.transaction.acceptor_id == row.acceptor_id
            and one.transaction.wallet_id in wallets
        ]

    def _traces(self, booking: Booking) -> list[Trace]:
        """What else became of points of an accrual's issuer there, from the journal."""
        found = []
        wallets = self._wallets(booking.transaction)
        for entry in self.journal.values():
            row, credit = self.transactions[entry.transaction_id], entry.kind is EntryKind.POINTS_RETURNED
            used = entry.kind is EntryKind.POINTS_REDEEMED
            paid = entry.kind is EntryKind.POINTS_MOVED_OUT and row.purpose == arrears.PURPOSE
            if row.wallet_id not in wallets or not (credit or used or paid):
                continue
            lot = self.lots[entry.credit if credit else entry.debit]
            if lot.issuer_id == booking.transaction.acceptor_id:
                found.append(Trace(row.kind, row.id, row.original_id, lot.expires_on, credit))
        return found

    def decide(self, *commands: Command) -> Decision:
        """What would be decided now; changes nothing (but uses up ids)."""
        return decide(self.snapshot(), commands, self.at, self.ids)

    def post(self, *commands: Command) -> list[Outcome]:
        """Decide the commands as one batch, write it down, and return the outcomes."""
        decision = self.decide(*commands)
        self.apply(decision)
        return decision.outcomes

    def book(self, command: Command) -> Booking:
        """Post a command that must not be refused."""
        [outcome] = self.post(command)
        assert isinstance(outcome, Posted), outcome
        return outcome.booking

    def hold(self, command: Command) -> Hold:
        """Post a command that must place or release a hold."""
        [outcome] = self.post(command)
        assert isinstance(outcome, Held), outcome
        return outcome.hold

    def move(self, command: Link | Unlink) -> Decision:
        """Post a link, or the end of one, that must not be refused; all that was booked for it."""
        decision = self.decide(command)
        [outcome] = decision.outcomes
        assert isinstance(outcome, Moved), outcome
        assert self.cards[command.card].wallet_id in (outcome.source_id, outcome.target_id)
        self.apply(decision)
        assert self.cards[command.card].wallet_id == outcome.target_id
        return decision

    def refuse(self, command: Command) -> str:
        """Post a command that must be refused, and change nothing but its record; its code."""
        decision = self.decide(command)
        [outcome] = decision.outcomes
        assert isinstance(outcome, Refusal), outcome
        assert decision == Decision(outcomes=[outcome], recorded=decision.recorded)
        self.apply(decision)
        return outcome.code.value

    def apply(self, decision: Decision) -> None:
        insert(self.transactions, {row.id: row for row in decision.transactions}, decision.transactions)
        insert(self.all_legs, {(row.transaction_id, row.number): row for row in decision.legs}, decision.legs)
        entries = {(row.transaction_id, row.number): row for row in decision.entries}
        insert(self.journal, entries, decision.entries)
        assert decision.changed_lots.keys() <= self.lots.keys(), "a lot is changed that does not exist"
        self.lots |= decision.changed_lots
        new_lots = {id_: Lot(*row) for id_, row in decision.new_lots.items()}
        insert(self.lots, new_lots, list(new_lots))
        scopes = [(lot.wallet_id, lot.issuer_id, lot.asset, lot.expires_on) for lot in self.lots.values()]
        assert len(set(scopes)) == len(scopes), "two lots of one wallet, issuer, asset and expiry"
        insert(self.recorded, decision.recorded, list(decision.recorded))
        assert decision.changed_holds.keys() <= self.holds.keys(), "a hold is changed that does not exist"
        self.holds |= decision.changed_holds
        insert(self.holds, decision.new_holds, list(decision.new_holds))
        self.arrears |= decision.arrears
        assert all(points >= 0 for points in self.arrears.values()), "arrears below zero"
        settings = self.directory.rulebook.settings
        for outcome in decision.outcomes:
            if isinstance(outcome, Posted):
                self.bookings[outcome.booking.transaction.id] = outcome.booking
                self.terms[outcome.booking.transaction.id] = Terms(
                    settings.point_value, settings.reimbursement_rate
                )
        assert self.references.isdisjoint(decision.references), "a reference is taken twice"
        self.references |= decision.references.keys()
        for key, change in decision.positions.items():
            for name, quantity in zip(PositionChange._fields, change, strict=True):
                self.positions[key, name] += quantity

        if decision.move is not None:
            self._carry_out(decision.move)
            self.wallets |= {holder: self.cards[number].wallet_id for number, holder in self.holders.items()}

    def _carry_out(self, move: Move) -> None:
        for number, found in self.cards.items():
            if found.wallet_id == move.source_id and move.issuer_id in (None, found.issuer_id):
                self.cards[number] = found._replace(wallet_id=move.target_id)
        if move.issuer_id is not None:
            return
        for wallet_id in [move.source_id, *self.merged]:
            if self._root(wallet_id) == move.source_id:
                self.merged[wallet_id] = move.target_id
        for id_, hold in self.holds.items():
            if hold.wallet_id == move.source_id and hold.status is HoldStatus.HELD:
                draws = tuple(draw._replace(lot_id=move.lots[draw.lot_id]) for draw in hold.draws)
                self.holds[id_] = hold._replace(wallet_id=move.target_id, draws=draws)

    # What was booked, in words.

    def legs(self, booking: Booking) -> list[str]:
        return [self._leg(leg) for leg in booking.legs]

    def _leg(self, leg: Leg) -> str:
        issuer, acceptor = self.code(leg.issuer_id), self.code(leg.acceptor_id)
        quantities = [f"{leg.points} pts"] * (leg.points != 0) + [yuan(leg.amount)] * (leg.amount != 0)
        parts = [f"{leg.kind.label} of {issuer}: {', '.join(quantities) or 'nothing'}"]
        if leg.obligation:
            debtor, creditor = (acceptor, issuer) if leg.kind is LegKind.LOAD else (issuer, acceptor)
            parts.append(f"{debtor} owes {creditor} {yuan(leg.obligation)}")
        if leg.acceptor_fee:
            parts.append(f"{acceptor} pays {yuan(leg.acceptor_fee)}")
        if leg.issuer_fee:
            parts.append(f"{issuer} pays {yuan(leg.issuer_fee)}")
        return "; ".join([*parts, leg.reason.label])

    def moves(self, booking: Booking) -> list[str]:
        """`-1500 LOTUS 2026-12-31` is a draw, `+680 LOTUS 2028-11-30` a credit."""
        lines = []
        for move in booking.movements:
            sign = "+" if move.credit else "-"
            lines.append(f"{sign}{move.quantity} {self.code(move.issuer_id)} {move.expires_on or NEVER}")
        return lines

    def entries(self, booking: Booking) -> list[str]:
        """`debit → credit: quantity`, such as `clearing JADE → clearing LOTUS: ¥25.00`."""
        lines = []
        for entry in self.journal.values():
            if entry.transaction_id == booking.transaction.id:
                posting = CHART[entry.kind]
                quantity = yuan(entry.quantity) if posting.unit is Unit.FEN else f"{entry.quantity} pts"
                debit, credit = (
                    self._account(posting.debit, entry.debit),
                    self._account(posting.credit, entry.credit),
                )
                lines.append(f"{debit} → {credit}: {quantity}")
        return lines

    def _account(self, account: Account, owner: int) -> str:
        if account is Account.LOT:
            lot = self.lots[owner]
            return f"lot {self.code(lot.issuer_id)} {lot.expires_on or NEVER}"
        return f"{account.value} {self.code(owner)}"

    def code(self, participant_id: int) -> str:
        return self.directory.participants[participant_id].code if participant_id else "HUB"

    def left(self, holder: str) -> list[str]:
        """The holder's lots that are not empty, oldest lot first, in the notation they are given in."""
        lines = []
        for lot in self.lots.values():
            if lot.wallet_id == self.wallets[holder] and (lot.available or lot.held):
                held = f" held={lot.held}" if lot.held else ""
                quantity = f"{lot.available} pts" if lot.asset is Asset.POINTS else yuan(lot.available)
                lines.append(f"{self.code(lot.issuer_id)} {quantity} {lot.expires_on or NEVER}{held}")
        return lines

    def owed(self, holder: str) -> list[str]:
        """The holder's arrears: `JADE 60 pts`."""
        return [
            f"{self.code(key.issuer_id)} {points} pts"
            for key, points in self.arrears.items()
            if key.wallet_id == self.wallets[holder] and points
        ]

    def position(self, period: int, kind: str, issuer: str, acceptor: str) -> PositionChange:
        ids = {found.code: found.id for found in self.directory.participants.values()}
        key = PositionKey(period, ids[issuer], ids[acceptor], LegKind[kind.upper()])
        return PositionChange(*(self.positions[key, name] for name in PositionChange._fields))

    def nets(self) -> dict[str, str]:
        """Every participant's net and the hub's from the running positions; positive: the hub pays."""
        nets = Counter({self.code(id_): 0 for id_ in (*self.directory.participants, 0)})
        for key in {key for key, _ in self.positions}:
            issuer, acceptor = self.code(key.issuer_id), self.code(key.acceptor_id)
            sign = -1 if key.kind is LegKind.LOAD else 1
            obligation = sign * self.positions[key, "obligation"]
            nets[acceptor] += obligation - self.positions[key, "acceptor_fee"]
            nets[issuer] -= obligation + self.positions[key, "issuer_fee"]
            nets["HUB"] += self.positions[key, "acceptor_fee"] + self.positions[key, "issuer_fee"]
        return {code: yuan(net) for code, net in nets.items()}


def insert(table: dict[Key, Row], rows: Mapping[Key, Row], given: Sequence[object]) -> None:
    """Add new rows; a key that is there already, or twice among the rows, is an error as in a database."""
    assert len(rows) == len(given), "two new rows with one key"
    assert table.keys().isdisjoint(rows), f"written twice: {sorted(map(str, table.keys() & rows.keys()))}"
    table.update(rows)
