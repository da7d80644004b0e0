"""What is in dispute, added up for settlements: it is shown there and holds nothing up."""

from typing import NamedTuple

from sqlalchemy import Connection

from settlement.core.disputes import PENDING
from settlement.tables import disputes

_SUMS = f"""
SELECT p.participant_id, count(*) AS pending, sum(abs(d.obligation)) AS amount,
       sum(abs(CASE p.participant_id WHEN d.acceptor_id THEN d.acceptor_fee
                                     WHEN d.issuer_id THEN d.issuer_fee ELSE 0 END)) AS fees
  FROM {disputes.name} d
 CROSS JOIN LATERAL (VALUES (d.opener_id), (d.counterparty_id)) AS p (participant_id)
 WHERE d.period = %(period)s AND d.status = ANY(%(pending)s) AND p.participant_id <> 0
 GROUP BY p.participant_id
"""  # noqa: S608  put together from constants of this program


class Disputed(NamedTuple):
    """Pending disputes of one participant: how many, and the fen of obligations and own fees in them."""

    pending: int = 0
    amount: int = 0
    fees: int = 0


def read_disputed(connection: Connection, period: int) -> dict[int, Disputed]:
    """By participant, opener or counterparty; one without pending disputes is left out."""
    rows = connection.exec_driver_sql(_SUMS, {"period": period, "pending": sorted(PENDING)})
    return {row.participant_id: Disputed(row.pending, int(row.amount), int(row.fees)) for row in rows}
