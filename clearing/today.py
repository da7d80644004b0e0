"""What happens now, for who watches over the alliance: the day's exchanges and the open holds."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from clearing.ids import first_id_at

# By merchant, as that is how transactions are indexed; history that is loaded today was booked long ago.
_EXCHANGES = """
SELECT extract(hour FROM t.booked_at AT TIME ZONE %(zone)s)::int AS hour, l.kind,
       count(*), sum(l.amount)::bigint, sum(l.acceptor_fee + l.issuer_fee)::bigint
  FROM merchants m
  JOIN transactions t ON t.acceptor_id = m.participant_id AND t.merchant_id = m.id AND t.id >= %(first)s
  JOIN legs l ON l.transaction_id = t.id AND l.wallet_id = t.wallet_id AND l.period = t.period
 WHERE t.booked_at >= %(since)s AND l.issuer_id <> l.acceptor_id AND l.kind <= 4
 GROUP BY 1, 2
 ORDER BY 1, 2
"""

_HOLDS = """
SELECT count(*), coalesce(sum(points), 0)::bigint, coalesce(sum(amount) FILTER (WHERE points = 0), 0)::bigint,
       min(expires_at)
  FROM holds
 WHERE status = 'held' AND expires_at > clock_timestamp()
"""


class ExchangesOfHour(NamedTuple):
    """Exchanges of one kind booked in one hour of the day; `amount` and `fees` in fen, less reversals."""

    hour: int
    kind: int
    exchanges: int
    amount: int
    fees: int


class OpenHolds(NamedTuple):
    """`amount`: fen of stored value that is held. `first_end`: when the first of them ends."""

    holds: int
    points: int
    amount: int
    first_end: datetime | None


def read_exchanges_of_day(
    connection: Connection, midnight: datetime, zone: ZoneInfo
) -> list[ExchangesOfHour]:
    """What crossed from one participant to another since this instant, by hour and kind."""
    known = {"zone": zone.key, "since": midnight, "first": first_id_at(midnight)}
    return [ExchangesOfHour(*row) for row in connection.exec_driver_sql(_EXCHANGES, known)]


def read_open_holds(connection: Connection) -> OpenHolds:
    return OpenHolds(*connection.exec_driver_sql(_HOLDS).one())
