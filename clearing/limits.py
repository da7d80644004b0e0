"""Gather for limits: how fast points were used lately, and how near participants are to their caps.

Both are read only where something is limited.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from clearing import arrays
from clearing.core.commands import (
    AtMerchant,
    Command,
    Load,
    MoneyAdjustment,
    OnHold,
    Opening,
    PointsAdjustment,
    Redemption,
    Reversal,
)
from clearing.core.directory import Directory
from clearing.core.journal import TransactionKind
from clearing.core.limits import Cap, Usage, UsageKey, UsageOf, UsedSince
from clearing.ids import first_id_at
from clearing.locks import CAPS

#: Redemptions, and holds that may become some, count from when they were begun: their ids tell when that was.
_USED = """
SELECT {key}, coalesce(sum(points) FILTER (WHERE id >= %(day)s), 0)::bigint,
       count(*) FILTER (WHERE id >= %(hour)s)
  FROM (SELECT id, card_number, merchant_id, points FROM transactions
         WHERE {condition} AND id >= least(%(day)s, %(hour)s) AND kind = %(kind)s
        UNION ALL
        SELECT id, card_number, merchant_id, points FROM holds
         WHERE {condition} AND id >= least(%(day)s, %(hour)s) AND kind = %(kind)s AND status = 'held') AS used
 GROUP BY {key}
"""
# A card counts in its wallet of today and those merged into it: what it used in one that it has left is not
# counted there either, whoever else of the batch is there.
_USED_WITH_CARDS = _USED.format(
    key="card_number",
    condition="(wallet_id, card_number) IN"
    " (SELECT wallet_id, number FROM cards WHERE wallet_id = ANY(%(names)s::bigint[])"
    " UNION ALL SELECT w.id, c.number FROM wallets w JOIN cards c ON c.wallet_id = w.merged_into"
    " WHERE w.merged_into = ANY(%(names)s::bigint[]))",
)
_USED_AT_MERCHANTS = _USED.format(
    key="merchant_id",
    condition="(acceptor_id, merchant_id) IN"
    " (SELECT participant_id, id FROM merchants WHERE id = ANY(%(names)s::int[]))",
)

# Whoever a posting can make a debtor: issuers of what the wallets hold, and where it takes place.
_CONCERNED = """
SELECT issuer_id FROM lots
 WHERE wallet_id = ANY(%(wallets)s::bigint[]) AND issuer_id = ANY(%(capped)s::int[])
 UNION
SELECT issuer_id FROM cards
 WHERE wallet_id = ANY(%(wallets)s::bigint[]) AND issuer_id = ANY(%(capped)s::int[])
 UNION
SELECT acceptor_id FROM holds
 WHERE wallet_id = ANY(%(wallets)s::bigint[]) AND id = ANY(%(holds)s::bigint[])
   AND acceptor_id = ANY(%(capped)s::int[])
"""

# A reversal makes a debtor of whom the original was owed to. Nothing limits that, but lines are told of.
_REVERSED = """
SELECT DISTINCT acceptor_id FROM transactions
 WHERE wallet_id = ANY(%(wallets)s::bigint[]) AND id = ANY(%(reversed)s::bigint[])
   AND acceptor_id = ANY(%(capped)s::int[])
"""

_LOCK = """
SELECT CASE WHEN id = ANY(%(alone)s::int[]) THEN pg_advisory_xact_lock(%(lock)s, id)
            ELSE pg_advisory_xact_lock_shared(%(lock)s, id) END
  FROM unnest(%(ids)s::int[]) AS id
"""

_DEBITS = """
SELECT id, coalesce((SELECT sum(debit) FROM exposures e JOIN periods p ON p.number = e.period
                      WHERE e.participant_id = id AND p.state = 'open'), 0)::bigint,
       coalesce((SELECT line FROM cap_lines l WHERE l.participant_id = id), 0)
  FROM unnest(%(ids)s::int[]) AS id
"""


def read_debits(connection: Connection, participant_ids: Sequence[int]) -> dict[int, int]:
    """Fen that each owes on balance in the periods that are not closed, by participant."""
    rows = connection.exec_driver_sql(_DEBITS, {"ids": arrays.numbers(participant_ids)})
    return {id_: debit for id_, debit, _ in rows}


def read_usage(
    connection: Connection,
    commands: Sequence[Command],
    wallets: Iterable[int],
    directory: Directory,
    at: datetime,
) -> dict[UsageKey, Usage]:
    """What cards and merchants of these redemptions have used since the day began and within an hour."""
    settings = directory.rulebook.settings
    redemptions = [one for one in commands if isinstance(one, Redemption) and not one.historical]
    if not (redemptions and settings.limits_velocity):
        return {}
    known = {**used_since(directory, at)._asdict(), "kind": int(TransactionKind.REDEMPTION)}
    merchants = {
        directory.merchants[one.merchant].id for one in redemptions if one.merchant in directory.merchants
    }
    usage: dict[UsageKey, Usage] = {}
    for of, statement, names in (
        (UsageOf.CARD, _USED_WITH_CARDS, wallets),
        (UsageOf.MERCHANT, _USED_AT_MERCHANTS, merchants),
    ):
        rows = connection.exec_driver_sql(statement, {**known, "names": arrays.numbers(names)})
        usage |= {UsageKey(of, str(name)): Usage(points, count) for name, points, count in rows}
    return usage


def used_since(directory: Directory, at: datetime) -> UsedSince:
    """From which ids on usage counts."""
    local = at.astimezone(directory.rulebook.settings.time_zone)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return UsedSince(first_id_at(day.astimezone(UTC)), first_id_at(at - timedelta(hours=1)))


def lock_caps(
    connection: Connection,
    commands: Sequence[Command],
    wallets: Iterable[int],
    directory: Directory,
    alone: frozenset[int],
    *,
    locked: bool = True,
) -> dict[int, Cap]:
    """The caps that this batch may come near, locked until the transaction ends, in id order.

    `alone`: the participants to be had alone. Without `locked` nothing is locked, for a quote.
    """
    capped = directory.capped
    if not capped:
        return {}
    holds = {command.hold_id for command in commands if isinstance(command, OnHold)}
    reversed_ = {command.transaction_id for command in commands if isinstance(command, Reversal)}
    named = {
        "wallets": arrays.numbers(wallets),
        "holds": arrays.numbers(holds),
        "reversed": arrays.numbers(reversed_),
        "capped": arrays.numbers(sorted(capped)),
    }
    found = {row[0] for row in connection.exec_driver_sql(_CONCERNED, named)}
    if reversed_:
        found |= {row[0] for row in connection.exec_driver_sql(_REVERSED, named)}
    ids = sorted(found | (_named(commands, directory) & capped))
    if not ids:
        return {}
    known = {"ids": arrays.numbers(ids), "alone": arrays.numbers(sorted(alone)), "lock": CAPS}
    if locked:
        connection.exec_driver_sql(_LOCK, known)
    caps = {}
    for id_, debit, line in connection.exec_driver_sql(_DEBITS, known):
        caps[id_] = Cap(directory.cap(id_), debit, line, alone=not locked or id_ in alone)
    return caps


def _named(commands: Sequence[Command], directory: Directory) -> set[int]:
    """Participants whom the commands name: by their merchants, as parties, and as issuers of what comes into
    the wallets, as it may be used in the same batch.
    """
    named = set()
    for command in commands:
        if isinstance(command, AtMerchant) and command.merchant in directory.merchants:
            named.add(directory.merchants[command.merchant].participant_id)
        if isinstance(command, PointsAdjustment):
            named.add(command.issuer_id)
        if isinstance(command, MoneyAdjustment):
            named |= {command.debtor_id, command.creditor_id}
        if isinstance(command, Load | Opening) and command.issuer is not None:
            issuer = directory.participant(command.issuer)
            named |= {issuer.id} if issuer else set()
    return named
