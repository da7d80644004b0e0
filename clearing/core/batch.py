"""A batch in the making: the snapshot with what earlier commands of the same batch have changed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from clearing.core.accounts import HUB, Asset, EntryKind
from clearing.core.calendar import Period, PeriodState
from clearing.core.commands import Command
from clearing.core.journal import (
    NO_CHANGE,
    Booking,
    Entry,
    Leg,
    LotMovement,
    PositionChange,
    PositionKey,
    Transaction,
    parties,
)
from clearing.core.outcomes import Outcome, Recorded, Refusal
from clearing.core.plan import Credit, Plan, Setting
from clearing.core.snapshot import Card, Lot, ReferenceKey, Snapshot


@dataclass
class Decision:
    """What `apply` writes. `outcomes` has one item for each command, in order; the rest are rows.

    `new_lots` and `changed_lots` (those that existed before) hold the lots as they are afterwards.
    `recorded`: outcome by key.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    new_lots: dict[int, Lot] = field(default_factory=dict)
    changed_lots: dict[int, Lot] = field(default_factory=dict)
    positions: dict[PositionKey, PositionChange] = field(default_factory=dict)
    references: dict[ReferenceKey, Transaction] = field(default_factory=dict)
    recorded: dict[str, Recorded] = field(default_factory=dict)


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

    def reference_taken(self, key: ReferenceKey) -> bool:
        return key in self.snapshot.references or key in self.decision.references

    def record_refusal(self, command: Command, refusal: Refusal) -> None:
        self.decision.recorded[command.key] = Recorded(command.request_hash, refusal=refusal)

    def book(self, command: Command, setting: Setting, plan: Plan) -> Booking:
        """Write the plan into the decision. Nothing in here can fail."""
        transaction = self._transaction(command, setting, plan)
        legs = self._legs(transaction, plan)
        self._entry_number = 0
        movements = self._move_lots(transaction, plan)
        self._owe(transaction, legs)
        if command.reference is not None and transaction.merchant_id is not None:
            reference = ReferenceKey(transaction.merchant_id, transaction.kind, command.reference)
            self.decision.references[reference] = transaction
        self.decision.recorded[command.key] = Recorded(
            command.request_hash, transaction.wallet_id, transaction.id
        )
        booking = Booking(transaction, legs, movements)
        self._bookings[command.key] = booking
        return booking

    def _transaction(self, command: Command, setting: Setting, plan: Plan) -> Transaction:
        transaction = Transaction(
            setting.period.number,
            setting.card.wallet_id,
            next(self._ids),
            plan.kind,
            setting.card.number,
            setting.merchant.id if setting.merchant else None,
            setting.acceptor_id,
            setting.occurred_at,
            setting.booked_at,
            setting.occurred_at < setting.period.starts_at,
            plan.points,
            plan.amount,
            self.snapshot.directory.rulebook.version,
            command.caller.key_id,
            command.reference,
            plan.purpose,
            command.metadata,
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
        for lot, quantity in plan.draws:
            self._put(lot, lot.available - quantity)
            self._enter(transaction, plan.draw_entry, lot.id, lot.issuer_id, quantity)
            movements.append(LotMovement(lot.issuer_id, lot.id, lot.expires_on, quantity, False))
        for credit in plan.credits:
            lot = self._lot_for(transaction.wallet_id, credit)
            self._put(lot, lot.available + credit.quantity)
            self._enter(transaction, credit.entry, lot.issuer_id, lot.id, credit.quantity)
            movements.append(LotMovement(lot.issuer_id, lot.id, lot.expires_on, credit.quantity, True))
        return movements

    def _owe(self, transaction: Transaction, legs: list[Leg]) -> None:
        """Enter what the legs oblige their parties to, and add it to the running positions."""
        positions = self.decision.positions
        for leg in legs:
            if leg.issuer_id == leg.acceptor_id:
                continue
            if leg.obligation:
                debtor, creditor = parties(leg.kind, leg.issuer_id, leg.acceptor_id)
                self._enter(transaction, EntryKind.OBLIGATION, debtor, creditor, leg.obligation)
            if leg.acceptor_fee:
                self._enter(transaction, EntryKind.FEE, leg.acceptor_id, HUB, leg.acceptor_fee)
            if leg.issuer_fee:
                self._enter(transaction, EntryKind.FEE, leg.issuer_id, HUB, leg.issuer_fee)
            position = PositionKey(leg.period, leg.issuer_id, leg.acceptor_id, leg.kind)
            positions[position] = positions.get(position, NO_CHANGE).plus(leg)

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
        for lot in self.lots(wallet_id, credit.asset):
            if lot.issuer_id == credit.issuer_id and lot.expires_on == credit.expires_on:
                return lot
        lot = Lot(wallet_id, next(self._ids), credit.issuer_id, credit.asset, credit.expires_on, 0)
        self.decision.new_lots[lot.id] = lot
        return lot

    def _put(self, before: Lot, available: int) -> None:
        """Keep the lot as it is now, here and among the rows to be written."""
        lot = Lot(
            before.wallet_id,
            before.id,
            before.issuer_id,
            before.asset,
            before.expires_on,
            available,
            before.held,
        )
        self._wallet_lots(lot.wallet_id)[lot.id] = lot
        if lot.id in self.decision.new_lots:
            self.decision.new_lots[lot.id] = lot
        else:
            self.decision.changed_lots[lot.id] = lot
