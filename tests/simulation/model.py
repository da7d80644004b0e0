"""What was committed, once more: one command after another through the pure core, in plain dictionaries.

A new row has an id of the model's own until the caller says which one the database gave it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import NamedTuple

from clearing.core.accounts import CHART, Account, Asset
from clearing.core.batch import Decision
from clearing.core.calendar import Period, PeriodState, month_of
from clearing.core.commands import (
    Command,
    MoneyAdjustment,
    OnHold,
    OnWallet,
    PointsAdjustment,
    Reversal,
    Unlink,
    WithCard,
)
from clearing.core.decide import PeriodMissing, decide
from clearing.core.directory import Directory
from clearing.core.holds import Hold, HoldStatus
from clearing.core.journal import (
    NO_CHANGE,
    Booking,
    Entry,
    Leg,
    LotMovement,
    PositionChange,
    PositionKey,
    Transaction,
    TransactionKind,
)
from clearing.core.limits import Cap, Usage, UsageKey, UsageOf, debits_of
from clearing.core.outcomes import Outcome, Posted, Recorded
from clearing.core.plan import Move
from clearing.core.snapshot import ArrearsKey, Card, Lot, Original, ReferenceKey, Snapshot, Terms
from clearing.ids import first_id_at

#: Above every id that a writer makes.
_FIRST_ID = 1 << 63


class LotKey(NamedTuple):
    """What no two lots have in common."""

    wallet_id: int
    issuer_id: int
    asset: Asset
    expires_on: date | None


class Moment(NamedTuple):
    """When a command was judged: by the simulated clock, and by the database's, which the ids follow."""

    at: datetime
    clock: datetime


@dataclass
class Effects:
    """What one batch did that another may not have seen, as no lock keeps the two apart: use at a merchant,
    references, and debt that is not limited (reversals, adjustments, history).
    """

    serial: int
    used: dict[tuple[UsageKey, int], int] = field(default_factory=dict)
    released: dict[tuple[UsageKey, int], int] = field(default_factory=dict)
    references: set[ReferenceKey] = field(default_factory=set)
    debits: Counter[tuple[int, int]] = field(default_factory=Counter)


class Verdict(NamedTuple):
    """One way in which a command may be judged. `exact`: with everything seen that was committed before."""

    decision: Decision
    exact: bool

    @property
    def outcome(self) -> Outcome:
        [outcome] = self.decision.outcomes
        return outcome


class Model:
    """The whole state of the ledger, without a database."""

    def __init__(self, directory: Directory, cards: Sequence[Card]) -> None:
        self.directory = directory
        self.cards = {card.number: card for card in cards}
        self.merged: dict[int, int] = {}
        self.periods: dict[int, Period] = {}
        self.lots: dict[int, dict[int, Lot]] = {}
        self.holds: dict[int, Hold] = {}
        self.arrears: dict[ArrearsKey, int] = {}
        self.recorded: dict[str, Recorded] = {}
        self.references: dict[ReferenceKey, tuple[int, int]] = {}
        self.bookings: dict[int, Booking] = {}
        self.entries: dict[tuple[int, int], Entry] = {}
        self.positions: dict[PositionKey, PositionChange] = {}
        self._reversed: dict[int, tuple[int, int]] = {}
        self._used: dict[UsageKey, dict[int, int]] = {}
        self._debits: Counter[tuple[int, int]] = Counter()
        self._effects: list[Effects] = []
        self._ids = count(_FIRST_ID)

    def begin_batch(self, serial: int) -> None:
        self._effects.append(Effects(serial))

    def verdicts(self, command: Command, moment: Moment, seen: int) -> Iterator[Verdict]:
        """How the command is judged now: the exact verdict first, then those of a batch that did not see
        some of what was committed after number `seen`.
        """
        unseen = [one for one in self._effects[-200:-1] if one.serial > seen]
        # What is seen of debt that came, debt that went, use and its release: it decides who is right.
        ways = [(True, True, True, True)]
        if unseen:
            ways += [(True, True, False, True), (True, True, True, False)]
            ways += [(False, True, True, True), (True, False, True, True)]
        for way in ways:
            yield Verdict(self._decide(command, moment, unseen, way), way is ways[0])

    def apply(self, command: Command, decision: Decision) -> None:
        """Write down what was decided."""
        effects = self._effects[-1]
        [outcome] = decision.outcomes
        for row in decision.new_lots.values():
            self.lots.setdefault(row.wallet_id, {})[row.id] = Lot(*row)
        for row in decision.changed_lots.values():
            self.lots[row.wallet_id][row.id] = row
        for hold in [*decision.new_holds.values(), *decision.changed_holds.values()]:
            # As the database gives it back: refusals say in words when it ended.
            self.holds[hold.id] = hold._replace(
                placed_at=hold.placed_at.astimezone(UTC), expires_at=hold.expires_at.astimezone(UTC)
            )
            self._count_hold(hold)
        self.arrears |= decision.arrears
        self.recorded |= decision.recorded
        self.references |= decision.references
        effects.references |= decision.references.keys()
        for entry in decision.entries:
            self.entries[entry.transaction_id, entry.number] = entry
        for key, change in decision.positions.items():
            before = self.positions.get(key, NO_CHANGE)
            self.positions[key] = PositionChange(*(a + b for a, b in zip(before, change, strict=True)))
        debits = debits_of(decision.positions)
        self._debits.update(debits)
        if command.historical or isinstance(command, Reversal | MoneyAdjustment):
            effects.debits.update(debits)
        if isinstance(outcome, Posted):
            self._book(outcome.booking)
        for transaction in decision.transactions:
            if transaction.id not in self.bookings:
                self._book(_booked_beside(decision, transaction))
        if decision.move is not None:
            self._carry_out(decision.move)

    def _carry_out(self, move: Move) -> None:
        """Take the cards elsewhere, and of a whole wallet the open holds too."""
        for number, card in self.cards.items():
            if card.wallet_id == move.source_id and move.issuer_id in (None, card.issuer_id):
                self.cards[number] = card._replace(wallet_id=move.target_id)
        if move.issuer_id is not None:
            return
        went = [one for one in self.merged if self.merged[one] == move.source_id]
        self.merged |= dict.fromkeys([move.source_id, *went], move.target_id)
        for hold in list(self.holds.values()):
            if hold.wallet_id == move.source_id and hold.status is HoldStatus.HELD:
                draws = tuple(draw._replace(lot_id=move.lots[draw.lot_id]) for draw in hold.draws)
                self.holds[hold.id] = hold._replace(wallet_id=move.target_id, draws=draws)
                if hold.reference is not None:
                    key = ReferenceKey(hold.merchant_id, hold.kind, hold.reference)
                    self.references[key] = (move.target_id, hold.id)

    def _root(self, wallet_id: int) -> int:
        return self.merged.get(wallet_id, wallet_id)

    def _lies_in(self, id_: int) -> int | None:
        """The wallet of a hold or transaction."""
        if id_ in self.bookings:
            return self.bookings[id_].transaction.wallet_id
        return self.holds[id_].wallet_id if id_ in self.holds else None

    def _book(self, booking: Booking) -> None:
        row = booking.transaction
        self.bookings[row.id] = booking
        if row.original_id is not None:
            points, amount = self._reversed.get(row.original_id, (0, 0))
            self._reversed[row.original_id] = (points - row.points, amount - row.amount)
        if row.kind is TransactionKind.REDEMPTION:
            self._use(row, row.points)

    def _count_hold(self, hold: Hold) -> None:
        """A hold counts as long as it is held; captured, its transaction counts under the same number."""
        if hold.kind is TransactionKind.REDEMPTION and hold.status is not HoldStatus.CAPTURED:
            self._use(hold, hold.points if hold.status is HoldStatus.HELD else None)

    def _use(self, row: Transaction | Hold, points: int | None) -> None:
        effects = self._effects[-1]
        for key in (
            UsageKey(UsageOf.CARD, str(row.card_number)),
            UsageKey(UsageOf.MERCHANT, str(row.merchant_id)),
        ):
            used = self._used.setdefault(key, {})
            before = used.pop(row.id, None)
            if points is not None:
                used[row.id] = points
                effects.used[key, row.id] = points
            if before is not None:
                effects.released[key, row.id] = before

    def _decide(
        self, command: Command, moment: Moment, unseen: Sequence[Effects], sees: tuple[bool, ...]
    ) -> Decision:
        while True:
            try:
                return decide(self._snapshot(command, moment, unseen, sees), [command], moment.at, self._ids)
            except PeriodMissing as missing:
                self._open_month(missing.at)

    def _open_month(self, at: datetime) -> None:
        """The month in the zone, which never changes here; it begins where an earlier one ends."""
        wanted = month_of(at, self.directory.rulebook.settings.time_zone)
        earlier = [one.ends_at for one in self.periods.values() if one.number < wanted.number]
        starts_at = max([wanted.starts_at, *earlier])
        self.periods[wanted.number] = wanted._replace(starts_at=starts_at)

    def _snapshot(
        self, command: Command, moment: Moment, unseen: Sequence[Effects], sees: tuple[bool, ...]
    ) -> Snapshot:
        came, went, used, released = sees
        closed = [one.ends_at for one in self.periods.values() if one.state is not PeriodState.OPEN]
        named = command.hold_id if isinstance(command, OnHold) else getattr(command, "transaction_id", 0)
        references = set(self.references) if getattr(command, "reference", None) else set()
        if not used:
            references -= {one for effects in unseen for one in effects.references}
        return Snapshot(
            directory=self.directory,
            periods=[one for one in self.periods.values() if one.state is PeriodState.OPEN],
            closed_until=max(closed, default=None),
            cards=self.cards,
            lots={id_: list(self.lots.get(id_, {}).values()) for id_ in self._wallets(command, named)},
            arrears=self.arrears,
            holds={named: self.holds[named]} if named in self.holds else {},
            originals=self._originals(command),
            usage=self._usage(command, moment, unseen, used=used, released=released),
            caps=self._caps(unseen, came=came, went=went),
            recorded=self.recorded,
            references=frozenset(references),
            elsewhere=self._elsewhere(command, named),
            open_holds=[one for one in self.holds.values() if one.status is HoldStatus.HELD]
            if isinstance(command, Unlink)
            else (),
        )

    def _wallets(self, command: Command, named: int) -> set[int]:
        """Those that it may concern: the one it names, that of what it names, that of the card now."""
        numbers = {getattr(command, "other_card", None), self._begun_with(named)}
        lies = self._lies_in(named)
        return {
            self.wallet_of(command),
            *({lies} if lies is not None else ()),
            *(self.cards[number].wallet_id for number in numbers if number in self.cards),
        }

    def _begun_with(self, id_: int) -> str | None:
        """The card of a hold or transaction."""
        if id_ in self.bookings:
            return self.bookings[id_].transaction.card_number
        return self.holds[id_].card_number if id_ in self.holds else None

    def _elsewhere(self, command: Command, named: int) -> dict[tuple[int, int], int]:
        """Where what it names lies, if it is named by another wallet that came together with that one."""
        lies, name = self._lies_in(named), self.wallet_of(command)
        if lies is None or lies == name or self._root(lies) != self._root(name):
            return {}
        return {(name, named): lies}

    def wallet_of(self, command: Command) -> int:
        """0 for a card that nobody has."""
        if isinstance(command, OnWallet):
            return command.wallet_id
        assert isinstance(command, WithCard | PointsAdjustment), "a command names a card or a wallet"
        card = self.cards.get(command.card)
        return card.wallet_id if card else 0

    def _originals(self, command: Command) -> Mapping[int, Original]:
        if not isinstance(command, Reversal) or command.transaction_id not in self.bookings:
            return {}
        settings = self.directory.rulebook.settings
        terms = Terms(settings.point_value, settings.reimbursement_rate)
        id_ = command.transaction_id
        found = Original(self.bookings[id_], terms, *self._reversed.get(id_, (0, 0)))
        ends = [
            Original(one, terms, *self._reversed.get(one.transaction.id, (0, 0)))
            for one in self._ends(found.booking)
        ]
        return {id_: found._replace(ends=ends)}

    def _ends(self, booking: Booking) -> Iterator[Booking]:
        """How the lot of an accrual's points became breakage."""
        row = booking.transaction
        if row.kind is not TransactionKind.ACCRUAL:
            return
        card = self.cards.get(row.card_number or "")
        for one in self.bookings.values():
            ended = one.transaction
            if ended.kind is TransactionKind.EXPIRY and ended.points:
                in_reach = self._root(ended.wallet_id) == self._root(row.wallet_id)
                if in_reach or (card is not None and ended.wallet_id == card.wallet_id):
                    lots = {(move.issuer_id, move.expires_on) for move in booking.movements}
                    if lots.issuperset((move.issuer_id, move.expires_on) for move in one.movements):
                        yield one

    def _usage(
        self, command: Command, moment: Moment, unseen: Sequence[Effects], *, used: bool, released: bool
    ) -> dict[UsageKey, Usage]:
        settings = self.directory.rulebook.settings
        merchant = self.directory.merchants.get(getattr(command, "merchant", ""))
        if not settings.limits_velocity or merchant is None:
            return {}
        local = moment.clock.astimezone(settings.time_zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        day = first_id_at(midnight.astimezone(UTC))
        hour = first_id_at(moment.clock - timedelta(hours=1))
        at_merchant = UsageKey(UsageOf.MERCHANT, str(merchant.id))
        usage = {}
        for key in (UsageKey(UsageOf.CARD, getattr(command, "card", "")), at_merchant):
            counted = dict(self._used.get(key, {}))
            if key is not at_merchant:
                # What was used lies in a wallet that the card has left, if its member was parted from others.
                root = self.wallet_of(command)
                counted = {id_: used_ for id_, used_ in counted.items() if self._comes_to(id_, root)}
            for effects in unseen if key is at_merchant else ():
                if not used:
                    for (of, id_), _ in effects.used.items():
                        counted.pop(id_ if of == key else 0, None)
                if not released:
                    counted |= {id_: points for (of, id_), points in effects.released.items() if of == key}
            usage[key] = Usage(
                sum(points for id_, points in counted.items() if id_ >= day),
                sum(id_ >= hour for id_ in counted),
            )
        return usage

    def _comes_to(self, id_: int, wallet_id: int) -> bool:
        lies = self._lies_in(id_)
        return lies is not None and self._root(lies) == wallet_id

    def _caps(self, unseen: Sequence[Effects], *, came: bool, went: bool) -> dict[int, Cap]:
        """Every cap, to be judged alone: nothing else happens in the model."""
        caps = {}
        for id_ in self.directory.capped:
            debit = self.net_debit(id_)
            for effects in unseen:
                for (participant_id, period), growth in effects.debits.items():
                    hidden = not came if growth > 0 else not went
                    if participant_id == id_ and hidden and self._is_open(period):
                        debit -= growth
            caps[id_] = Cap(self.directory.cap(id_), debit, alone=True)
        return caps

    def net_debit(self, participant_id: int) -> int:
        """Fen that it owes on balance in the periods that are not closed."""
        return sum(
            debit
            for (id_, period), debit in self._debits.items()
            if id_ == participant_id and self._is_open(period)
        )

    def _is_open(self, period: int) -> bool:
        return self.periods[period].state is PeriodState.OPEN

    @property
    def legs(self) -> dict[tuple[int, int], Leg]:
        return {(leg.transaction_id, leg.number): leg for one in self.bookings.values() for leg in one.legs}


def _booked_beside(decision: Decision, row: Transaction) -> Booking:
    """What was booked and is not the outcome: for a move, for arrears, for breakage; as it is read back."""
    legs = [leg for leg in decision.legs if leg.transaction_id == row.id]
    lots = decision.changed_lots | decision.new_lots
    movements = []
    for entry in decision.entries:
        credit = CHART[entry.kind].credit is Account.LOT
        if entry.transaction_id == row.id and Account.LOT in CHART[entry.kind]:
            lot = lots[entry.credit if credit else entry.debit]
            movements.append(LotMovement(lot.issuer_id, lot.id, lot.expires_on, entry.quantity, credit))
    return Booking(row, legs, movements)
