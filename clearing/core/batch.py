"""A batch in the making: the snapshot with what earlier commands of the same batch have changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from clearing.core.accounts import HUB, Asset, EntryKind
from clearing.core.calendar import Period, PeriodState
from clearing.core.commands import Command
from clearing.core.events import Event, EventType
from clearing.core.holds import HeldDraw, Hold, HoldStatus
from clearing.core.journal import (
    NO_CHANGE,
    NO_VOLUME,
    Booking,
    Entry,
    Leg,
    LotMovement,
    PositionChange,
    PositionKey,
    Transaction,
    TransactionKind,
    VolumeChange,
    VolumeKey,
    parties,
)
from clearing.core.limits import Owing, Usage, UsageKey, UsageOf, growth_of
from clearing.core.outcomes import Moved, Outcome, Recorded, Refusal
from clearing.core.plan import Credit, Move, Plan, Release, Setting, Times
from clearing.core.snapshot import ArrearsKey, Card, Lot, Original, ReferenceKey, Snapshot, Terms, Trace
from clearing.core.traces import TRACED, traces_of

_NOTHING_OWED: Mapping[int, int] = MappingProxyType({})


@dataclass
class Decision:
    """What `apply` writes. `outcomes` has one item for each command, in order; the rest are rows.

    `new_lots` and `changed_lots` (those that existed before) hold the lots as they are afterwards, and so do
    `new_holds` and `changed_holds`; `arrears` are what they come to. `cap_lines`: the line of its cap that a
    participant has crossed, 0 for none. `move`: what a link or its end takes elsewhere beside lots and
    arrears. `recorded`: outcome by key.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    new_lots: dict[int, Lot] = field(default_factory=dict)
    changed_lots: dict[int, Lot] = field(default_factory=dict)
    new_holds: dict[int, Hold] = field(default_factory=dict)
    changed_holds: dict[int, Hold] = field(default_factory=dict)
    arrears: dict[ArrearsKey, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    cap_lines: dict[int, int] = field(default_factory=dict)
    positions: dict[PositionKey, PositionChange] = field(default_factory=dict)
    volumes: dict[VolumeKey, VolumeChange] = field(default_factory=dict)
    references: dict[ReferenceKey, tuple[int, int]] = field(default_factory=dict)
    move: Move | None = None
    recorded: dict[str, Recorded] = field(default_factory=dict)


def reference_key(command: Command, setting: Setting, kind: TransactionKind | None) -> ReferenceKey | None:
    """Under what the number that a sender gave the act is known; None if nobody asks whether it is new."""
    if command.reference is None or kind is None:
        return None
    if setting.merchant is not None:
        return ReferenceKey(setting.merchant.id, kind, command.reference)
    return (
        ReferenceKey(setting.acceptor_id, kind, command.reference)
        if kind is TransactionKind.OPENING
        else None
    )


class Batch:
    """Answers questions about the state so far and books plans into a `Decision`."""

    def __init__(self, snapshot: Snapshot, at: datetime, ids: Iterator[int]) -> None:
        self.snapshot = snapshot
        self.at = at
        self.decision = Decision()
        self._ids = ids
        self._days: dict[datetime, tuple[date, Period]] = {}
        self._lots: dict[int, dict[int, Lot]] = {}
        self._bookings: dict[str, Booking] = {}
        self._booked: dict[int, Booking] = {}
        self._held: dict[str, Hold] = {}
        self._reversed: dict[int, tuple[int, int]] = {}
        self._owed: dict[int, dict[int, int]] = {}
        for key, points in snapshot.arrears.items():
            self._owed.setdefault(key.wallet_id, {})[key.issuer_id] = points
        self._usage: dict[UsageKey, Usage] = {}
        self._debits: Counter[int] = Counter()
        #: Participants whose caps the batch comes so near that it must have them to itself.
        self.contended: set[int] = set()
        #: Whether any limit has to be looked at.
        self.is_limited = bool(snapshot.caps) or snapshot.directory.rulebook.settings.limits_velocity
        self._tiered = snapshot.directory.rulebook.tiered
        self._entry_number = 0

    def lots(self, wallet_id: int, asset: Asset) -> list[Lot]:
        """The wallet's lots of one asset as they stand now."""
        return [lot for lot in self._wallet_lots(wallet_id).values() if lot.asset is asset]

    def holds_card_of(self, wallet_id: int, issuer_id: int, on: date) -> bool:
        """Whether one of the wallet's cards, whichever was shown, is this issuer's and good that day."""
        return any(
            card.issuer_id == issuer_id and card.is_good(on) for card in self._cards.get(wallet_id, ())
        )

    @cached_property
    def _cards(self) -> dict[int, list[Card]]:
        by_wallet: dict[int, list[Card]] = {}
        for card in self.snapshot.cards.values():
            by_wallet.setdefault(card.wallet_id, []).append(card)
        return by_wallet

    def lot(self, wallet_id: int, lot_id: int) -> Lot | None:
        """One lot as it stands now; None if it ended long ago with nothing in it."""
        return self._wallet_lots(wallet_id).get(lot_id)

    def lot_ending(self, wallet_id: int, issuer_id: int, asset: Asset, expires_on: date | None) -> Lot | None:
        """The wallet's lot of that issuer, asset and last day as it stands now, if it has one."""
        return next(
            (
                lot
                for lot in self.lots(wallet_id, asset)
                if lot.issuer_id == issuer_id and lot.expires_on == expires_on
            ),
            None,
        )

    def wallet_today(self, card_number: str | None, before: int) -> int:
        """The wallet that has the card now; `before`: the one in which something was booked with it."""
        card = self.snapshot.cards.get(card_number) if card_number is not None else None
        return card.wallet_id if card else before

    def hold(self, wallet_id: int, hold_id: int) -> Hold | None:
        """A hold as it stands now."""
        decision = self.decision
        found = (
            decision.changed_holds.get(hold_id)
            or decision.new_holds.get(hold_id)
            or self.snapshot.holds.get(hold_id)
        )
        return found if found and self._lies_in(wallet_id, hold_id) == found.wallet_id else None

    def _lies_in(self, wallet_id: int, id_: int) -> int:
        """The wallet of what is named by this one and an id: another, if that was merged since."""
        return self.snapshot.elsewhere.get((wallet_id, id_), wallet_id)

    def original(self, wallet_id: int, transaction_id: int) -> Original | None:
        """A transaction that is to be reversed, with what has been reversed of it so far."""
        found = self.snapshot.originals.get(transaction_id) or self._booked_here(transaction_id)
        if found is None:
            return None
        if self._lies_in(wallet_id, transaction_id) != found.booking.transaction.wallet_id:
            return None
        return self._less_reversed(found)

    def _less_reversed(self, found: Original) -> Original:
        points, amount = self._reversed.get(found.booking.transaction.id, (0, 0))
        return found._replace(
            points_reversed=found.points_reversed + points, amount_reversed=found.amount_reversed + amount
        )

    def _booked_here(self, transaction_id: int) -> Original | None:
        """A transaction of this batch: a captured hold's number is known before it is booked."""
        booking = self._booked.get(transaction_id)
        return None if booking is None else self._as_booked(booking)

    def _as_booked(self, booking: Booking) -> Original:
        settings = self.snapshot.directory.rulebook.settings
        return Original(booking, Terms(settings.point_value, settings.reimbursement_rate), 0, 0)

    def ends(self, original: Original) -> list[Original]:
        """How points of an accrual's issuer have become breakage where its own may have come to, less what
        was reversed of that so far.
        """
        in_this_batch = [
            self._as_booked(booking)
            for booking in self._booked_where(original)
            if booking.transaction.kind is TransactionKind.EXPIRY
            and booking.transaction.acceptor_id == original.booking.transaction.acceptor_id
            and booking.transaction.points
        ]
        return [self._less_reversed(end) for end in (*original.ends, *in_this_batch)]

    def traces(self, original: Original) -> list[Trace]:
        """What else became of points of an accrual's issuer there."""
        issuer_id = original.booking.transaction.acceptor_id
        here = [
            trace
            for booking in self._booked_where(original)
            if booking.transaction.kind in TRACED
            for trace in traces_of(booking, issuer_id)
        ]
        return [*original.traces, *here]

    def _booked_where(self, original: Original) -> list[Booking]:
        """What this batch has booked in the wallets to which an original's points may have come."""
        row = original.booking.transaction
        wallets = {row.wallet_id, self.wallet_today(row.card_number, row.wallet_id)}
        return [one for one in self._booked.values() if one.transaction.wallet_id in wallets]

    def owed(self, wallet_id: int) -> Mapping[int, int]:
        """Points that the wallet owes, by issuer; some may be 0."""
        return self._owed.get(wallet_id, _NOTHING_OWED)

    def arrears(self, wallet_id: int, issuer_id: int) -> int:
        """Points that the wallet owes this issuer."""
        return self.owed(wallet_id).get(issuer_id, 0)

    def usage(self, key: UsageKey) -> Usage:
        return self._usage.get(key) or self.snapshot.usage.get(key) or Usage()

    def use(self, keys: Iterable[UsageKey], points: int) -> None:
        """Count a redemption of so many points."""
        for key in keys:
            self._usage[key] = self.usage(key).plus(points)

    def give_back(self, hold: Hold, points: int, redemptions: int) -> None:
        """Count so much less where the hold was counted, as it has ended without being used for that."""
        since = self.snapshot.used_since
        for key in (
            UsageKey(UsageOf.CARD, hold.card_number),
            UsageKey(UsageOf.MERCHANT, str(hold.merchant_id)),
        ):
            if hold.kind is TransactionKind.REDEMPTION and (key in self._usage or key in self.snapshot.usage):
                today, this_hour = self.usage(key)
                today -= points if hold.id >= since.day else 0
                this_hour -= redemptions if hold.id >= since.hour else 0
                self._usage[key] = Usage(today, this_hour)

    def debit_growth(self, participant_id: int) -> int:
        """Fen by which this batch has made the participant owe more; kept only where a cap is concerned."""
        return self._debits[participant_id]

    def tell(self, type_: EventType, participant_id: int, data: Mapping[str, Any]) -> None:
        self.decision.events.append(Event(next(self._ids), type_, participant_id, data))

    def times(self, command: Command) -> Times:
        """When the command occurred and when it is booked.

        Now; or, where a clock lags behind the closing, the first instant after the last closed period.
        """
        if command.occurred_at is None and not command.historical:
            return self._now
        occurred_at = command.occurred_at or self.at
        booked_at = occurred_at if command.historical else self._now.booked_at
        return Times(occurred_at, booked_at, *self.day_of(booked_at))

    @cached_property
    def _now(self) -> Times:
        closed_until = self.snapshot.closed_until
        booked_at = self.at if closed_until is None else max(self.at, closed_until)
        return Times(self.at, booked_at, *self.day_of(booked_at))

    def day_of(self, booked_at: datetime) -> tuple[date, Period]:
        """The day in the alliance's zone, and the period; most of a batch is booked at one instant."""
        found = self._days.get(booked_at)
        if found is None:
            zone = self.snapshot.directory.rulebook.settings.time_zone
            # Not opened yet: a stand-in that cannot be booked into lets every refusal be found first.
            none = Period(0, booked_at, booked_at, PeriodState.CLOSED)
            periods = self.snapshot.periods
            period = next((one for one in periods if one.starts_at <= booked_at < one.ends_at), none)
            found = self._days[booked_at] = (booked_at.astimezone(zone).date(), period)
        return found

    def recorded(self, key: str) -> Recorded | None:
        return self.decision.recorded.get(key) or self.snapshot.recorded.get(key)

    def booking(self, key: str) -> Booking | None:
        """What this batch booked under the key, if it did."""
        return self._bookings.get(key)

    def held(self, key: str) -> Hold | None:
        """The hold that this batch placed or released under the key, if it did."""
        return self._held.get(key)

    def reference_taken(self, key: ReferenceKey) -> bool:
        return key in self.snapshot.references or key in self.decision.references

    def record_refusal(self, command: Command, refusal: Refusal) -> None:
        self.decision.recorded[command.key] = Recorded(command.request_hash, refusal=refusal)

    def place(self, command: Command, setting: Setting, plan: Plan, expires_at: datetime) -> Hold:
        """Set the plan's draws aside. Nothing in here can fail."""
        assert setting.card_number is not None, "a hold is placed with a card"
        assert setting.merchant is not None, "a hold is placed at a merchant"
        hold = Hold(
            setting.wallet_id,
            next(self._ids),
            plan.kind,
            HoldStatus.HELD,
            setting.card_number,
            setting.merchant.id,
            setting.acceptor_id,
            plan.points,
            plan.amount,
            0,
            self.at,
            expires_at,
            self.snapshot.directory.rulebook.version,
            command.caller.key_id,
            command.reference,
            plan.purpose,
            command.metadata,
            tuple(HeldDraw(lot.id, lot.issuer_id, quantity) for lot, quantity in plan.draws),
        )
        for lot, quantity in plan.draws:
            self._put(lot.with_balance(lot.available - quantity, lot.held + quantity))
        self.decision.new_holds[hold.id] = hold
        self._refer(command, setting, plan.kind, hold.id)
        self._record_hold(command, hold)
        return hold

    def release(self, command: Command, release: Release) -> Hold:
        """End a hold and put back what it held. Nothing in here can fail."""
        hold = release.hold._replace(status=release.status)
        self._change_hold(hold)
        self.give_back(hold, hold.points, 1)
        for lot in release.lots:
            self._put(lot)
        self._record_hold(command, hold)
        return hold

    def book(self, command: Command, setting: Setting, plan: Plan) -> Booking:
        """Write the plan into the decision as what the command comes to. Nothing in here can fail."""
        booking = self._write(command, setting, plan)
        transaction = booking.transaction
        self._refer(command, setting, plan.kind, transaction.id)
        self.decision.recorded[command.key] = Recorded(
            command.request_hash, transaction.wallet_id, transaction.id
        )
        self._bookings[command.key] = booking
        return booking

    def book_beside(self, command: Command, setting: Setting, plan: Plan) -> Booking:
        """Write what has to be booked because of the command, and is not its outcome. Nothing can fail."""
        return self._write(replace(command, reference=None, metadata=None), setting, plan)

    def _write(self, command: Command, setting: Setting, plan: Plan) -> Booking:
        transaction = self._transaction(command, setting, plan)
        legs = self._legs(transaction, plan)
        self._entry_number = 0
        movements = self._move_lots(transaction, plan)
        self._owe(transaction, legs)
        if plan.arrears:
            self._move_arrears(transaction, plan.arrears)
        if plan.captured is not None:
            self._change_hold(plan.captured)
            self.give_back(plan.captured, plan.captured.points - plan.points, 0)
        if plan.original is not None:
            points, amount = self._reversed.get(plan.original.id, (0, 0))
            self._reversed[plan.original.id] = (points - plan.points, amount - plan.amount)
        booking = Booking(transaction, legs, movements)
        self._booked[transaction.id] = booking
        return booking

    def hold_back(self, lot: Lot, quantity: int) -> None:
        """Set aside what open holds had set aside of the lot in the wallet that it came from."""
        self._put(lot.with_balance(lot.available - quantity, lot.held + quantity))

    def move(self, command: Command, move: Move) -> Moved:
        """Let the move be the command's outcome, whatever was booked for it."""
        assert not self.decision.outcomes, "it is alone in its batch"
        self.decision.move = move
        self.decision.recorded[command.key] = Recorded(command.request_hash, move.target_id)
        return Moved(move.source_id, move.target_id)

    def new_id(self) -> int:
        return next(self._ids)

    def _transaction(self, command: Command, setting: Setting, plan: Plan) -> Transaction:
        times, original = setting.times, plan.original
        about: Command | Hold = plan.captured or command
        transaction = Transaction(
            times.period.number,
            setting.wallet_id,
            plan.captured.id if plan.captured else next(self._ids),
            plan.kind,
            setting.card_number,
            setting.merchant.id if setting.merchant else None,
            setting.acceptor_id,
            times.occurred_at,
            times.booked_at,
            times.occurred_at < times.period.starts_at,
            plan.points,
            plan.amount,
            self.snapshot.directory.rulebook.version,
            command.caller.key_id,
            about.reference,
            plan.purpose,
            about.metadata,
            original.id if original else None,
            original.period if original else None,
            original.wallet_id if original and original.wallet_id != setting.wallet_id else None,
        )
        self.decision.transactions.append(transaction)
        return transaction

    def _legs(self, transaction: Transaction, plan: Plan) -> list[Leg]:
        legs = [
            Leg(
                transaction.period,
                transaction.wallet_id,
                transaction.id,
                number,
                leg.kind,
                leg.issuer_id,
                transaction.acceptor_id,
                leg.points,
                leg.amount,
                leg.obligation,
                leg.fee.acceptor,
                leg.fee.issuer,
                leg.fee.rule_id,
                leg.fee.reason,
            )
            for number, leg in enumerate(plan.legs, 1)
        ]
        self.decision.legs.extend(legs)
        return legs

    def _move_lots(self, transaction: Transaction, plan: Plan) -> list[LotMovement]:
        """Take the draws out of their lots and put the credits in, with an entry for each."""
        movements = []
        for lot in plan.released:
            self._put(lot)
        for lot, quantity in plan.draws:
            self._put(lot.with_balance(lot.available - quantity, lot.held))
            self._enter(transaction, plan.draw_entry, lot.id, lot.issuer_id, quantity)
            movements.append(LotMovement(lot.issuer_id, lot.id, lot.expires_on, quantity, False))
        for credit in plan.credits:
            lot = self._lot_for(transaction.wallet_id, credit)
            self._put(lot.with_balance(lot.available + credit.quantity, lot.held))
            self._enter(transaction, credit.entry, lot.issuer_id, lot.id, credit.quantity)
            movements.append(LotMovement(lot.issuer_id, lot.id, lot.expires_on, credit.quantity, True))
        return movements

    def _owe(self, transaction: Transaction, legs: list[Leg]) -> None:
        """Enter what the legs oblige their parties to, and add it to the running positions."""
        positions = self.decision.positions
        for leg in legs:
            if leg.issuer_id == leg.acceptor_id:
                continue
            debtor, creditor = parties(leg.kind, leg.issuer_id, leg.acceptor_id)
            if leg.obligation > 0:
                self._enter(transaction, EntryKind.OBLIGATION, debtor, creditor, leg.obligation)
            elif leg.obligation < 0:
                self._enter(transaction, EntryKind.OBLIGATION_REVERSED, creditor, debtor, -leg.obligation)
            if leg.acceptor_fee:
                self._charge(transaction, leg.acceptor_id, leg.acceptor_fee)
            if leg.issuer_fee:
                self._charge(transaction, leg.issuer_id, leg.issuer_fee)
            if self.snapshot.caps:
                owing = Owing(
                    leg.kind,
                    leg.issuer_id,
                    leg.acceptor_id,
                    leg.obligation,
                    leg.acceptor_fee,
                    leg.issuer_fee,
                )
                self._debits.update(growth_of([owing]))
            position = PositionKey(leg.period, leg.issuer_id, leg.acceptor_id, leg.kind)
            positions[position] = positions.get(position, NO_CHANGE).plus(leg)
            if self._tiered and leg.fee_rule_id in self._tiered:
                of_period = transaction.original_period or leg.period
                self._count_volume(leg, leg.fee_rule_id, of_period)

    def _count_volume(self, leg: Leg, rule_id: int, of_period: int) -> None:
        key = VolumeKey(leg.period, rule_id, leg.issuer_id, leg.acceptor_id, of_period)
        self.decision.volumes[key] = self.decision.volumes.get(key, NO_VOLUME).plus(leg)

    def _charge(self, transaction: Transaction, payer_id: int, fee: int) -> None:
        if fee > 0:
            self._enter(transaction, EntryKind.FEE, payer_id, HUB, fee)
        else:
            self._enter(transaction, EntryKind.FEE_RETURNED, HUB, payer_id, -fee)

    def _move_arrears(self, transaction: Transaction, growth: int) -> None:
        issuer_id = transaction.acceptor_id
        if transaction.kind is TransactionKind.TRANSFER:
            kind = EntryKind.ARREARS_MOVED_IN if growth > 0 else EntryKind.ARREARS_MOVED_OUT
        else:
            kind = EntryKind.ARREARS_INCURRED if growth > 0 else EntryKind.ARREARS_PAID
        self._enter(transaction, kind, issuer_id, issuer_id, abs(growth))
        key = ArrearsKey(transaction.wallet_id, issuer_id)
        points = self.arrears(*key) + growth
        self.decision.arrears[key] = self._owed.setdefault(key.wallet_id, {})[issuer_id] = points

    def _refer(self, command: Command, setting: Setting, kind: TransactionKind, id_: int) -> None:
        """Take the merchant's own number, for a transaction or a hold."""
        reference = reference_key(command, setting, kind)
        if reference is not None:
            self.decision.references[reference] = (setting.wallet_id, id_)

    def _record_hold(self, command: Command, hold: Hold) -> None:
        self.decision.recorded[command.key] = Recorded(command.request_hash, hold.wallet_id, hold_id=hold.id)
        self._held[command.key] = hold

    def _change_hold(self, hold: Hold) -> None:
        """Keep the hold as it is now among the rows to be written."""
        if hold.id in self.decision.new_holds:
            self.decision.new_holds[hold.id] = hold
        else:
            self.decision.changed_holds[hold.id] = hold

    def _enter(
        self, transaction: Transaction, kind: EntryKind, debit: int, credit: int, quantity: int
    ) -> None:
        self._entry_number += 1
        self.decision.entries.append(
            Entry(
                transaction.period,
                transaction.wallet_id,
                transaction.id,
                self._entry_number,
                kind,
                debit,
                credit,
                quantity,
            )
        )

    def _wallet_lots(self, wallet_id: int) -> dict[int, Lot]:
        lots = self._lots.get(wallet_id)
        if lots is None:
            lots = {lot.id: lot for lot in self.snapshot.lots.get(wallet_id, ())}
            self._lots[wallet_id] = lots
        return lots

    def _lot_for(self, wallet_id: int, credit: Credit) -> Lot:
        found = self.lot_ending(wallet_id, credit.issuer_id, credit.asset, credit.expires_on)
        if found is not None:
            return found
        lot = Lot(wallet_id, next(self._ids), credit.issuer_id, credit.asset, credit.expires_on, 0)
        self.decision.new_lots[lot.id] = lot
        return lot

    def _put(self, lot: Lot) -> None:
        """Keep the lot as it is now, here and among the rows to be written."""
        self._wallet_lots(lot.wallet_id)[lot.id] = lot
        if lot.id in self.decision.new_lots:
            self.decision.new_lots[lot.id] = lot
        else:
            self.decision.changed_lots[lot.id] = lot
