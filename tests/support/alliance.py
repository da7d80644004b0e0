"""A small alliance behind the API, with a key of every scope: what tests of the routes start from.

Participants JADE, LOTUS and PINE have one merchant each (`CODE-1`), LOTUS has a second one. JADE's stored
value is enabled across the alliance. Fees: visit 1 %, redemption 2 %, spend 0.6 %, paid by the acceptor.
Wang is a member of JADE (card `WANG`), Li of LOTUS (`LI`), Chen of PINE (`CHEN`); Wang holds JADE
3,000 and 2,000 points, LOTUS 1,500 points and ¥500.00 of JADE's stored value, as in the worked example.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import func, select, text

from api.app import create_app
from api.building import build_services
from api.services import Services
from api.setup import prepare
from clearing import ids
from clearing.privacy import new_keys
from clearing.proof.keys import new_sealing_keys
from clearing.tables import cards, lots, metadata, positions
from config import Settings
from support.api import OPERATOR_KEY, Caller, good, wait_for_import

WANG, LI, CHEN = "62000001", "62000002", "62000003"
NOBODY = "62999999"
CODES = ("JADE", "LOTUS", "PINE")

#: The same for all databases of this process, as they are copies of one.
PERSONAL_DATA_KEYS = new_keys()
SEALING_KEYS = new_sealing_keys()

BALANCES = f"""\
card,issuer,asset,quantity,expires_on
{WANG},JADE,points,3000,2037-01-31
{WANG},JADE,points,2000,2037-06-30
{WANG},LOTUS,points,1500,2036-12-31
{WANG},JADE,stored_value,50000,
"""


class Alliance:
    """The application on one database. Callers are made when first asked for, one for each scope."""

    def __init__(self, app: Flask, services: Services) -> None:
        self.app = app
        self.services = services
        self.operator = self.caller(OPERATOR_KEY)
        self._callers: dict[tuple[str | None, ...], Caller] = {}

    def caller(self, key: str) -> Caller:
        """A client of its own with this key; each thread needs one."""
        return Caller(self.app.test_client(), key)

    def key(self, scope: str, participant: str | None = None, merchant: str | None = None) -> Caller:
        """A caller with a key of this scope."""
        wanted = (scope, participant, merchant)
        if wanted not in self._callers:
            body = {"scope": scope, "participant": participant, "merchant": merchant}
            self._callers[wanted] = self.caller(good(self.operator.post("/v1/api-keys", body))["key"])
        return self._callers[wanted]

    def participant(self, code: str) -> Caller:
        return self.key("participant", code)

    def merchant(self, code: str) -> Caller:
        return self.key("merchant", None, code)

    def finance(self, code: str) -> Caller:
        return self.key("finance", code)

    @cached_property
    def auditor(self) -> Caller:
        return self.key("auditor")

    def found(self) -> None:
        """Admit everybody, set the fees, enrol the members and open Wang's balances."""
        for code in CODES:
            good(self.operator.post("/v1/participants", {"code": code, "name": code.title()}))
            self.admit_merchant(code, f"{code}-1")
        self.admit_merchant("LOTUS", "LOTUS-2")
        permit = {"stored_value_enabled": True, "stored_value_permit": "custodian 1"}
        good(self.operator.patch("/v1/participants/JADE", permit))
        for kind, rate in (("visit", "0.01"), ("redemption", "0.02"), ("spend", "0.006")):
            good(self.operator.post("/v1/fee-rules", {"kind": kind, "payer": "acceptor", "rate": rate}))
        for number, (card, code, name) in enumerate(
            [(WANG, "JADE", "Wang Xiaoming"), (LI, "LOTUS", "Li Na"), (CHEN, "PINE", "Chen Wei")], 1
        ):
            self.enrol(code, card, name=name, phone=f"1380000000{number}")
        self.open_balances(BALANCES)

    def admit_merchant(self, participant: str, code: str) -> None:
        good(self.operator.post(f"/v1/participants/{participant}/merchants", {"code": code, "name": code}))

    def enrol(self, participant: str, card: str, **person: str) -> Any:
        return good(self.operator.post("/v1/members", {"participant": participant, "card": card, **person}))

    def open_balances(self, rows: str) -> None:
        done = wait_for_import(self.operator, "balances", rows)
        assert (done["status"], done["refused"]) == ("done", 0), done

    def open_points(self, card: str, issuer: str, points: int, expires_on: str = "2037-12-31") -> None:
        self.open_balances(
            f"card,issuer,asset,quantity,expires_on\n{card},{issuer},points,{points},{expires_on}\n"
        )

    def wallet(self, card: str) -> str:
        """The wallet's id, asked of the database: the API tells it to the member's own participant."""
        with self.services.engine.connect() as connection:
            query = select(cards.c.wallet_id).where(cards.c.number == card)
            return ids.wallet_id(connection.execute(query).scalar_one())

    def member(self, card: str) -> str:
        """The id of the card's member, asked of the database."""
        with self.services.engine.connect() as connection:
            query = select(cards.c.member_id).where(cards.c.number == card)
            return ids.member_id(connection.execute(query).scalar_one())

    def row_counts(self) -> dict[str, int]:
        """How many rows each table holds, partitions apart."""
        with self.services.engine.connect() as connection:
            union = " UNION ALL ".join(
                f"SELECT '{name}' AS name, count(*) FROM \"{name}\"" for name in metadata.tables
            )
            return {row[0]: row[1] for row in connection.execute(text(union))}

    def sums(self) -> dict[str, int]:
        """What the lots and the running positions come to: unchanged where nothing was posted."""
        with self.services.engine.connect() as connection:
            return {
                "available": connection.execute(select(func.sum(lots.c.available))).scalar_one(),
                "obligation": connection.execute(select(func.sum(positions.c.obligation))).scalar_one(),
            }


def settings_for(database_url: str, data_dir: Path) -> Settings:
    """What a server of the tests runs with."""
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        host="127.0.0.1",
        port=8080,
        bootstrap_key=OPERATOR_KEY,
        personal_data_keys=PERSONAL_DATA_KEYS,
        sealing_keys=SEALING_KEYS,
        timezone=ZoneInfo("Asia/Shanghai"),
        workers=1,
        threads=8,
        log_level="warning",
        log_format="console",
    )


def found_alliance(database_url: str, data_dir: Path) -> None:
    """Write the alliance above into a database that has tables and nothing in them."""
    prepare(settings_for(database_url, data_dir), database_url)
    with opened_alliance(database_url, data_dir) as alliance:
        alliance.found()


@contextmanager
def opened_alliance(database_url: str, data_dir: Path) -> Iterator[Alliance]:
    """The alliance in a database, served."""
    settings = settings_for(database_url, data_dir)
    services = build_services(settings, database_url)
    services.imports.start()
    try:
        yield Alliance(create_app(services), services)
    finally:
        services.close()
