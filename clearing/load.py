"""Gather: the locked, set-based reads that bring everything a batch depends on. The same number of
statements for one command and for ten thousand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing import arrays
from clearing.core.accounts import Asset
from clearing.core.calendar import Period, PeriodState
from clearing.core.commands import (
    AtMerchant,
    Command,
    Link,
    OnHold,
    OnWallet,
    PointsAdjustment,
    Reversal,
    Unlink,
    WithCard,
)
from clearing.core.decide import NUMBERED
from clearing.core.holds import HeldDraw, Hold, HoldStatus
from clearing.core.journal import TransactionKind
from clearing.core.limits import Cap
from clearing.core.outcomes import Code, Recorded, Refusal
from clearing.core.replay import keys_of
from clearing.core.snapshot import ArrearsKey, Card, CardStatus, Lot, ReferenceKey, Snapshot
from clearing.directory import DirectoryCache
from clearing.limits import lock_caps, read_usage, used_since
from clearing.locks import PERIODS, hold_exclusively
from clearing.originals import (
    NOTHING_NAMED,
    Named,
    read_ended,
    read_named,
    read_opening_references,
    read_originals,
    read_references,
)
from clearing.prepared import prepared
from clearing.query import read_open_holds

_ASSETS = {int(asset): asset for asset in Asset}
_CARD_STATUSES = {status.value: status for status in CardStatus}

#: What a batch names, with its type in PostgreSQL: cards presented, wallets named by id, the first time in
#: the past, idempotency keys, merchants' references side by side, holds.
_PARAMETERS = {
    "cards": "text[]",
    "named": "bigint[]",
    "first": "timestamptz",
    "keys": "uuid[]",
    "merchants": "text[]",
    "kinds": "smallint[]",
    "references": "text[]",
    "holds": "bigint[]",
}


def _wallets(p: Mapping[str, str]) -> str:
    """SQL for the ids of the wallets touched; `p`: how each parameter is written."""
    return f"(ARRAY(SELECT wallet_id FROM cards WHERE number = ANY({p['cards']})) || {p['named']})"  # noqa: S608


def _lock(p: Mapping[str, str]) -> str:
    return f"SELECT id FROM wallets WHERE id = ANY({_wallets(p)}) ORDER BY id FOR NO KEY UPDATE"  # noqa: S608


def _as_columns(names: str) -> str:
    """Rows as a JSON array of their columns, which PostgreSQL makes faster than an array of rows."""
    return f"json_build_array({', '.join(f'array_agg({name})' for name in names.split(', '))})"


_RECORDED = (
    "key, request_hash, wallet_id, transaction_id, member_id, hold_id, refusal_code, refusal_detail,"
    " refusal_field"
)
_HOLDS = ", ".join(Hold._fields[:-1])  # all but the draws, which are rows of their own
_PLACED_AT, _EXPIRES_AT = (Hold._fields.index(name) for name in ("placed_at", "expires_at"))


def _read(p: Mapping[str, str]) -> str:
    """SQL for everything else, as of one moment."""
    return f"""
WITH touched AS MATERIALIZED (SELECT {_wallets(p)} AS ids)
SELECT clock_timestamp(),
       (SELECT version FROM directory_versions),
       (SELECT {_as_columns("number, starts_at, ends_at, state")}
          FROM periods
         WHERE state = 'open' OR ends_at = (SELECT max(ends_at) FROM periods WHERE state <> 'open')),
       (SELECT {_as_columns("number, wallet_id, issuer_id, status, expires_on")}
          FROM cards
         WHERE wallet_id = ANY((SELECT ids FROM touched)::bigint[])),
       -- A day's margin covers every time zone; lots that ended before can be neither used nor added to.
       (SELECT {_as_columns("wallet_id, id, issuer_id, asset, expires_on, available, held")}
          FROM lots
         WHERE wallet_id = ANY((SELECT ids FROM touched)::bigint[])
           AND (available > 0 OR held > 0 OR expires_on IS NULL
                OR expires_on >= (least({p["first"]}, now()) - interval '1 day')::date)),
       (SELECT {_as_columns(_RECORDED)}
          FROM outcomes
         WHERE key = ANY({p["keys"]})),
       (SELECT {_as_columns("r.merchant_id, r.kind, r.reference")}
          FROM unnest({p["merchants"]}, {p["kinds"]}, {p["references"]})
               AS w (merchant, kind, reference)
          JOIN merchants m ON m.code = w.merchant
          JOIN merchant_references r
            ON r.merchant_id = m.id AND r.kind = w.kind AND r.reference = w.reference),
       (SELECT {_as_columns("wallet_id, issuer_id, points")}
          FROM arrears
         WHERE wallet_id = ANY((SELECT ids FROM touched)::bigint[]) AND points > 0),
       (SELECT {_as_columns(_HOLDS)}
          FROM holds
         WHERE wallet_id = ANY((SELECT ids FROM touched)::bigint[]) AND id = ANY({p["holds"]})),
       (SELECT {_as_columns("hold_id, lot_id, issuer_id, quantity")}
          FROM (SELECT hold_id, lot_id, issuer_id, quantity
                  FROM hold_draws
                 WHERE wallet_id = ANY((SELECT ids FROM touched)::bigint[]) AND hold_id = ANY({p["holds"]})
                 ORDER BY hold_id, number) AS draws)
"""  # noqa: S608  built from the column names above


# Each statement sees what committed before it began, so the locks come first and the reads after them; all of
# it is sent at once. A writer has them prepared, as planning would take longer than a small batch does.
_NUMBERED = {name: f"${number}" for number, name in enumerate(_PARAMETERS, 1)}
_SENT = {name: f"%({name})s::{type_}" for name, type_ in _PARAMETERS.items()}
_ARGUMENTS = ", ".join(f"%({name})s" for name in _PARAMETERS)

_TYPES = ", ".join(_PARAMETERS.values())
_READ = _read(_NUMBERED)

PREPARE = f"""
PREPARE lock_wallets ({_TYPES}) AS {_lock(_NUMBERED)};
PREPARE read_batch ({_TYPES}) AS {_READ}
"""

_LOCK_WALLETS = f"""
SELECT pg_advisory_xact_lock_shared({PERIODS});
EXECUTE lock_wallets ({_ARGUMENTS});
"""
_READ_BATCH = f"EXECUTE read_batch ({_ARGUMENTS})"
# The same for whoever only asks, on any connection.
_EXECUTE_UNLOCKED = f"EXECUTE read_unlocked ({_ARGUMENTS})"
_WALLETS_UNPREPARED = f"SELECT DISTINCT unnest({_wallets(_SENT)})"

_OUTCOMES = f"SELECT {_as_columns(_RECORDED)} FROM outcomes WHERE key = ANY(%(keys)s::uuid[])"  # noqa: S608


#: What stands alone in its batch.
LINKING = (Link, Unlink)
#: What names something that was booked or set aside before.
FOLLOW_UPS = (OnHold, Reversal)
NAMING_CARD = (WithCard, PointsAdjustment)
BEFORE_ALL_LOTS = datetime(1970, 1, 1, tzinfo=UTC)


class Gathered(NamedTuple):
    """`at` is the database's clock, read after the locks were granted. `periods`: the open ones, as in the
    snapshot, and the last closed one.
    """

    snapshot: Snapshot
    at: datetime
    periods: Sequence[Period] = ()

    def with_period(self, period: Period) -> "Gathered":
        """The same with one more period open."""
        periods = [*self.snapshot.periods, period]
        return self._replace(snapshot=replace(self.snapshot, periods=periods))


class DirectoryMoved(Exception):
    """Caps were set or lifted since the directory was last read; gather again."""


def gather(
    connection: Connection,
    commands: Sequence[Command],
    cache: DirectoryCache,
    *,
    locked: bool = True,
    alone: frozenset[int] = frozenset(),
) -> Gathered:
    """Everything that `decide` may need for these commands, as of one moment.

    The wallets stay locked until the transaction ends, in id order, so that two batches never wait for
    each other in a ring; the session must have run `PREPARE`. `locked=False` reads the same without locks,
    for a quote, on a connection of `frozen`. `alone`: participants with a cap to be locked against all other
    batches.

    Raises DirectoryMoved if locked; what is only asked is read again.
    """
    directory = cache.known(connection)
    if locked and _are_links(commands):
        # A posting finds its wallets by their cards before it locks them: none may be under way meanwhile.
        hold_exclusively(connection, PERIODS)
    follow_ups = [one for one in commands if isinstance(one, FOLLOW_UPS)]
    named = read_named(connection, follow_ups, locked=locked) if follow_ups else NOTHING_NAMED
    asked = _asked(commands, named)
    caps: dict[int, Cap] = {}
    before = _LOCK_WALLETS if locked else ""
    if directory.capped:
        # Who is concerned depends on the wallets, so these have to be known first.
        rows = connection.exec_driver_sql(_LOCK_WALLETS if locked else _WALLETS_UNPREPARED, asked)
        wallets = [row[0] for row in rows]
        caps = lock_caps(connection, commands, wallets, directory, alone, locked=locked)
        before = ""
    capped = directory.capped
    read = _READ_BATCH if locked else _unlocked(connection)
    at, version, *found = connection.exec_driver_sql(before + read, asked).one()
    periods, cards, lots, recorded, references, arrears, holds, draws = map(_rows, found)
    known = [
        Period(number, _time(start), _time(end), PeriodState(state)) for number, start, end, state in periods
    ]
    closed = [period.ends_at for period in known if period.state is not PeriodState.OPEN]
    directory = cache.at_version(connection, version)
    if directory.capped != capped:
        if locked:
            raise DirectoryMoved  # with all that was read and locked, by another transaction
        return gather(connection, commands, cache, locked=False)
    known_cards, known_holds = _cards(cards), _holds(holds, draws)
    reversals = [one for one in follow_ups if isinstance(one, Reversal)]
    originals = read_originals(connection, reversals, named.elsewhere)
    ended: list[Lot] = []
    if originals:
        originals, ended = read_ended(connection, originals, known_cards, at)
    taken = {ReferenceKey(row[0], TransactionKind(row[1]), row[2]) for row in references}
    taken |= read_references(connection, reversals, originals, known_holds)
    taken |= read_opening_references(connection, commands, directory)
    snapshot = Snapshot(
        directory=directory,
        periods=[period for period in known if period.state is PeriodState.OPEN],
        closed_until=max(closed, default=None),
        cards=known_cards,
        lots=_lots(lots, ended),
        arrears={ArrearsKey(wallet_id, issuer_id): points for wallet_id, issuer_id, points in arrears},
        holds=known_holds,
        originals=originals,
        usage=read_usage(
            connection, commands, {card.wallet_id for card in known_cards.values()}, directory, at
        ),
        used_since=used_since(directory, at),
        caps={id_: cap._replace(limit=directory.cap(id_)) for id_, cap in caps.items()},
        recorded=_recorded(recorded),
        references=frozenset(taken),
        elsewhere=named.elsewhere,
        merged=named.merged,
        open_holds=_read_open_holds(connection, commands, known_cards),
    )
    return Gathered(snapshot, at, known)


def _unlocked(connection: Connection) -> str:
    """The statement that reads without locks, prepared in the connection's session."""
    return prepared(connection, "read_unlocked", _TYPES, _READ) + _EXECUTE_UNLOCKED


def read_recorded(connection: Connection, keys: list[str]) -> dict[str, Recorded]:
    """The outcomes that these keys have already."""
    return _recorded(_rows(connection.exec_driver_sql(_OUTCOMES, {"keys": keys}).scalar_one()))


def _are_links(commands: Sequence[Command]) -> bool:
    if not commands or not isinstance(commands[0], LINKING):
        return False
    assert len(commands) == 1, "a link is alone in its batch"
    return True


def _read_open_holds(
    connection: Connection, commands: Sequence[Command], known: Mapping[str, Card]
) -> list[Hold]:
    """Those that keep a member from leaving its wallet."""
    leaving = commands[0] if _are_links(commands) else None
    if not isinstance(leaving, Unlink) or leaving.card not in known:
        return []
    return read_open_holds(connection, known[leaving.card].wallet_id)


def _first_booking(commands: Sequence[Command]) -> datetime | None:
    """The earliest time in the past at which one of the commands is to be booked; lots that ended before
    it are left out.
    """
    if _are_links(commands):
        return BEFORE_ALL_LOTS
    past = [one.occurred_at for one in commands if one.historical and one.occurred_at is not None]
    return min(past, default=None)


def _asked(commands: Sequence[Command], named: Named) -> dict[str, Any]:
    """The values of `_PARAMETERS`."""
    cards = {command.card for command in commands if isinstance(command, NAMING_CARD)}
    cards |= {command.other_card for command in commands[:1] if isinstance(command, Link)}
    wallets = {command.wallet_id for command in commands if isinstance(command, OnWallet)}
    references = {
        (command.merchant, NUMBERED[type(command)], command.reference)
        for command in commands
        if isinstance(command, AtMerchant) and command.reference is not None
    }
    return {
        "cards": arrays.texts(cards | named.cards),
        "named": arrays.numbers(wallets | {*named.elsewhere.values(), *named.merged.values()}),
        "first": _first_booking(commands),
        "keys": arrays.texts(keys_of(commands)),
        "merchants": arrays.texts(merchant for merchant, _, _ in references),
        "kinds": arrays.numbers(kind for _, kind, _ in references),
        "references": arrays.texts(reference for _, _, reference in references),
        "holds": arrays.numbers(_holds_named(commands)),
    }


def _rows(columns: Sequence[Sequence[Any] | None]) -> Iterable[Sequence[Any]]:
    """A column is None where there is no row."""
    return zip(*(column or () for column in columns), strict=True)


def _cards(rows: Iterable[Sequence[Any]]) -> dict[str, Card]:
    return {
        number: Card(number, wallet_id, issuer_id, _CARD_STATUSES[status], _date(expires_on))
        for number, wallet_id, issuer_id, status, expires_on in rows
    }


def _lots(rows: Iterable[Sequence[Any]], ended: Iterable[Lot]) -> dict[int, list[Lot]]:
    """`ended`: lots beside these; some may be among them."""
    lots: dict[int, list[Lot]] = {}
    for wallet_id, lot_id, issuer_id, asset, expires_on, available, held in rows:
        lot = Lot(wallet_id, lot_id, issuer_id, _ASSETS[asset], _date(expires_on), available, held)
        lots.setdefault(wallet_id, []).append(lot)
    for lot in ended:
        if lot not in lots.setdefault(lot.wallet_id, []):
            lots[lot.wallet_id].append(lot)
    return lots


def _holds_named(commands: Sequence[Command]) -> set[int]:
    """Of a transaction that is to be reversed, too: it may be a hold that nobody has captured yet."""
    named = {command.hold_id for command in commands if isinstance(command, OnHold)}
    return named | {command.transaction_id for command in commands if isinstance(command, Reversal)}


def _holds(rows: Iterable[Sequence[Any]], draws: Iterable[Sequence[Any]]) -> dict[int, Hold]:
    draws_of: dict[int, list[HeldDraw]] = {}
    for hold_id, lot_id, issuer_id, quantity in draws:
        draws_of.setdefault(hold_id, []).append(HeldDraw(lot_id, issuer_id, quantity))
    holds = {}
    for row in rows:
        hold = Hold._make((*row, ()))
        holds[hold.id] = hold._replace(
            kind=TransactionKind(hold.kind),
            status=HoldStatus(hold.status),
            placed_at=_time(row[_PLACED_AT]),
            expires_at=_time(row[_EXPIRES_AT]),
            draws=tuple(draws_of.get(hold.id, ())),
        )
    return holds


def _recorded(rows: Iterable[Sequence[Any]]) -> dict[str, Recorded]:
    recorded = {}
    for key, request_hash, wallet_id, transaction_id, member_id, hold_id, code, detail, field in rows:
        refusal = Refusal(Code(code), detail, field) if code else None
        recorded[key] = Recorded(request_hash, wallet_id, transaction_id, refusal, member_id, hold_id)
    return recorded


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@lru_cache(maxsize=4096)
def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
