"""The lines of a statement, streamed from the journal: every leg that concerns one participant.

A server-side cursor brings them in small portions, so a million lines take no more memory than one
thousand. They are ordered by booking time, transaction and leg, so the same lines come in the same order.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from clearing.core.accounts import CHART, HUB, HUB_CODE, Account
from clearing.core.amounts import rate_text
from clearing.core.journal import LegKind, Reason, TransactionKind
from clearing.ids import lot_id, transaction_id
from clearing.tables import merchants, participants
from settlement.core.statement import DetailLine, direction_of
from settlement.query import StatementHeader
from settlement.tables import statement_keys

PORTION = 2_000
_TOKEN_LETTERS = 12


def _kinds(side: str) -> str:
    moving = [kind for kind, posting in CHART.items() if getattr(posting, side) is Account.LOT]
    return ", ".join(str(int(kind)) for kind in moving)


# A leg's lots are those that its issuer's entries of the same transaction moved; each is read by its key.
_LINES = f"""
SELECT l.wallet_id, l.transaction_id, l.kind, l.issuer_id, l.acceptor_id, l.points, l.amount, l.obligation,
       l.acceptor_fee, l.issuer_fee, l.reason, t.kind AS transaction_kind, t.merchant_id, t.reference,
       t.occurred_at, t.booked_at, t.late, t.rule_version, t.original_id,
       coalesce(t.original_wallet_id, t.wallet_id) AS original_wallet_id, f.rate, m.lots, m.quantities
  FROM legs l
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
  LEFT JOIN fee_rules f ON f.id = l.fee_rule_id
  LEFT JOIN LATERAL (
       SELECT array_agg(e.lot ORDER BY e.number) AS lots,
              array_agg(e.quantity ORDER BY e.number) AS quantities
         FROM (SELECT number, quantity,
                      CASE WHEN kind IN ({_kinds("credit")}) THEN credit ELSE debit END AS lot,
                      CASE WHEN kind IN ({_kinds("credit")}) THEN debit ELSE credit END AS owner
                 FROM entries
                WHERE wallet_id = l.wallet_id AND transaction_id = l.transaction_id AND period = l.period
                  AND kind IN ({_kinds("credit")}, {_kinds("debit")})) AS e
        WHERE e.owner = l.issuer_id) AS m ON true
 WHERE l.period = %(period)s AND (l.issuer_id = %(participant)s OR l.acceptor_id = %(participant)s)
 ORDER BY t.booked_at, l.transaction_id, l.number, l.wallet_id
"""  # noqa: S608  put together from constants of this program


def read_lines(connection: Connection, header: StatementHeader) -> Iterator[DetailLine]:
    """The statement's lines, numbered from 1. A closed period's lines are the same whenever they are read."""
    merchant_rows = connection.execute(select(merchants.c.id, merchants.c.code))
    participant_rows = connection.execute(select(participants.c.id, participants.c.code))
    reading = _Reading(
        header,
        {row.id: row.code for row in merchant_rows},
        {HUB: HUB_CODE} | {row.id: row.code for row in participant_rows},
        _member_key(connection, header.participant_id),
    )
    rows = connection.exec_driver_sql(
        _LINES,
        {"period": header.period, "participant": header.participant_id},
        execution_options={"yield_per": PORTION},
    )
    for number, row in enumerate(rows, 1):
        yield reading.line(number, row)


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
        merchant_codes: dict[int, str],
        participant_codes: dict[int, str],
        member_key: bytes,
    ) -> None:
        self._reader_id = header.participant_id
        self._zone = header.zone
        self._merchants = merchant_codes
        self._participants = participant_codes
        self._member_key = member_key
        self._kinds = {int(kind): kind for kind in LegKind}
        self._labels = {kind: kind.label for kind in LegKind}
        self._transaction_kinds = {int(kind): kind.label for kind in TransactionKind}
        self._reasons = {int(reason): reason.label for reason in Reason}

    def line(self, number: int, row: Row) -> DetailLine:
        # Taken apart at once, in the order of the SELECT: reading a row by names is most of the work.
        (wallet_id, transaction, kind_number, issuer_id, acceptor_id, points, amount, obligation,
         acceptor_fee, issuer_fee, reason, transaction_kind, merchant_id, reference, occurred_at,
         booked_at, late, rule_version, original, original_wallet, rate, lots, quantities) = row  # fmt: skip
        kind = self._kinds[kind_number]
        issuer, acceptor = self._participants[issuer_id], self._participants[acceptor_id]
        payers = [code for code, fee in ((acceptor, acceptor_fee), (issuer, issuer_fee)) if fee]
        # A visit from elsewhere moves no lot of its own leg; the points given for it stand in another.
        has_lots = lots is not None and not (kind is LegKind.VISIT and issuer_id != acceptor_id)
        moved = zip(lots, quantities, strict=True) if has_lots else ()
        direction = direction_of(kind, issuer_id, acceptor_id, obligation, self._reader_id)
        return DetailLine(
            line=number,
            transaction=transaction_id(wallet_id, transaction),
            reference=reference,
            occurred_at=_local(occurred_at, self._zone),
            booked_at=_local(booked_at, self._zone),
            merchant=None if merchant_id is None else self._merchants[merchant_id],
            transaction_kind=self._transaction_kinds[transaction_kind],
            kind=self._labels[kind],
            issuer=issuer,
            acceptor=acceptor,
            member=member_token(self._member_key, wallet_id),
            lots=" ".join([f"{lot_id(wallet_id, lot)}:{quantity}" for lot, quantity in moved]),
            points=points,
            amount=amount,
            obligation=obligation,
            direction=direction.value,
            fee_rate=None if rate is None else rate_text(rate),
            fee=acceptor_fee if acceptor_id == self._reader_id else issuer_fee,
            fee_payer=" ".join(payers) or None,
            rule_version=rule_version,
            reason=self._reasons[reason],
            prior_period=late,
            reverses=None if original is None else transaction_id(original_wallet, original),
        )


def _member_key(connection: Connection, participant_id: int) -> bytes:
    query = select(statement_keys.c.member_key).where(statement_keys.c.participant_id == participant_id)
    return UUID(connection.execute(query).scalar_one()).bytes


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="milliseconds")
