"""A database of the first version goes on under this one: its rows stay, add up, and answer as they did.

`first_version/` holds what that version wrote, as SQL, and what it answered to those who asked.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.app import create_app
from api.building import build_services
from api.services import Services
from api.setup import prepare
from clearing.periods import read_periods
from clearing.verify import frozen
from database import make_engine, migrations
from settlement.close import close_period
from settlement.verify import verify
from support.alliance import WANG, settings_for
from support.api import Caller, code, good
from support.databases import Databases

FOLDER = Path(__file__).parent / "first_version"
TOLD: dict[str, Any] = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
EXCHANGES: list[dict[str, Any]] = TOLD["exchanges"]

#: Tables that the first version had, with their columns; partitions apart.
_COLUMNS = """
SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
 GROUP BY c.relname
"""

Rows = dict[str, set[str]]


class Used:
    """A database at the first revision with all that was written into it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url, pool_size=4, application_name="tests")
        migrations.upgrade(self.engine, to="0001")
        with self.engine.begin() as connection:
            self._columns = dict(map(tuple, connection.execute(text(_COLUMNS))))
            cursor = connection.connection.cursor()
            cursor.execute((FOLDER / "rows.sql").read_text(encoding="utf-8"))
        self.rows = self.read()

    def read(self) -> Rows:
        """Every row as text, in the columns of the first version."""
        with self.engine.connect() as connection:
            return {
                name: set(connection.execute(text(f'SELECT ({columns})::text FROM "{name}"')).scalars())
                for name, columns in self._columns.items()
            }

    def differences(self) -> list[str]:
        with frozen(self.engine) as connection:
            return [str(one) for one in verify(connection)]


@pytest.fixture
def used(databases: Databases) -> Iterator[Used]:
    with databases.fresh("template0") as url:
        used = Used(url)
        yield used
        used.engine.dispose()


@pytest.fixture
def services(used: Used, tmp_path: Path) -> Iterator[Services]:
    """As `tongdui run` starts: the tables are brought up to date first."""
    settings = replace(settings_for(used.url, tmp_path), personal_data_keys=TOLD["personal_data_keys"])
    prepare(settings, used.url)
    services = build_services(settings, used.url)
    yield services
    services.close()


def caller(services: Services, name: str) -> Caller:
    return Caller(create_app(services).test_client(), TOLD["api_keys"][name])


def test_every_table_of_the_first_version_has_rows(used: Used) -> None:
    assert len(used.rows) == 24
    assert [name for name, rows in used.rows.items() if not rows] == []


def test_every_row_stays_and_all_adds_up(used: Used) -> None:
    migrations.upgrade(used.engine)
    now = used.read()
    assert {name: rows - now[name] for name, rows in used.rows.items() if rows - now[name]} == {}
    assert migrations.check(used.engine) == []
    assert used.differences() == []


def test_what_was_asked_is_answered_as_it_was(services: Services) -> None:
    for exchange in EXCHANGES:
        client, path = caller(services, exchange["by"]), exchange["path"]
        if exchange["method"] == "GET":
            response = client.get(path)
        else:
            response = client.post(path, exchange["body"], idempotency_key=exchange["idempotency_key"])
            assert response.headers["Idempotency-Replayed"] == "true", exchange
        assert response.status_code == exchange["status"], exchange
        assert_holds(response.json, exchange["answer"])


def assert_holds(answer: Any, expected: Any) -> None:
    """The answer says all that is expected; it may say more."""
    if isinstance(expected, dict):
        assert expected.keys() <= answer.keys()
        for name, value in expected.items():
            assert_holds(answer[name], value)
    elif isinstance(expected, list):
        assert len(answer) == len(expected)
        for one, other in zip(answer, expected, strict=True):
            assert_holds(one, other)
    else:
        assert answer == expected


def test_it_goes_on_where_it_was(used: Used, services: Services) -> None:
    """What the first version booked is reversed, held against and settled by this one."""
    desk, operator = caller(services, "LOTUS-1"), caller(services, "operator")
    spent = next(one["answer"] for one in EXCHANGES if one.get("idempotency_key") == "points-1")
    undone = good(desk.post(f"/v1/transactions/{spent['id']}/reversals", {"reason": "left", "points": 100}))
    assert undone["legs"][0]["obligation"] == -100  # at the point value of its day, not of today
    taken = {"card": WANG, "merchant": "LOTUS-1", "points": 10, "reference": "POS-1"}
    assert code(desk.post("/v1/redemptions", taken)) == "duplicate_reference"
    held = good(desk.post("/v1/redemptions", taken | {"reference": "POS-3", "capture": False}))
    good(desk.post(f"/v1/holds/{held['hold']}/capture"))
    person = {"participant": "PINE", "name": "Zhou Lan", "phone": "13700000001"}
    assert code(operator.post("/v1/members", person)) == "enrolled_elsewhere"
    with used.engine.begin() as connection:
        for period in read_periods(connection):
            close_period(connection, period.number, early=True, closed_by="tests")
    assert used.differences() == []
