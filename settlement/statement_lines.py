"""The lines of a statement, streamed from the journal: every leg that concerns one participant.

A server-side cursor brings them in small portions, so a million lines take no more memory than one
thousand. They are ordered by booking time, transaction and leg, so the same lines come in the same order.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from clearing.core.accounts import CHART, HUB, HUB_CODE, Account
from clearing.core.amounts import rate_text
from clearing.core.journal import LegKind, Reason, TransactionKind
from clearing.ids import letters
from clearing.tables import merchants, participants
from settlement.core.statement import DetailLine, Direction, direction_of
from settlement.query import StatementHeader
from settlement.tables import statement_keys

PORTION = 2_000
#: From so many lines on, the tables are read as a whole instead of looking up each transaction.
WHOLE_FROM = 20_000
#: For sorting and joining in PostgreSQL; with its usual 4 MB a million lines would go to the disk again and
#: again.
WORK_MEM_MB = 64
_TOKEN_LETTERS = 12
_TOKENS_KEPT = 50_000


def _kinds(side: str) -> str:
    moving = [kind for kind, posting in CHART.items() if getattr(posting, side) is Account.LOT]
    return ", ".join(str(int(kind)) for kind in moving)


_INTO_LOT, _FROM_LOT = _kinds("credit"), _kinds("debit")
#: ISO 8601 with milliseconds, in the session's time zone. PostgreSQL writes it while Python does other
#: things.
_TIME = """'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM'"""

# A leg's lots are those that its issuer's entries of the same transaction moved: a row for each of them, or
# one.
_ALL = f"""
SELECT l.transaction_id, l.number, l.wallet_id, l.kind, l.issuer_id, l.acceptor_id, l.points, l.amount,
       l.obligation, l.acceptor_fee, l.issuer_fee, l.reason, t.kind AS transaction_kind, t.merchant_id,
       t.reference, to_char(t.occurred_at, {_TIME}) AS occurred_at, to_char(t.booked_at, {_TIME}) AS
       booked_at, t.late, t.rule_version, t.original_id, t.original_wallet_id, f.rate, e.lot, e.quantity
  FROM legs l
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
  LEFT JOIN fee_rules f ON f.id = l.fee_rule_id
  LEFT JOIN (SELECT period, wallet_id, transaction_id, number, quantity,
                    CASE WHEN kind IN ({_INTO_LOT}) THEN credit ELSE debit END AS lot,
                    CASE WHEN kind IN ({_INTO_LOT}) THEN debit ELSE credit END AS owner
               FROM entries WHERE kind IN ({_INTO_LOT}, {_FROM_LOT})) AS e
         ON e.period = l.period AND e.wallet_id = l.wallet_id AND e.transaction_id = l.transaction_id
            AND e.owner = l.issuer_id
 WHERE l.period = %(period)s AND (l.issuer_id = %(participant)s OR l.acceptor_id = %(participant)s)
"""  # noqa: S608  put together from constants of this program
_IN_ORDER = " ORDER BY t.booked_at, l.transaction_id, l.number, l.wallet_id, e.number"
_LINES = _ALL + _IN_ORDER
_SOME_LINES = f"{_ALL} AND (l.wallet_id, l.transaction_id, l.number) IN %(keys)s {_IN_ORDER}"

_same_leg = itemgetter(0, 1, 2)
_CURSOR = "statement_lines"
_NONE = Direction.NONE.value


class Codes(NamedTuple):
    """What is written on lines in place of ids; of the hub too."""

    merchants: Mapping[int, str]
    participants: Mapping[int, str]


def read_lines(connection: Connection, header: StatementHeader, expected: int) -> Iterator[DetailLine]:
    """The statement's lines, numbered from 1. A closed period's lines are the same whenever they are read.

    `expected`: how many there should be, which decides how they are read. Sets the time zone, and for many
    lines the planner, of the connection's transaction.
    """
    reading = _reading(connection, header)
    _prepare(connection, header.zone, expected)
    # The driver's own rows: a million of SQLAlchemy's would take as long as writing them.
    driver: Any = connection.connection
    with closing(driver.cursor(_CURSOR)) as cursor:
        cursor.itersize = PORTION
        cursor.execute(_LINES, {"period": header.period, "participant": header.participant_id})
        for number, (_, same) in enumerate(groupby(cursor, _same_leg), 1):
            yield reading.line(number, next(same), same)


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
    rows = map(tuple, connection.exec_driver_sql(_SOME_LINES, wanted))
    numbers = (number for number, _ in keys)
    return [
        reading.line(number, next(same), same)
        for number, (_, same) in zip(numbers, groupby(rows, _same_leg), strict=True)
    ]


def member_token(member_key: bytes, wallet_id: int) -> str:
    """A member as one participant's finance sees them: the same on all its statements, and on no other's.

    The hash is keyed with a secret of that participant's that never leaves the database, so that neither
    trying wallet ids nor laying two participants' statements side by side tells who it is.
    """
    digest = hashlib.blake2b(wallet_id.to_bytes(8, "big"), key=member_key, digest_size=8).hexdigest()
    return f"M-{digest[:_TOKEN_LETTERS].upper()}"


class _Reading:
    """What every line of one statement has in common."""

    def __init__(
        self,
        header: StatementHeader,
        codes: Codes,
        member_key: bytes,
    ) -> None:
        self._reader_id = header.participant_id
        self._merchants = codes.merchants
        self._participants = codes.participants
        self._kinds = {int(kind): (kind, kind.label) for kind in LegKind}
        self._transaction_kinds = {int(kind): kind.label for kind in TransactionKind}
        self._reasons = {int(reason): reason.label for reason in Reason}
        self._rate = lru_cache(rate_text)
        # Members come again and again: their tokens and the wallet's half of ids are kept.
        self._wallet = lru_cache(_TOKENS_KEPT)(lambda id_: (letters(id_), member_token(member_key, id_)))

    def line(self, number: int, first: tuple[Any, ...], others: Iterable[tuple[Any, ...]]) -> DetailLine:
        """`first` and `others`: rows of one leg that differ in their last two columns only."""
        # Taken apart at once, in the order of the SELECT: reading a row by names is most of the work.
        (transaction, _, wallet_id, kind_number, issuer_id, acceptor_id, points, amount, obligation,
         acceptor_fee, issuer_fee, reason, transaction_kind, merchant_id, reference, occurred_at,
         booked_at, late, rule_version, original, original_wallet, rate, lot, quantity) = first  # fmt: skip
        kind, label = self._kinds[kind_number]
        crosses = issuer_id != acceptor_id
        issuer, acceptor = self._participants[issuer_id], self._participants[acceptor_id]
        wallet, member = self._wallet(wallet_id)
        # A visit from elsewhere moves no lot of its own leg; the points given for it stand in another.
        lots = ""
        if lot is not None and not (crosses and kind is LegKind.VISIT):
            lots = f"lot_{wallet}{letters(lot)}:{quantity}"
            for other in others:
                lots += f" lot_{wallet}{letters(other[-2])}:{other[-1]}"
        payer = None
        if acceptor_fee or issuer_fee:
            payer = " ".join(code for code, fee in ((acceptor, acceptor_fee), (issuer, issuer_fee)) if fee)
        return DetailLine(
            number,
            f"txn_{wallet}{letters(transaction)}",
            reference,
            occurred_at,
            booked_at,
            None if merchant_id is None else self._merchants[merchant_id],
            self._transaction_kinds[transaction_kind],
            label,
            issuer,
            acceptor,
            member,
            lots,
            points,
            amount,
            obligation,
            _NONE
            if not obligation
            else direction_of(kind, issuer_id, acceptor_id, obligation, self._reader_id).value,
            None if rate is None else self._rate(rate),
            acceptor_fee if acceptor_id == self._reader_id else issuer_fee,
            payer,
            rule_version,
            self._reasons[reason],
            late,
            None if original is None else self._original(original_wallet or wallet_id, original),
        )

    def _original(self, wallet_id: int, transaction: int) -> str:
        return f"txn_{self._wallet(wallet_id)[0]}{letters(transaction)}"


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
