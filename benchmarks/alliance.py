"""The data: an alliance of 25 participants with two merchants each, and members with two lots of points.

Every member has a wallet, a card and two lots of its home participant. The first lot to expire holds little
and the second much, so that the first redemption of each member empties one lot and draws on the other.
The lots are put back, and the journal emptied, before every measurement.
"""

import io
import random
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import repeat
from typing import NamedTuple
from zoneinfo import ZoneInfo

import psycopg2.extensions
from sqlalchemy import Connection, Engine, insert

from clearing.alliance import admit_merchant, admit_participant, found_alliance
from clearing.core.accounts import Asset
from clearing.core.rulebook import AllianceSettings, ExchangeKind
from clearing.ids import WRITERS, make_ids
from clearing.tables import fee_rules

PARTICIPANTS = 25
MERCHANTS = 50
FIRST_LOT_POINTS = 50
SECOND_LOT_POINTS = 1_000_000_000
SEED = 20_261_122

#: What the hub charges for every redemption that crosses; the acceptor pays.
TWO_PER_CENT = {
    "since_version": 1,
    "kind": int(ExchangeKind.REDEMPTION),
    "acceptor_share": Decimal(1),
    "rate": Decimal("0.02"),
    "flat": 0,
}

#: All that postings write; TRUNCATE reaches the partitions too.
POSTED = "outcomes, merchant_references, positions, exposures, transactions, legs, entries, unsealed"


class Member(NamedTuple):
    wallet_id: int
    participant_id: int
    card: str


class Merchant(NamedTuple):
    code: str
    participant_id: int


class Alliance:
    """Founds the alliance in an empty database. Participants are numbered from 1 in order of admission."""

    def __init__(self, engine: Engine, members: int) -> None:
        self._engine = engine
        with engine.begin() as connection:
            self.participant_ids, self.merchants = _found(connection)
        self.members = list(_members(members, self.participant_ids))
        self._lots = _lines(_lots(self.members))
        with engine.begin() as connection:
            _enrol(connection, self.members)

    def restore(self, issuer_id: int | None = None) -> None:
        """As on the first day: every lot full, nothing posted, statistics fresh, everything on the disk.

        `issuer_id`: whose points all lots hold, if not of their members' homes.
        """
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {POSTED}")
        self.refill(issuer_id)

    def refill(self, issuer_id: int | None = None) -> None:
        """The same, but what was posted stays."""
        lots = self._lots if issuer_id is None else _lines(_lots(self.members, issuer_id))
        with self._engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE lots")
            _copy(connection, "lots (wallet_id, id, issuer_id, asset, expires_on, available)", lots)
        settle(self._engine, "wallets", "cards", "lots")


def settle(engine: Engine, *tables: str) -> None:
    """VACUUM ANALYZE the tables and CHECKPOINT, so that a measurement pays for nothing but its own work."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {', '.join(tables)}")
        connection.exec_driver_sql("CHECKPOINT")


def _found(connection: Connection) -> tuple[list[int], list[Merchant]]:
    found_alliance(connection, AllianceSettings(time_zone=ZoneInfo("Asia/Shanghai")), "benchmarks")
    participant_ids = []
    merchants = []
    for number in range(1, PARTICIPANTS + 1):
        code = f"P{number:02d}"
        admitted = admit_participant(connection, {"code": code, "name": f"Participant {number}"})
        assert admitted is not None, "the database was empty"
        participant_ids.append(admitted.id)
        for outlet in range(1, MERCHANTS // PARTICIPANTS + 1):
            admit_merchant(connection, admitted.id, {"code": f"{code}-{outlet}", "name": f"{code} {outlet}"})
            merchants.append(Merchant(f"{code}-{outlet}", admitted.id))
    connection.execute(insert(fee_rules).values(TWO_PER_CENT))
    return participant_ids, merchants


def _members(count: int, participant_ids: list[int]) -> Iterator[Member]:
    random_ = random.Random(SEED)
    ids = make_ids(WRITERS - 2, repeat(time.time_ns() // 1_000_000))
    cards = random_.sample(range(10**15, 10**16), count)
    for index, (wallet_id, card) in enumerate(zip(ids, cards, strict=False)):
        yield Member(wallet_id, participant_ids[index % len(participant_ids)], str(card))


def _lots(members: Iterable[Member], issuer_id: int | None = None) -> Iterator[tuple[object, ...]]:
    ids = make_ids(WRITERS - 1, repeat(time.time_ns() // 1_000_000))
    this_year = date(datetime.now(UTC).year, 12, 31)
    for member in members:
        for years, available in ((1, FIRST_LOT_POINTS), (2, SECOND_LOT_POINTS)):
            expires_on = this_year + timedelta(days=365 * years)
            yield (
                member.wallet_id,
                next(ids),
                issuer_id or member.participant_id,
                int(Asset.POINTS),
                expires_on,
                available,
            )


def _enrol(connection: Connection, members: list[Member]) -> None:
    now = datetime.now(UTC).isoformat()
    wallets = ((member.wallet_id, now) for member in members)
    # A person may have several memberships; here each has one, which may as well carry the wallet's id.
    people = ((member.wallet_id, member.wallet_id, member.participant_id, now) for member in members)
    cards = ((one.card, one.wallet_id, one.wallet_id, one.participant_id, now) for one in members)
    _copy(connection, "wallets (id, opened_at)", _lines(wallets))
    _copy(connection, "members (id, wallet_id, participant_id, enrolled_at)", _lines(people))
    _copy(connection, "cards (number, wallet_id, member_id, issuer_id, issued_at)", _lines(cards))


def _lines(rows: Iterable[tuple[object, ...]]) -> str:
    """Rows as COPY reads them; no value here holds a tab or a backslash."""
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def _copy(connection: Connection, target: str, lines: str) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg2.extensions.connection)
    with driver.cursor() as cursor:
        cursor.copy_expert(f"COPY {target} FROM STDIN", io.StringIO(lines))
