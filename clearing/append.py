"""Apply: one set-based statement writes all that a decision contains.

It is prepared once in each session: to plan its eight parts anew would cost more than to write a small batch.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing import arrays
from clearing.core.batch import Decision
from clearing.core.journal import PositionChange


class Columns(NamedTuple):
    """Rows of one kind as they are handed to the statement: an array for each column.

    `name` begins the names of the parameters; each column is its name and type in PostgreSQL.
    """

    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def names(self) -> str:
        return ", ".join(name for name, _ in self.columns)

    @property
    def types(self) -> list[str]:
        return [f"{type_}[]" for _, type_ in self.columns]

    @property
    def unnest(self) -> str:
        """The columns as parameters of the prepared statement, which numbers them in the order of `_rows`."""
        first = 3 + sum(len(before.columns) for before in takewhile(lambda rows: rows is not self, _rows))
        return ", ".join(f"${first + index}" for index in range(len(self.columns)))

    def literals(self, rows: Iterable[Sequence[Any]]) -> list[str]:
        """An array literal for each column; the values of a row stand in the order of the columns."""
        values = list(zip(*rows, strict=True)) or [()] * len(self.columns)
        return [_LITERALS[type_](column) for (_, type_), column in zip(self.columns, values, strict=True)]


#: All that is handed over, in the order of the parameters; the first two are the stripe and the time.
_rows: list[Columns] = []


def _columns(name: str, text: str) -> Columns:
    """`_columns("x", "id bigint, code text")`"""
    pairs = [column.split() for column in text.split(",")]
    columns = Columns(name, tuple((column, type_) for column, type_ in pairs))
    _rows.append(columns)
    return columns


def _json(values: Iterable[Mapping[str, str] | None]) -> str:
    return arrays.texts(None if value is None else json.dumps(value, ensure_ascii=False) for value in values)


_LITERALS: dict[str, Callable[[Iterable[Any]], Any]] = {
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

# In the order of the fields of the decision's rows.
_NEW_LOTS = _columns(
    "new_lots",
    "wallet_id bigint, id bigint, issuer_id int, asset smallint, expires_on date, available bigint,"
    " held bigint",
)
_CHANGED_LOTS = _columns("changed_lots", "wallet_id bigint, id bigint, available bigint")
_TRANSACTIONS = _columns(
    "transactions",
    "period int, wallet_id bigint, id bigint, kind smallint, card_number text, merchant_id int,"
    " acceptor_id int, occurred_at timestamptz, booked_at timestamptz, late bool, points bigint,"
    " amount bigint, rule_version int, posted_by text, reference text, purpose text, metadata jsonb",
)
_LEGS = _columns(
    "legs",
    "period int, wallet_id bigint, transaction_id bigint, number smallint, kind smallint, issuer_id int,"
    " acceptor_id int, points bigint, amount bigint, obligation bigint, acceptor_fee bigint,"
    " issuer_fee bigint, fee_rule_id int, reason smallint",
)
_ENTRIES = _columns(
    "entries",
    "period int, wallet_id bigint, transaction_id bigint, number smallint, kind smallint, debit bigint,"
    " credit bigint, quantity bigint",
)
_OUTCOMES = _columns(
    "outcomes",
    "key uuid, request_hash uuid, wallet_id bigint, transaction_id bigint, refusal_code text,"
    " refusal_detail text, refusal_field text",
)
_REFERENCES = _columns(
    "merchant_references",
    "merchant_id int, kind smallint, reference text, wallet_id bigint, transaction_id bigint",
)
_POSITIONS = _columns(
    "positions",
    "period int, issuer_id int, acceptor_id int, kind smallint, "
    + ", ".join(f"{measure} bigint" for measure in PositionChange._fields),
)

_ADDED = ", ".join(f"{measure} = p.{measure} + excluded.{measure}" for measure in PositionChange._fields)


def _insert(rows: Columns) -> str:
    return f"INSERT INTO {rows.name} ({rows.names}) SELECT * FROM unnest({rows.unnest})"  # noqa: S608


_TYPES = ", ".join(["smallint", "timestamptz", *(type_ for rows in _rows for type_ in rows.types)])

PREPARE = f"""
PREPARE apply_decision ({_TYPES}) AS
WITH n AS ({_insert(_NEW_LOTS).replace("INTO new_lots", "INTO lots")}),
c AS (
  UPDATE lots SET available = changed.available
    FROM unnest({_CHANGED_LOTS.unnest}) AS changed ({_CHANGED_LOTS.names})
   WHERE lots.wallet_id = changed.wallet_id AND lots.id = changed.id
),
t AS ({_insert(_TRANSACTIONS)}),
l AS ({_insert(_LEGS)}),
e AS ({_insert(_ENTRIES)}),
o AS (
  INSERT INTO outcomes (recorded_at, {_OUTCOMES.names})
  SELECT $2, * FROM unnest({_OUTCOMES.unnest})
),
r AS ({_insert(_REFERENCES)})
INSERT INTO positions AS p (stripe, {_POSITIONS.names})
SELECT $1, * FROM unnest({_POSITIONS.unnest})
    ON CONFLICT (period, issuer_id, acceptor_id, kind, stripe) DO UPDATE SET {_ADDED}
"""  # noqa: S608  built from the column names above

_EXECUTE = f"EXECUTE apply_decision ({', '.join(['%s'] * (2 + sum(len(rows.columns) for rows in _rows)))})"


def apply(connection: Connection, decision: Decision, stripe: int, at: datetime) -> None:
    """Write the decision in the connection's transaction. `stripe`: the writer's own running totals.

    The session must have run `PREPARE`.
    """
    if not decision.recorded:
        return  # every command was a replay or not entitled: nothing to write, not even an outcome
    # Rows that another transaction may hold come in the order of their keys, so that no two wait in a ring.
    changed = [(lot.wallet_id, lot.id, lot.available) for lot in decision.changed_lots.values()]
    references = [
        (*key, transaction.wallet_id, transaction.id)
        for key, transaction in sorted(decision.references.items())
    ]
    positions = [(*key, *change) for key, change in sorted(decision.positions.items())]
    connection.exec_driver_sql(
        _EXECUTE,
        (
            stripe,
            at,
            *_NEW_LOTS.literals(decision.new_lots.values()),
            *_CHANGED_LOTS.literals(changed),
            *_TRANSACTIONS.literals(decision.transactions),
            *_LEGS.literals(decision.legs),
            *_ENTRIES.literals(decision.entries),
            *_OUTCOMES.literals(_outcomes(decision)),
            *_REFERENCES.literals(references),
            *_POSITIONS.literals(positions),
        ),
    )


def _outcomes(decision: Decision) -> list[tuple[Any, ...]]:
    return [
        (
            key,
            recorded.request_hash,
            recorded.wallet_id,
            recorded.transaction_id,
            *((refusal.code.value, refusal.detail, refusal.field) if refusal else (None, None, None)),
        )
        for key, recorded in sorted(decision.recorded.items())
        for refusal in (recorded.refusal,)
    ]
