"""Gather: the locked, set-based reads that bring everything a batch depends on. The same number of
statements for one command and for ten thousand.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from clearing import arrays
from clearing.core.accounts import Asset
from clearing.core.calendar import Period, PeriodState
from clearing.core.commands import AtMerchant, Command
from clearing.core.decide import KINDS
from clearing.core.directory import Directory
from clearing.core.journal import TransactionKind
from clearing.core.outcomes import Code, Recorded, Refusal
from clearing.core.snapshot import Card, CardStatus, Lot, ReferenceKey, Snapshot
from clearing.directory import DirectoryCache
from clearing.locks import PERIODS

# Each statement sees what committed before it began, so the locks come first and the reads after them.
_LOCK_WALLETS = """
SELECT pg_advisory_xact_lock_shared(%(periods)s);
SELECT id FROM wallets
 WHERE id IN (SELECT wallet_id FROM cards WHERE number = ANY(%(cards)s))
 ORDER BY id
   FOR NO KEY UPDATE
"""

_WALLETS = "SELECT DISTINCT wallet_id FROM cards WHERE number = ANY(%(cards)s)"

_STATE = """
SELECT clock_timestamp(), v.version, p.number, p.starts_at, p.ends_at, p.state
  FROM directory_versions v
  LEFT JOIN periods p
    ON p.state = 'open' OR p.ends_at = (SELECT max(ends_at) FROM periods WHERE state <> 'open')
"""

_CARDS = """
SELECT number, wallet_id, issuer_id, status, expires_on
  FROM cards
 WHERE wallet_id = ANY(%(wallets)s::bigint[])
"""

_LOTS = """
SELECT wallet_id, id, issuer_id, asset, expires_on, available, held
  FROM lots
 WHERE wallet_id = ANY(%(wallets)s::bigint[])
   AND (available > 0 OR held > 0 OR expires_on IS NULL OR expires_on >= %(since)s)
"""

_OUTCOMES = """
SELECT key::text, request_hash::text, wallet_id, transaction_id, member_id, refusal_code, refusal_detail,
       refusal_field
  FROM outcomes
 WHERE key = ANY(%(keys)s::uuid[])
"""

_REFERENCES = """
SELECT r.merchant_id, r.kind, r.reference
  FROM merchant_references r
  JOIN unnest(%(merchants)s::int[], %(kinds)s::smallint[], %(references)s::text[])
       AS w (merchant_id, kind, reference)
 USING (merchant_id, kind, reference)
"""


class Gathered(NamedTuple):
    """`at` is the database's clock, read after the locks were granted."""

    snapshot: Snapshot
    at: datetime

    def with_period(self, period: Period) -> "Gathered":
        """The same with one more period open."""
        periods = [*self.snapshot.periods, period]
        return self._replace(snapshot=replace(self.snapshot, periods=periods))


class _State(NamedTuple):
    at: datetime
    directory_version: int
    periods: list[Period]
    closed_until: datetime | None


def gather(
    connection: Connection, commands: Sequence[Command], cache: DirectoryCache, *, locked: bool = True
) -> Gathered:
    """Everything that `decide` may need for these commands, as of one moment.

    The wallets stay locked until the transaction ends, in id order, so that two batches never wait for
    each other in a ring. `locked=False` reads the same without locks, for a quote.
    """
    statement = _LOCK_WALLETS if locked else _WALLETS
    cards_presented = list({command.card for command in commands})
    rows = connection.exec_driver_sql(statement, {"periods": PERIODS, "cards": cards_presented})
    wallets = arrays.numbers(row[0] for row in rows)
    state = _state(connection)
    directory = cache.at_version(connection, state.directory_version)
    snapshot = Snapshot(
        directory=directory,
        periods=state.periods,
        closed_until=state.closed_until,
        cards=_cards(connection, wallets),
        lots=_lots(connection, wallets, _first_booking(commands, state.at)),
        recorded=read_recorded(connection, [command.key for command in commands]),
        references=_references(connection, commands, directory),
    )
    return Gathered(snapshot, state.at)


def _state(connection: Connection) -> _State:
    rows = connection.exec_driver_sql(_STATE).all()
    at, version = rows[0][:2]
    known = [Period(row[2], row[3], row[4], PeriodState(row[5])) for row in rows if row[2] is not None]
    open_periods = [period for period in known if period.state is PeriodState.OPEN]
    closed_until = next((period.ends_at for period in known if period.state is not PeriodState.OPEN), None)
    return _State(at, version, open_periods, closed_until)


def _first_booking(commands: Sequence[Command], at: datetime) -> datetime:
    past = [one.occurred_at for one in commands if one.historical and one.occurred_at is not None]
    return min([at, *past])


def _cards(connection: Connection, wallets: str) -> dict[str, Card]:
    return {
        number: Card(number, wallet_id, issuer_id, CardStatus(status), expires_on)
        for number, wallet_id, issuer_id, status, expires_on in connection.exec_driver_sql(
            _CARDS, {"wallets": wallets}
        )
    }


def _lots(connection: Connection, wallets: str, first_booking: datetime) -> dict[int, list[Lot]]:
    # A day's margin covers every time zone; lots that ended before can be neither used nor added to.
    since = (first_booking - timedelta(days=1)).date()
    lots: dict[int, list[Lot]] = {}
    assets = {int(asset): asset for asset in Asset}
    for wallet_id, lot_id, issuer_id, asset, expires_on, available, held in connection.exec_driver_sql(
        _LOTS, {"wallets": wallets, "since": since}
    ):
        lot = Lot(wallet_id, lot_id, issuer_id, assets[asset], expires_on, available, held)
        lots.setdefault(wallet_id, []).append(lot)
    return lots


def read_recorded(connection: Connection, keys: list[str]) -> dict[str, Recorded]:
    recorded = {}
    rows = connection.exec_driver_sql(_OUTCOMES, {"keys": keys})
    for key, request_hash, wallet_id, transaction_id, member_id, code, detail, field in rows:
        refusal = Refusal(Code(code), detail, field) if code else None
        recorded[key] = Recorded(request_hash, wallet_id, transaction_id, refusal, member_id)
    return recorded


def _references(
    connection: Connection, commands: Sequence[Command], directory: Directory
) -> frozenset[ReferenceKey]:
    wanted = {
        ReferenceKey(directory.merchants[command.merchant].id, KINDS[type(command)][0], command.reference)
        for command in commands
        if isinstance(command, AtMerchant) and command.reference and command.merchant in directory.merchants
    }
    rows = connection.exec_driver_sql(
        _REFERENCES,
        {
            "merchants": arrays.numbers(key.merchant_id for key in wanted),
            "kinds": arrays.numbers(key.kind for key in wanted),
            "references": [key.reference for key in wanted],
        },
    )
    return frozenset(ReferenceKey(row[0], TransactionKind(row[1]), row[2]) for row in rows)
