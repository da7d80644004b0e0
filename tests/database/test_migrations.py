"""Upgrading: one recorded head, repeatable, one at a time, and the tables are those of the code."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from database import make_engine, migrations
from support.databases import Databases

pytestmark = pytest.mark.skipif(migrations.recorded_head() is None, reason="there is no revision yet")

_PROJECT = Path(__file__).parents[2]


@pytest.fixture
def empty(databases: Databases) -> Iterator[Engine]:
    """An engine on a database without tables."""
    with databases.fresh("template0") as url:
        engine = make_engine(url, pool_size=4, application_name="tests")
        yield engine
        engine.dispose()


def test_the_recorded_head_is_the_only_one() -> None:
    assert migrations.heads() == [migrations.recorded_head()]


def test_the_revisions_make_the_tables_of_the_code(engine: Engine) -> None:
    assert migrations.check(engine) == []


def test_an_empty_database_lacks_every_revision(empty: Engine) -> None:
    pending = migrations.check(empty)
    assert pending
    assert all(line.startswith("pending ") for line in pending)
    assert pending[-1].split()[1] == migrations.recorded_head()


def test_an_upgrade_can_be_repeated(empty: Engine) -> None:
    migrations.upgrade(empty)
    migrations.upgrade(empty)
    assert migrations.check(empty) == []


def test_upgraders_that_come_together_do_not_collide(empty: Engine) -> None:
    url = empty.url.render_as_string(hide_password=False)
    program = "import sys; from database import migrations; migrations.upgrade(sys.stdin.read())"
    upgraders = [
        subprocess.Popen([sys.executable, "-c", program], cwd=_PROJECT, stdin=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for upgrader in upgraders:
        assert upgrader.stdin is not None
        upgrader.stdin.write(url)
        upgrader.stdin.close()
    assert [upgrader.wait() for upgrader in upgraders] == [0, 0]
    assert migrations.check(empty) == []


def test_threads_that_upgrade_together_do_not_collide(empty: Engine) -> None:
    with ThreadPoolExecutor(3) as threads:
        for upgraded in [threads.submit(migrations.upgrade, empty) for _ in range(3)]:
            upgraded.result()
    assert migrations.check(empty) == []


def test_a_difference_is_named(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE stray (id int PRIMARY KEY)"))
    assert migrations.check(engine) == ["drift remove_table stray"]


def test_partitions_are_no_difference(engine: Engine) -> None:
    with engine.begin() as connection:
        parent = connection.execute(
            text("SELECT relname FROM pg_class WHERE relkind = 'p' ORDER BY relname LIMIT 1")
        ).scalar()
        if parent is None:
            pytest.skip("no table is partitioned")
        # Any child will do, of whatever kind of partitioning: inheritance needs a plain table.
        connection.execute(text("CREATE TABLE plain_parent (id int)"))
        connection.execute(text("CREATE TABLE plain_child () INHERITS (plain_parent)"))
    assert migrations.check(engine) == ["drift remove_table plain_parent"]


def test_nothing_of_an_upgrade_stays_on_a_pooled_connection(empty: Engine) -> None:
    migrations.upgrade(empty)
    with empty.connect() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"
        locks = connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        assert locks.scalar_one() == 0
