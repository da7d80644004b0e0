"""Some of a statement's lines: those that make up one of its figures, page by page, and what they come to.

A line keeps its number, whatever it is chosen by. What is added up here is added up by the database, but by
what the lines have in common only: which sums are a figure is for `settlement.core.statement` to say.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing.core.journal import LegKind, parties
from settlement.core.statement import Alike, DetailLine, Direction, Tally, direction_of, kinds_moved
from settlement.query import StatementHeader
from settlement.statement_lines import Codes, read_codes, read_lines_at

# The numbers of a statement's lines follow this order (`settlement.statement_lines`).
_LINES = """
SELECT l.*, t.merchant_id, t.reference,
       row_number() OVER (ORDER BY t.booked_at, l.transaction_id, l.number, l.wallet_id) AS line
  FROM legs l
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
 WHERE l.period = %(period)s AND (l.issuer_id = %(participant)s OR l.acceptor_id = %(participant)s)
"""
_PAGE = """
SELECT line, wallet_id, transaction_id, number
  FROM ({lines}) AS l
 WHERE line > %(after)s AND {chosen}
 ORDER BY line LIMIT %(limit)s
"""
# PostgreSQL leaves the numbers out, where nobody asks for them.
_SUMS = """
SELECT merchant_id, kind, issuer_id, acceptor_id, obligation <> 0 AS owed, points <> 0 AS in_points, count(*),
       sum(points), sum(amount), sum(obligation),
       sum(CASE WHEN acceptor_id = %(participant)s THEN acceptor_fee ELSE issuer_fee END)
  FROM ({lines}) AS l
 WHERE {chosen}
 GROUP BY 1, 2, 3, 4, 5, 6
"""
_ISSUER, _ACCEPTOR = 1, 2
#: The kinds whose principal the issuer owes; of the others the acceptor does.
_BY_ISSUER = [int(kind) for kind in LegKind if parties(kind, _ISSUER, _ACCEPTOR)[0] == _ISSUER]
_NUMBERS = {kind.label: int(kind) for kind in LegKind}
_NOTHING = [0]  # the number of no kind


class Chosen(NamedTuple):
    """By what lines are chosen; None does not narrow, and all that is given must hold.

    `exchanged`: False for what was adjusted by hand, True for all else. `crossed`: between the reader and
    another. `merchant_id`: one's own, so lines at
    its desk. `charged`: lines on which the reader pays a fee. `rule_id` and `as_acceptor`: what that fee
    rule has charged the reader for in that role. `part` of `Moved`, in points or (`in_points` False) in
    stored value.
    """

    counterparty_id: int | None = None
    kind: LegKind | None = None
    direction: Direction | None = None
    exchanged: bool | None = None
    crossed: bool | None = None
    merchant_id: int | None = None
    charged: bool | None = None
    rule_id: int | None = None
    as_acceptor: bool | None = None
    part: str | None = None
    in_points: bool | None = None
    reference: str | None = None


ALL = Chosen()


def read_chosen(
    connection: Connection, header: StatementHeader, chosen: Chosen, after: int, limit: int
) -> list[DetailLine]:
    """The lines chosen, with numbers above `after`, in their order."""
    conditions, values = _conditions(chosen)
    query = _PAGE.format(lines=_LINES, chosen=conditions)
    rows = connection.exec_driver_sql(query, {**_statement(header), **values, "after": after, "limit": limit})
    return read_lines_at(connection, header, [(row[0], (row[1], row[2], row[3])) for row in rows])


def read_tally(connection: Connection, header: StatementHeader, chosen: Chosen = ALL) -> Tally:
    """What the lines chosen come to."""
    conditions, values = _conditions(chosen)
    query = _SUMS.format(lines=_LINES, chosen=conditions)
    codes = read_codes(connection)
    tally = Tally(header.participant_code)
    for row in connection.exec_driver_sql(query, {**_statement(header), **values}):
        tally.add_sums(_alike(row[:6], codes, header.participant_id), [int(value) for value in row[6:]])
    return tally


def _alike(key: Sequence[Any], codes: Codes, reader_id: int) -> Alike:
    merchant_id, number, issuer_id, acceptor_id, owed, in_points = key
    kind = LegKind(number)
    return Alike(
        None if merchant_id is None else codes.merchants[merchant_id],
        kind.label,
        codes.participants[issuer_id],
        codes.participants[acceptor_id],
        direction_of(kind, issuer_id, acceptor_id, int(owed), reader_id),
        in_points,
    )


def _conditions(chosen: Chosen) -> tuple[str, dict[str, Any]]:
    """SQL and its values."""
    found: list[str] = ["true"]
    values: dict[str, Any] = {"by_issuer": _BY_ISSUER, "by_hand": int(LegKind.ADJUSTMENT)}
    for name, value in chosen._asdict().items():
        if value is None:
            continue
        if name in _CONDITIONS:
            found.append(_CONDITIONS[name])
            values[name] = value
        elif name == "direction":
            found.append(_DIRECTIONS[value])
        elif name in _TRUTHS:
            found.append(_TRUTHS[name] if value else f"NOT ({_TRUTHS[name]})")
    if chosen.part is not None:
        found += _part(chosen.part, in_points=chosen.in_points is not False)
        kinds = kinds_moved(chosen.part, in_points=chosen.in_points is not False)
        values["kinds"] = _numbers(kinds)
    return " AND ".join(found), values


_CONDITIONS = {
    "counterparty_id": "CASE WHEN l.issuer_id = %(participant)s THEN l.acceptor_id ELSE l.issuer_id END"
    " = %(counterparty_id)s",
    "kind": "l.kind = %(kind)s",
    "merchant_id": "l.merchant_id = %(merchant_id)s AND l.acceptor_id = %(participant)s",
    "rule_id": "l.fee_rule_id = %(rule_id)s",
    "reference": "l.reference = %(reference)s",
}
_TRUTHS = {
    "exchanged": "l.kind <> %(by_hand)s",
    "crossed": "l.issuer_id <> l.acceptor_id",
    "charged": "CASE WHEN l.acceptor_id = %(participant)s THEN l.acceptor_fee ELSE l.issuer_fee END <> 0",
    "as_acceptor": "l.acceptor_id = %(participant)s",
}
_OWED_BY_ISSUER = "(l.kind = ANY (%(by_issuer)s))"
_DIRECTIONS = {
    # Owed to the reader: where the issuer owes it is the acceptor, else the issuer.
    Direction.RECEIVABLE: f"l.obligation <> 0 AND {_OWED_BY_ISSUER} = (l.acceptor_id = %(participant)s)",
    Direction.PAYABLE: f"l.obligation <> 0 AND {_OWED_BY_ISSUER} = (l.issuer_id = %(participant)s)",
    Direction.NONE: "l.obligation = 0",
}


def _part(part: str, *, in_points: bool) -> list[str]:
    """Of `Moved`: what the reader's own lots gained or lost in this way."""
    found = ["l.issuer_id = %(participant)s", "l.kind = ANY (%(kinds)s)"]
    found.append("l.points <> 0" if in_points else "l.points = 0")
    if part == "used_own":
        found.append("l.acceptor_id = l.issuer_id")
    elif part == "used_elsewhere":
        found.append("l.acceptor_id <> l.issuer_id")
    return found


def _numbers(labels: Iterable[str]) -> list[int]:
    return sorted(_NUMBERS[label] for label in labels) or _NOTHING


def _statement(header: StatementHeader) -> dict[str, int]:
    return {"period": header.period, "participant": header.participant_id}
