"""Hold what the workers were told, and what is in the database, against the model."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, text

from clearing.core.accounts import Asset, EntryKind
from clearing.core.batch import Decision
from clearing.core.calendar import Period, PeriodState
from clearing.core.commands import Command
from clearing.core.journal import Entry, LegKind, PositionChange, PositionKey, Transaction, TransactionKind
from clearing.core.outcomes import UNRECORDED, Code, Held, Moved, Outcome, Posted, Recorded, Refusal, Replayed
from clearing.core.snapshot import ArrearsKey, Card, CardStatus, Lot, ReferenceKey
from clearing.directory import read_directory
from clearing.load import read_recorded
from clearing.periods import read_periods
from clearing.query import HoldFilter, list_holds, read_bookings
from clearing.tables import (
    arrears,
    cards,
    entries,
    lots,
    outcomes,
    positions,
    references,
    transactions,
    wallets,
)
from clearing.verify import frozen
from settlement.verify import verify
from simulation.clock import START, ZONE
from simulation.model import LotKey, Model, Moment, Verdict
from simulation.values import renamed, summary
from simulation.workers import Attempt, Told

#: What another batch, of which nothing keeps this one apart, may bring about or spare it.
_CONTESTABLE = {Code.VELOCITY_LIMIT, Code.NET_DEBIT_CAP, Code.DUPLICATE_REFERENCE}
_SHOWN = 3


class Committed:
    """All rows of the database, read at one moment after the workers have stopped."""

    def __init__(self, connection: Connection) -> None:
        self.directory = read_directory(connection)
        self.cards = {
            row.number: Card(row.number, row.wallet_id, row.issuer_id, CardStatus(row.status), row.expires_on)
            for row in connection.execute(select(cards))
        }
        merged = connection.execute(select(wallets).where(wallets.c.merged_into.is_not(None)))
        self.merged = {row.id: row.merged_into for row in merged}
        self.log = connection.execute(text("SELECT * FROM simulation_log ORDER BY serial")).all()
        self.lots = {
            row.id: Lot(
                row.wallet_id,
                row.id,
                row.issuer_id,
                Asset(row.asset),
                row.expires_on,
                row.available,
                row.held,
            )
            for row in connection.execute(select(lots))
        }
        keys = connection.execute(select(outcomes.c.key)).scalars().all()
        self.recorded = read_recorded(connection, list(keys))
        self.bookings = {one.transaction.id: one for one in _bookings(connection)}
        self.entries = {
            (row.transaction_id, row.number): Entry(**{**row._mapping, "kind": EntryKind(row.kind)})
            for row in connection.execute(select(entries))
        }
        found = list_holds(connection, HoldFilter(), START, None, 1 << 31)
        self.holds = {hold.id: hold for hold in found}
        self.arrears = {
            ArrearsKey(row.wallet_id, row.issuer_id): row.points
            for row in connection.execute(select(arrears))
        }
        self.references = {
            ReferenceKey(row.merchant_id, TransactionKind(row.kind), row.reference): (
                row.wallet_id,
                row.transaction_id,
            )
            for row in connection.execute(select(references))
        }
        self.positions = _positions(connection)
        self.periods = {one.number: one for one in read_periods(connection)}


class Replay:
    """Posts what was committed through the model, in the order of the log, and collects differences."""

    def __init__(
        self, committed: Committed, told: Mapping[Attempt, Told], cards: Sequence[Mapping[str, Any]]
    ) -> None:
        """`cards`: as they were in the beginning."""
        issued = [committed.cards[row["number"]]._replace(wallet_id=row["wallet_id"]) for row in cards]
        self.model = Model(committed.directory, issued)
        self.differences: list[str] = []
        self.counts: Counter[str] = Counter()
        #: Outcomes that were right for a batch that had not seen another one at the same time.
        self.excused = 0
        self._committed = committed
        self._told = told
        self._lot_ids = {_key(lot): lot.id for lot in committed.lots.values()}
        #: What is the outcome of no key: transfers, and breakage that was taken back.
        self._beside: dict[Hashable, list[int]] = {}
        named = {row.transaction_id for row in committed.recorded.values()}
        for id_, booking in sorted(committed.bookings.items()):
            if id_ not in named:
                self._beside.setdefault(_beside_key(booking.transaction), []).append(id_)

    def run(self) -> None:
        logged = {Attempt(row.worker, row.work, row.attempt) for row in self._committed.log}
        for attempt, told in self._told.items():
            if told.outcomes is not None and attempt not in logged:
                self.differences.append(f"{attempt} was acknowledged and is lost")
        for row in self._committed.log:
            if self.differences:
                return  # what follows may be a consequence
            if row.periods is not None:
                self._close(row)
            else:
                self._batch(row)
        if not self.differences:
            self._compare_rows()

    def _close(self, row: Row[Any]) -> None:
        for number, starts_at, ends_at, state in row.periods:
            starts, ends = datetime.fromisoformat(starts_at), datetime.fromisoformat(ends_at)
            self.model.periods[number] = Period(number, starts, ends, PeriodState(state))

    def _batch(self, row: Row[Any]) -> None:
        attempt = Attempt(row.worker, row.work, row.attempt)
        told = self._told[attempt]
        self.model.begin_batch(row.serial)
        for place, command in enumerate(told.commands):
            outcome = told.outcomes[place] if told.outcomes is not None else None
            difference = self._command(command, outcome, row)
            if difference:
                self.differences.append(
                    f"{attempt}, command {place}: {difference}\n    {command}{self._before(told, place)}"
                )
                return

    def _command(self, command: Command, told: Outcome | None, row: Row[Any]) -> str | None:
        """What is wrong with the outcome, if anything is; the model goes on with what it should be."""
        verdicts = self.model.verdicts(command, Moment(row.at.astimezone(ZONE), row.clock), row.seen)
        first = next(verdicts)
        found = summary(told) if told is not None else self._summary_of_row(command, first.outcome)
        verdict = first
        if summary(first.outcome) != found and {found, summary(first.outcome)} & _CONTESTABLE:
            verdict = next((one for one in verdicts if summary(one.outcome) == found), first)
        decision = renamed(verdict.decision, self._new_ids(command, verdict))
        [outcome] = decision.outcomes
        if summary(outcome) != found:
            return f"expected {outcome}\n    found {told or found}"
        self.model.apply(command, decision)
        self.counts[found] += 1
        self.excused += not verdict.exact
        return self._wrong(command, told, outcome, exact=verdict.exact)

    def _before(self, told: Told, place: int) -> str:
        """What stood before the command in its batch and concerned the same wallet."""
        wallet_id = self.model.wallet_of(told.commands[place])
        lines = []
        for index, command in enumerate(told.commands[:place]):
            if self.model.wallet_of(command) == wallet_id:
                outcome = summary(told.outcomes[index]) if told.outcomes else "unknown"
                lines.append(f"\n    before it, {index}: {outcome}: {command}")
        return "".join(lines)

    def _summary_of_row(self, command: Command, expected: Outcome) -> str:
        """What became of a command whose answer was lost."""
        row = self._committed.recorded.get(command.key)
        if isinstance(expected, Replayed) or (isinstance(expected, Refusal) and expected.code in UNRECORDED):
            return summary(expected)  # it left nothing
        if row is None:
            return "nothing"
        if row.refusal:
            return row.refusal.code.value
        if row.hold_id is not None:
            return "held"
        return "posted" if row.transaction_id is not None else "moved"

    def _wrong(self, command: Command, told: Outcome | None, expected: Outcome, *, exact: bool) -> str | None:
        """Whether what was told and recorded agrees in every detail."""
        row = self._committed.recorded.get(command.key)
        if isinstance(expected, Replayed):
            recorded = told.recorded if isinstance(told, Replayed) else row
            return _unless_equal("the replayed outcome", expected.recorded, recorded) or _unless_equal(
                "the recorded outcome", expected.recorded, row
            )
        if isinstance(told, Refusal) and exact:
            difference = _unless_equal("the refusal", expected, told)
            if difference:
                return difference
        elif isinstance(told, Posted | Held | Moved):
            difference = _unless_equal("what was told", expected, told)
            if difference:
                return difference
        if isinstance(expected, Refusal) and expected.code in UNRECORDED:
            return None
        due = self.model.recorded[command.key]
        if isinstance(told, Refusal):
            due = due._replace(refusal=told)
        elif not exact and row is not None:
            due = due._replace(refusal=row.refusal)
        self.model.recorded[command.key] = due
        return _unless_equal("the recorded outcome", due, row)

    def _new_ids(self, command: Command, verdict: Verdict) -> dict[int, int]:
        """The database's ids of what the model has numbered in its own way."""
        decision, ids = verdict.decision, {}
        row = self._committed.recorded.get(command.key, Recorded(""))
        if decision.move is not None and row.wallet_id is not None:
            ids[decision.move.target_id] = row.wallet_id
        for lot in decision.new_lots.values():
            key = _key(lot)._replace(wallet_id=ids.get(lot.wallet_id, lot.wallet_id))
            ids[lot.id] = self._lot_ids.get(key, lot.id)
        [outcome] = decision.outcomes
        own = outcome.booking.transaction.id if isinstance(outcome, Posted) else None
        if own is not None and row.transaction_id is not None:
            ids[own] = row.transaction_id
        if row.wallet_id is not None:
            ids |= self._ids_beside(decision, own, row.wallet_id)
        for hold in decision.new_holds.values():
            if row.hold_id is not None:
                ids[hold.id] = row.hold_id
        return ids

    def _ids_beside(self, decision: Decision, own: int | None, target_id: int) -> dict[int, int]:
        """No key names them; equal ones of one wallet are told apart by their order."""
        ids = {}
        for row in decision.transactions:
            moved = decision.move is not None and row.wallet_id == decision.move.target_id
            key = _beside_key(row._replace(wallet_id=target_id) if moved else row)
            if row.id != own and self._beside.get(key):
                ids[row.id] = self._beside[key].pop(0)
        return ids

    def _compare_rows(self) -> None:
        model, committed = self.model, self._committed
        expected_lots = {id_: lot for own in model.lots.values() for id_, lot in own.items()}
        ours = {number: one for number, one in committed.periods.items() if number in model.periods}
        for name, expected, found in (
            ("outcome", model.recorded, committed.recorded),
            ("transaction", model.bookings, committed.bookings),
            ("entry", model.entries, committed.entries),
            ("lot", expected_lots, committed.lots),
            ("hold", model.holds, committed.holds),
            ("arrears", _not_empty(model.arrears), _not_empty(committed.arrears)),
            ("position", model.positions, committed.positions),
            ("reference", model.references, committed.references),
            ("period", model.periods, ours),
            ("card", model.cards, committed.cards),
            ("merged wallet", model.merged, committed.merged),
        ):
            self.differences += islice(_different(name, expected, found), _SHOWN)


def unverified(engine: Engine) -> list[str]:
    """What `verify` finds."""
    with frozen(engine) as connection:
        return [f"verify: {difference}" for difference in verify(connection)]


def _different(name: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> Iterator[str]:
    for key in sorted(expected.keys() | found.keys(), key=str):
        if expected.get(key) != found.get(key):
            yield f"{name} {key}\n    expected {expected.get(key)}\n    found    {found.get(key)}"


def _unless_equal(what: str, expected: object, found: object) -> str | None:
    if expected == found:
        return None
    return f"{what} differs\n    expected {expected}\n    found    {found}"


def _not_empty(owed: Mapping[ArrearsKey, int]) -> dict[ArrearsKey, int]:
    return {key: points for key, points in owed.items() if points}


def _beside_key(row: Transaction) -> Hashable:
    at = row.booked_at.timestamp()
    return row.kind, row.wallet_id, row.acceptor_id, row.points, row.amount, row.purpose, at


def _key(lot: Lot) -> LotKey:
    return LotKey(lot.wallet_id, lot.issuer_id, lot.asset, lot.expires_on)


def _bookings(connection: Connection) -> Iterator[Any]:
    keys = [tuple(row) for row in connection.execute(select(transactions.c.wallet_id, transactions.c.id))]
    for start in range(0, len(keys), 2_000):
        yield from read_bookings(connection, keys[start : start + 2_000])


def _positions(connection: Connection) -> dict[Hashable, PositionChange]:
    key = [positions.c[name] for name in PositionKey._fields]
    sums = [func.sum(positions.c[name]) for name in PositionChange._fields]
    rows: Sequence[Sequence[Any]] = connection.execute(select(*key, *sums).group_by(*key)).all()
    return {
        PositionKey(row[0], row[1], row[2], LegKind(row[3])): PositionChange(*map(int, row[4:]))
        for row in rows
    }
