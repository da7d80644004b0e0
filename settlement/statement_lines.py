"""The lines of a statement, streamed from the journal: every leg that concerns one participant.

They are copied out of the database at once and taken one by one, so a million lines take no more memory than
one thousand. They are ordered by booking time, transaction and leg, so the same lines come in the same order.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.amounts import rate_text
from clearing.core.journal import LegKind, Reason, TransactionKind
from clearing.ids import letters
from clearing.kind_lists import FROM_LOT, INTO_LOT
from clearing.tables import merchants, participants
from database.copying import copied
from settlement.core.statement import DetailLine, direction_of
from settlement.query import StatementHeader
from settlement.tables import statement_keys

#: From so many lines on, the tables are read as a whole instead of looking up each transaction.
WHOLE_FROM = 20_000
#: For sorting and joining in PostgreSQL; with its usual 4 MB a million lines would go to the disk again and
#: again.
WORK_MEM_MB = 64
_TOKEN_LETTERS = 12
#: Of what comes again and again on lines (members, lots, what they have in common) so much is kept.
_KEPT = 50_000


#: ISO 8601 with milliseconds, in the session's time zone.
_TIME = """'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM'"""

# A leg's lots are those that its issuer's entries of the same transaction moved.
_ALL = f"""
SELECT l.transaction_id, l.wallet_id, l.kind, l.issuer_id, l.acceptor_id, l.points, l.amount, l.obligation,
       l.acceptor_fee, l.issuer_fee, l.reason, t.kind AS transaction_kind, t.merchant_id, t.reference,
       to_char(t.occurred_at, {_TIME}) AS occurred_at, to_char(t.booked_at, {_TIME}) AS booked_at, t.late,
       t.rule_version, t.original_id, t.original_wallet_id, f.rate,
       string_agg(e.lot || ':' || e.quantity, ' ' ORDER BY e.number) AS lots
  FROM legs l
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
  LEFT JOIN fee_rules f ON f.id = l.fee_rule_id
  LEFT JOIN (SELECT period, wallet_id, transaction_id, number, quantity,
                    CASE WHEN kind IN ({INTO_LOT}) THEN credit ELSE debit END AS lot,
                    CASE WHEN kind IN ({INTO_LOT}) THEN debit ELSE credit END AS owner
               FROM entries WHERE kind IN ({INTO_LOT}, {FROM_LOT})) AS e
         ON e.period = l.period AND e.wallet_id = l.wallet_id AND e.transaction_id = l.transaction_id
            AND e.owner = l.issuer_id
 WHERE l.period = %(period)s AND (l.issuer_id = %(participant)s OR l.acceptor_id = %(participant)s)
"""  # noqa: S608  put together from constants of this program
_IN_ORDER = """
 GROUP BY l.period, l.wallet_id, l.transaction_id, l.number, t.period, t.wallet_id, t.id, f.rate
 ORDER BY t.booked_at, l.transaction_id, l.number, l.wallet_id
"""
_LINES = _ALL + _IN_ORDER
_SOME_LINES = f"{_ALL} AND (l.wallet_id, l.transaction_id, l.number) IN %(keys)s {_IN_ORDER}"


class Codes(NamedTuple):
    """What is written on lines in place of ids; of the hub too."""

    merchants: Mapping[int, str]
    participants: Mapping[int, str]


def read_lines(connection: Connection, header: StatementHeader, expected: int) -> Iterator[DetailLine]:
    """The statement's lines, numbered from 1. A closed period's lines are the same whenever they are read.

    `expected`: how many there should be, which decides how they are read. Sets the time zone, and for many
    lines the planner, of the connection's transaction, which may then be idle however long taking them is.
    """
    reading = _reading(connection, header)
    _prepare(connection, header.zone, expected)
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    wanted = {"period": header.period, "participant": header.participant_id}
    return map(reading.line, count(1), copied(connection, _LINES, wanted))


def read_lines_at(
    connection: Connection, header: StatementHeader, keys: Sequence[tuple[int, tuple[int, int, int]]]
) -> list[DetailLine]:
    """Some of the lines, in their order. `keys`: the number of each, and by what its leg is found (wallet,
    transaction, number of the leg), in the same order.
    """
    if not keys:
        return []
    reading = _reading(connection, header)
    _prepare(connection, header.zone, len(keys))
    wanted = {
        "period": header.period,
        "participant": header.participant_id,
        "keys": tuple(key for _, key in keys),
    }
    rows = copied(connection, _SOME_LINES, wanted)
    return [reading.line(number, row) for (number, _), row in zip(keys, rows, strict=True)]


def member_token(member_key: bytes, wallet_id: int) -> str:
    """A member as one participant's finance sees them: the same on all its statements, and on no other's.

    The hash is keyed with a secret of that participant's that never leaves the database, so that neither
    trying wallet ids nor laying two participants' statements side by side tells who it is.
    """
    digest = hashlib.blake2b(wallet_id.to_bytes(8, "big"), key=member_key, digest_size=8).hexdigest()
    return f"M-{digest[:_TOKEN_LETTERS].upper()}"


class _Alike(NamedTuple):
    """What many lines have in common, as it stands on them; `shows_lots`: whether their lots do."""

    merchant: str | None
    transaction_kind: str
    kind: str
    issuer: str
    acceptor: str
    direction: str
    fee_rate: str | None
    fee_payer: str | None
    reason: str
    reader_accepts: bool
    shows_lots: bool


class _Reading:
    """Makes the lines of one statement from texts."""

    def __init__(
        self,
        header: StatementHeader,
        codes: Codes,
        member_key: bytes,
    ) -> None:
        self._reader_id = header.participant_id
        self._codes = codes
        self._alike = lru_cache(_KEPT)(self._find_alike)
        self._letters = lru_cache(_KEPT)(lambda id_: letters(int(id_)))
        # The wallet's half of ids, and its member's token.
        self._wallet = lru_cache(_KEPT)(lambda id_: (letters(int(id_)), member_token(member_key, int(id_))))

    def line(self, number: int, row: Sequence[str]) -> DetailLine:
        # Taken apart at once, in the order of the SELECT: reading a row by names is most of the work.
        (transaction, wallet_id, kind, issuer_id, acceptor_id, points, amount, obligation, acceptor_fee,
         issuer_fee, reason, transaction_kind, merchant_id, reference, occurred_at, booked_at, late,
         rule_version, original, original_wallet, rate, lots) = row  # fmt: skip
        alike = self._alike((
            kind, issuer_id, acceptor_id, transaction_kind, merchant_id, reason, rate,
            obligation != "0", acceptor_fee != "0", issuer_fee != "0",
        ))  # fmt: skip
        wallet, member = self._wallet(wallet_id)
        return DetailLine(
            number,
            f"txn_{wallet}{letters(int(transaction))}",
            reference or None,
            occurred_at,
            booked_at,
            alike.merchant,
            alike.transaction_kind,
            alike.kind,
            alike.issuer,
            alike.acceptor,
            member,
            self._lots(wallet, lots) if lots and alike.shows_lots else "",
            int(points),
            int(amount),
            int(obligation),
            alike.direction,
            alike.fee_rate,
            int(acceptor_fee if alike.reader_accepts else issuer_fee),
            alike.fee_payer,
            int(rule_version),
            alike.reason,
            late == "t",
            self._original(original_wallet or wallet_id, original) if original else None,
        )

    def _find_alike(self, given: tuple[str, str, str, str, str, str, str, bool, bool, bool]) -> _Alike:
        (kind_number, issuer, acceptor, transaction_kind, merchant, reason, rate,
         owes, acceptor_pays, issuer_pays) = given  # fmt: skip
        kind, issuer_id, acceptor_id = LegKind(int(kind_number)), int(issuer), int(acceptor)
        codes = self._codes.participants
        payers = ((codes[acceptor_id], acceptor_pays), (codes[issuer_id], issuer_pays))
        return _Alike(
            self._codes.merchants[int(merchant)] if merchant else None,
            TransactionKind(int(transaction_kind)).label,
            kind.label,
            codes[issuer_id],
            codes[acceptor_id],
            direction_of(kind, issuer_id, acceptor_id, int(owes), self._reader_id).value,
            rate_text(Decimal(rate)) if rate else None,
            " ".join(code for code, pays in payers if pays) or None,
            Reason(int(reason)).label,
            acceptor_id == self._reader_id,
            # A visit from elsewhere moves no lot of its own leg; the points given for it stand in another.
            not (issuer_id != acceptor_id and kind is LegKind.VISIT),
        )

    def _lots(self, wallet: str, lots: str) -> str:
        """`lots`: number:quantity, separated by spaces."""
        named = []
        for lot in lots.split(" "):
            number, _, quantity = lot.partition(":")
            named.append(f"lot_{wallet}{self._letters(number)}:{quantity}")
        return " ".join(named)

    def _original(self, wallet_id: str, transaction: str) -> str:
        return f"txn_{self._wallet(wallet_id)[0]}{letters(int(transaction))}"


def read_codes(connection: Connection) -> Codes:
    merchant_rows = connection.execute(select(merchants.c.id, merchants.c.code))
    participant_rows = connection.execute(select(participants.c.id, participants.c.code))
    return Codes(
        {row.id: row.code for row in merchant_rows},
        {HUB: HUB_CODE} | {row.id: row.code for row in participant_rows},
    )


def _reading(connection: Connection, header: StatementHeader) -> _Reading:
    return _Reading(header, read_codes(connection), _member_key(connection, header.participant_id))


def _prepare(connection: Connection, zone: ZoneInfo, expected: int) -> None:
    connection.exec_driver_sql("SELECT set_config('TimeZone', %s, true)", (zone.key,))
    if expected >= WHOLE_FROM:
        # The planner takes wallet and transaction for independent, expects a handful of rows and would look
        # up each by itself.
        connection.exec_driver_sql(
            "SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', %s, true)",
            (f"{WORK_MEM_MB}MB",),
        )


def _member_key(connection: Connection, participant_id: int) -> bytes:
    query = select(statement_keys.c.member_key).where(statement_keys.c.participant_id == participant_id)
    return UUID(connection.execute(query).scalar_one()).bytes
