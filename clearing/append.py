"""Apply: set-based statements, sent at once, write all that a decision contains.

They are prepared once in each session: to plan their parts anew would cost more than to write a small batch.
What most batches have none of has a statement of its own, as each part of one costs even without a row.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing import arrays
from clearing.core.batch import Decision
from clearing.core.events import Event, EventType
from clearing.core.holds import HeldDraw, Hold
from clearing.core.journal import (
    Entry,
    Leg,
    PositionChange,
    PositionKey,
    Transaction,
    VolumeChange,
    VolumeKey,
)
from clearing.core.limits import debits_of
from clearing.core.outcomes import Recorded
from clearing.core.snapshot import ArrearsKey, Lot, ReferenceKey
from clearing.moves import carry_out


class Rows(NamedTuple):
    """Rows of one kind as they are handed to the statement: an array for each column.

    `columns` are names and types in PostgreSQL. `shared` are columns that a row has in common with its
    transaction: they are not handed over again but read from the transaction's arrays, at its `place` in the
    batch (from 1). `beside`: all rows that the same statement writes, in order.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    shared: Mapping[str, str]
    beside: list["Rows"]

    @property
    def names(self) -> str:
        return ", ".join([*self.shared, *(name for name, _ in self.columns if name != "place")])

    @property
    def types(self) -> list[str]:
        return [f"{type_}[]" for _, type_ in self.columns]

    def parameter(self, column: str) -> str:
        """The number of the column's array among the parameters of the statement, as `$7`."""
        before = takewhile(lambda rows: rows is not self, self.beside)
        names = [name for name, _ in self.columns]
        return f"${3 + sum(len(rows.columns) for rows in before) + names.index(column)}"

    @property
    def unnested(self) -> str:
        """The arrays side by side, as a table of its own name."""
        arrays_ = ", ".join(self.parameter(name) for name, _ in self.columns)
        return f"unnest({arrays_}) AS {self.name} ({', '.join(name for name, _ in self.columns)})"

    @property
    def selected(self) -> str:
        """Every column, in the order of `names`."""
        shared = [f"({_TRANSACTIONS.parameter(name)})[place]" for name in self.shared.values()]
        return ", ".join([*shared, *(name for name, _ in self.columns if name != "place")])

    def literals(self, rows: Mapping[str, Sequence[Any]]) -> list[str | None]:
        """An array literal for each column; `rows` are the values by column."""
        return [_literal(type_, rows[name]) for name, type_ in self.columns]


def _literal(type_: str, values: Sequence[Any]) -> str | None:
    """Nothing for a column without values: an array shorter than the others is filled up with NULL."""
    if not values or (values[0] is None and values.count(None) == len(values)):
        return None
    return _LITERALS[type_](values)


#: What is handed to each statement, in the order of its parameters; its first two are the stripe and the
#: time.
_LEDGER: list[Rows] = []
_HELD: list[Rows] = []
_OWED: list[Rows] = []
_TOLD: list[Rows] = []


def _rows(
    beside: list[Rows], name: str, columns: str, shared: Mapping[str, str] = MappingProxyType({})
) -> Rows:
    """`_rows(group, "x", "id bigint, code text")`; `shared`: the transaction's column by the column here."""
    pairs = [column.split() for column in columns.split(",")]
    rows = Rows(name, tuple((column, type_) for column, type_ in pairs), shared, beside)
    beside.append(rows)
    return rows


def _json(values: Iterable[Mapping[str, str] | None]) -> str:
    return arrays.texts(None if value is None else json.dumps(value, ensure_ascii=False) for value in values)


_LITERALS: dict[str, Callable[[Iterable[Any]], str]] = {
    "smallint": arrays.numbers,
    "int": arrays.numbers,
    "bigint": arrays.numbers,
    "bool": arrays.flags,
    "date": arrays.times,
    "timestamptz": arrays.times,
    "text": arrays.texts,
    "uuid": arrays.texts,
    "jsonb": _json,
}

_NEW_LOTS = _rows(
    _LEDGER,
    "new_lots",
    "wallet_id bigint, id bigint, issuer_id int, asset smallint, expires_on date, available bigint,"
    " held bigint",
)
_CHANGED_LOTS = _rows(_LEDGER, "changed_lots", "wallet_id bigint, id bigint, available bigint, held bigint")
_TRANSACTIONS = _rows(
    _LEDGER,
    "transactions",
    "period int, wallet_id bigint, id bigint, kind smallint, card_number text, merchant_id int,"
    " acceptor_id int, occurred_at timestamptz, booked_at timestamptz, late bool, points bigint,"
    " amount bigint, rule_version int, posted_by text, reference text, purpose text, metadata jsonb,"
    " original_id bigint, original_period int, original_wallet_id bigint",
)
_OF_TRANSACTION = {"period": "period", "wallet_id": "wallet_id", "transaction_id": "id"}
_LEGS = _rows(
    _LEDGER,
    "legs",
    "place int, number smallint, kind smallint, issuer_id int, points bigint, amount bigint,"
    " obligation bigint, acceptor_fee bigint, issuer_fee bigint, fee_rule_id int, reason smallint",
    {**_OF_TRANSACTION, "acceptor_id": "acceptor_id"},
)
_ENTRIES = _rows(
    _LEDGER,
    "entries",
    "place int, number smallint, kind smallint, debit bigint, credit bigint, quantity bigint",
    _OF_TRANSACTION,
)
_OUTCOMES = _rows(
    _LEDGER,
    "outcomes",
    "place int, key uuid, request_hash uuid, own_wallet_id bigint, hold_id bigint, refusal_code text,"
    " refusal_detail text, refusal_field text",
)
_REFERENCES = _rows(
    _LEDGER,
    "merchant_references",
    "merchant_id int, kind smallint, reference text, wallet_id bigint, transaction_id bigint",
)
_NEW_HOLDS = _rows(
    _HELD,
    "new_holds",
    "wallet_id bigint, id bigint, kind smallint, status text, card_number text, merchant_id int,"
    " acceptor_id int, points bigint, amount bigint, captured bigint, placed_at timestamptz,"
    " expires_at timestamptz, rule_version int, posted_by text, reference text, purpose text, metadata jsonb",
)
_CHANGED_HOLDS = _rows(_HELD, "changed_holds", "wallet_id bigint, id bigint, status text, captured bigint")
_HOLD_DRAWS = _rows(
    _HELD,
    "hold_draws",
    "wallet_id bigint, hold_id bigint, number smallint, lot_id bigint, issuer_id int, quantity bigint",
)
_ARREARS = _rows(_OWED, "arrears", "wallet_id bigint, issuer_id int, points bigint")
_EVENTS = _rows(_TOLD, "events", "id bigint, type text, participant_id int, data jsonb")
_CAP_LINES = _rows(_TOLD, "cap_lines", "participant_id int, line smallint")
_EXPOSURES = _rows(_LEDGER, "exposures", "participant_id int, period int, debit bigint")
_POSITIONS = _rows(
    _LEDGER,
    "positions",
    "period int, issuer_id int, acceptor_id int, kind smallint, "
    + ", ".join(f"{measure} bigint" for measure in PositionChange._fields),
)

_ADDED = ", ".join(f"{measure} = p.{measure} + excluded.{measure}" for measure in PositionChange._fields)


def _insert(rows: Rows, table: str | None = None) -> str:
    return f"INSERT INTO {table or rows.name} ({rows.names}) SELECT {rows.selected} FROM {rows.unnested}"  # noqa: S608


_UNSEALED = ", ".join(_TRANSACTIONS.parameter(name) for name in ("period", "wallet_id", "id"))

_WRITE_LEDGER = f"""
WITH n AS ({_insert(_NEW_LOTS, "lots")}),
c AS (
  UPDATE lots SET available = changed_lots.available, held = changed_lots.held
    FROM {_CHANGED_LOTS.unnested}
   WHERE lots.wallet_id = changed_lots.wallet_id AND lots.id = changed_lots.id
),
t AS ({_insert(_TRANSACTIONS)}),
u AS (
  -- What the batch has added to the journal, for the seal: the arrays that are here anyway.
  INSERT INTO unsealed (periods, wallet_ids, transaction_ids)
  SELECT {_UNSEALED} WHERE {_TRANSACTIONS.parameter("id")} <> '{{}}'
),
l AS ({_insert(_LEGS)}),
e AS ({_insert(_ENTRIES)}),
o AS (
  INSERT INTO outcomes (recorded_at, key, request_hash, wallet_id, transaction_id, hold_id, refusal_code,
                        refusal_detail, refusal_field)
  SELECT $2, key, request_hash, coalesce(({_TRANSACTIONS.parameter("wallet_id")})[place], own_wallet_id),
         ({_TRANSACTIONS.parameter("id")})[place], hold_id, refusal_code, refusal_detail, refusal_field
    FROM {_OUTCOMES.unnested}
),
r AS ({_insert(_REFERENCES)}),
x AS (
  INSERT INTO exposures AS x (stripe, {_EXPOSURES.names})
  SELECT $1, {_EXPOSURES.selected} FROM {_EXPOSURES.unnested}
      ON CONFLICT (participant_id, period, stripe) DO UPDATE SET debit = x.debit + excluded.debit
)
INSERT INTO positions AS p (stripe, {_POSITIONS.names})
SELECT $1, {_POSITIONS.selected} FROM {_POSITIONS.unnested}
    ON CONFLICT (period, issuer_id, acceptor_id, kind, stripe) DO UPDATE SET {_ADDED}
"""  # noqa: S608  built from the column names above

_WRITE_HELD = f"""
WITH h AS ({_insert(_NEW_HOLDS, "holds")}),
d AS ({_insert(_HOLD_DRAWS)})
UPDATE holds SET status = changed_holds.status, captured = changed_holds.captured
  FROM {_CHANGED_HOLDS.unnested}
 WHERE holds.wallet_id = changed_holds.wallet_id AND holds.id = changed_holds.id
"""  # noqa: S608

_WRITE_OWED = f"""
{_insert(_ARREARS)}
    ON CONFLICT (wallet_id, issuer_id) DO UPDATE SET points = excluded.points
"""

_WRITE_TOLD = f"""
WITH w AS (
  {_insert(_CAP_LINES)}
      ON CONFLICT (participant_id) DO UPDATE SET line = excluded.line WHERE cap_lines.line <> excluded.line
      RETURNING participant_id
)
-- Two writers may see the same line crossed; whoever notes it first tells of it.
INSERT INTO events (made_at, {_EVENTS.names})
SELECT $2, {_EVENTS.selected} FROM {_EVENTS.unnested}
 WHERE type <> '{EventType.CAP_WARNING}' OR participant_id IN (SELECT participant_id FROM w)
"""  # noqa: S608


def _prepare(name: str, group: list[Rows], sql: str) -> str:
    types = ", ".join(["smallint", "timestamptz", *(type_ for rows in group for type_ in rows.types)])
    return f"PREPARE {name} ({types}) AS {sql}"


def _execute(name: str, group: list[Rows]) -> str:
    parameters = 2 + sum(len(rows.columns) for rows in group)
    return f"EXECUTE {name} ({', '.join(['%s'] * parameters)});"


PREPARE = ";".join(
    [
        _prepare("write_ledger", _LEDGER, _WRITE_LEDGER),
        _prepare("write_held", _HELD, _WRITE_HELD),
        _prepare("write_owed", _OWED, _WRITE_OWED),
        _prepare("write_told", _TOLD, _WRITE_TOLD),
    ]
)
_LEDGER_WRITTEN = _execute("write_ledger", _LEDGER)
_HELD_WRITTEN = _execute("write_held", _HELD)
_OWED_WRITTEN = _execute("write_owed", _OWED)
_TOLD_WRITTEN = _execute("write_told", _TOLD)

_VOLUME_ADDED = ", ".join(f"{measure} = v.{measure} + excluded.{measure}" for measure in VolumeChange._fields)

_VOLUMES = f"""
INSERT INTO fee_volumes AS v (stripe, {", ".join((*VolumeKey._fields, *VolumeChange._fields))})
SELECT %s, * FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::int[],
                         %s::bigint[], %s::bigint[], %s::bigint[])
    ON CONFLICT (period, rule_id, issuer_id, acceptor_id, of_period, stripe) DO UPDATE SET {_VOLUME_ADDED}
"""  # noqa: S608  built from the column names above


def apply(connection: Connection, decision: Decision, stripe: int, at: datetime) -> None:
    """Write the decision in the connection's transaction. `stripe`: the writer's own running totals.

    The session must have run `PREPARE`.
    """
    if not decision.recorded:
        return  # every command was a replay or not entitled: nothing to write, not even an outcome
    if decision.move is not None:
        carry_out(connection, decision.move)
    place_of = {transaction.id: place for place, transaction in enumerate(decision.transactions, 1)}
    # Rows that another transaction may hold come in the order of their keys, so that no two wait in a ring.
    sql = _LEDGER_WRITTEN
    values = [
        stripe,
        at,
        *_NEW_LOTS.literals(_by_column(Lot, decision.new_lots.values())),
        *_CHANGED_LOTS.literals(_by_column(Lot, decision.changed_lots.values())),
        *_TRANSACTIONS.literals(_by_column(Transaction, decision.transactions)),
        *_LEGS.literals(_placed(_by_column(Leg, decision.legs), place_of)),
        *_ENTRIES.literals(_placed(_by_column(Entry, decision.entries), place_of)),
        *_OUTCOMES.literals(_placed(_outcomes(decision), place_of)),
        *_REFERENCES.literals(_references(decision)),
        *_EXPOSURES.literals(_exposures(decision)),
        *_POSITIONS.literals(_positions(decision)),
    ]
    if decision.new_holds or decision.changed_holds:
        sql += _HELD_WRITTEN
        values += (stripe, at, *_NEW_HOLDS.literals(_by_column(Hold, decision.new_holds.values())))
        values += _CHANGED_HOLDS.literals(_by_column(Hold, decision.changed_holds.values()))
        values += _HOLD_DRAWS.literals(_hold_draws(decision))
    if decision.arrears:
        sql += _OWED_WRITTEN
        values += (stripe, at, *_ARREARS.literals(_arrears(decision)))
    if decision.events or decision.cap_lines:
        sql += _TOLD_WRITTEN
        values += (stripe, at, *_EVENTS.literals(_by_column(Event, decision.events)))
        values += _CAP_LINES.literals(_cap_lines(decision))
    connection.exec_driver_sql(sql, tuple(values))
    if decision.volumes:
        _add_volumes(connection, decision, stripe)


def _add_volumes(connection: Connection, decision: Decision, stripe: int) -> None:
    """A statement of its own: few rules have tiers, and the other must not carry this along."""
    moved = sorted(decision.volumes.items())
    columns = {
        **_by_column(VolumeKey, [key for key, _ in moved]),
        **_by_column(VolumeChange, [change for _, change in moved]),
    }
    connection.exec_driver_sql(_VOLUMES, (stripe, *map(arrays.numbers, columns.values())))


def _by_column(kind: type[NamedTuple], rows: Iterable[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The values of the rows by the name of their field."""
    values = list(zip(*rows, strict=True)) or [()] * len(kind._fields)
    return dict(zip(kind._fields, values, strict=True))


def _placed(rows: dict[str, Sequence[Any]], place_of: Mapping[int, int]) -> dict[str, Sequence[Any]]:
    """The same with the place of each row's transaction; None for a refusal, which has none."""
    return rows | {"place": list(map(place_of.get, rows["transaction_id"]))}


def _outcomes(decision: Decision) -> dict[str, Sequence[Any]]:
    recorded = sorted(decision.recorded.items())
    outcomes = [outcome for _, outcome in recorded]
    refusals = [outcome.refusal for outcome in outcomes]
    return {
        "key": [key for key, _ in recorded],
        **_by_column(Recorded, outcomes),
        "own_wallet_id": [one.wallet_id if one.transaction_id is None else None for one in outcomes],
        "refusal_code": [refusal and refusal.code.value for refusal in refusals],
        "refusal_detail": [refusal and refusal.detail for refusal in refusals],
        "refusal_field": [refusal and refusal.field for refusal in refusals],
    }


def _references(decision: Decision) -> dict[str, Sequence[Any]]:
    taken = sorted(decision.references.items())
    return {
        **_by_column(ReferenceKey, [key for key, _ in taken]),
        "wallet_id": [wallet_id for _, (wallet_id, _) in taken],
        "transaction_id": [id_ for _, (_, id_) in taken],
    }


def _hold_draws(decision: Decision) -> dict[str, Sequence[Any]]:
    draws = [
        (hold.wallet_id, hold.id, number, draw)
        for hold in decision.new_holds.values()
        for number, draw in enumerate(hold.draws, 1)
    ]
    return {
        "wallet_id": [wallet_id for wallet_id, _, _, _ in draws],
        "hold_id": [hold_id for _, hold_id, _, _ in draws],
        "number": [number for _, _, number, _ in draws],
        **_by_column(HeldDraw, [draw for _, _, _, draw in draws]),
    }


def _arrears(decision: Decision) -> dict[str, Sequence[Any]]:
    owed = sorted(decision.arrears.items())
    return {
        **_by_column(ArrearsKey, [key for key, _ in owed]),
        "points": [points for _, points in owed],
    }


def _cap_lines(decision: Decision) -> dict[str, Sequence[Any]]:
    lines = sorted(decision.cap_lines.items())
    return {"participant_id": [id_ for id_, _ in lines], "line": [line for _, line in lines]}


def _exposures(decision: Decision) -> dict[str, Sequence[Any]]:
    debits = sorted(debits_of(decision.positions).items())
    return {
        "participant_id": [participant_id for (participant_id, _), _ in debits],
        "period": [period for (_, period), _ in debits],
        "debit": [debit for _, debit in debits],
    }


def _positions(decision: Decision) -> dict[str, Sequence[Any]]:
    moved = sorted(decision.positions.items())
    return {
        **_by_column(PositionKey, [key for key, _ in moved]),
        **_by_column(PositionChange, [change for _, change in moved]),
    }
