"""Upgrading a database that is in use: what people have stays, and adds up afterwards."""

from collections.abc import Iterator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from clearing.tables import metadata
from clearing.verify import frozen
from database import make_engine, migrations
from settlement.close import close_period
from settlement.verify import verify
from support.databases import Databases
from support.ledger import Ledger
from support.sealing import KEYS, seal_all


@pytest.fixture
def used(engine: Engine) -> Iterator[Engine]:
    """A database with the worked example in it, one period of it closed."""
    with Ledger(engine) as ledger:
        wang = ledger.worked_example()
        with engine.begin() as connection:
            close_period(connection, 202611, at=ledger.now, early=True, closed_by="tests")
        ledger.book(ledger.pays_cash(wang, "PINE", 1_000))
        yield engine


def contents(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table as text, in order."""
    with engine.connect() as connection:
        return {
            name: sorted(connection.execute(text(f'SELECT t::text FROM "{name}" AS t')).scalars())
            for name in metadata.tables
        }


def test_an_upgrade_keeps_what_is_there_and_it_adds_up(used: Engine) -> None:
    before = contents(used)
    migrations.upgrade(used)
    assert contents(used) == before
    assert migrations.check(used) == []
    with frozen(used) as connection:
        assert list(verify(connection)) == []


def test_an_upgrade_from_nothing_makes_the_same_tables_as_the_code(databases: Databases) -> None:
    with databases.fresh("template0") as url:
        engine = make_engine(url, pool_size=2, application_name="tests")
        migrations.upgrade(engine)
        assert migrations.check(engine) == []
        assert set(contents(engine)) == set(metadata.tables)
        engine.dispose()


def test_a_database_that_is_newer_than_the_program_is_told_so_and_left_alone(used: Engine) -> None:
    with used.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    before = contents(used)
    assert migrations.check(used) == ["drift revision from_the_future is unknown to this version"]
    with pytest.raises(Exception, match="from_the_future"):
        migrations.upgrade(used)
    assert contents(used) == before


DRIFT = [
    ("ALTER TABLE lots DROP COLUMN held CASCADE", "lots held"),
    ("ALTER TABLE cards ALTER COLUMN status DROP NOT NULL", "cards status"),
    ("DROP INDEX transactions_acceptor_id_merchant_id_id_idx", "transactions_acceptor_id_merchant_id_id_idx"),
    ("ALTER TABLE members DROP CONSTRAINT members_phone_index_key", "phone_index"),
    ("ALTER TABLE participants ADD COLUMN colour text", "colour"),
    ("ALTER TABLE members ALTER COLUMN tier TYPE varchar(3)", "tier"),
]


@pytest.mark.parametrize(("statement", "named"), DRIFT)
def test_a_difference_made_by_hand_is_named(engine: Engine, statement: str, named: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))
    found = migrations.check(engine)
    assert found
    assert all(line.startswith("drift ") for line in found)
    assert named in " ".join(found)


def test_answers_under_keys_are_added_to_what_is_there(used: Engine) -> None:
    revision = ScriptDirectory("migrations").get_revision("0017").module
    before = contents(used)
    with used.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        revision.downgrade()
        revision.upgrade()
    assert contents(used) == before
    assert migrations.check(used) == []


def test_what_was_posted_before_there_was_a_seal_is_sealed_in_the_order_of_booking(used: Engine) -> None:
    everything = text("SELECT id FROM transactions ORDER BY period, booked_at, id")
    with used.connect() as connection:
        posted = list(connection.execute(everything).scalars())
    seal_all(used)
    revision = ScriptDirectory("migrations").get_revision("0006").module
    with used.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        revision.downgrade()
        revision.upgrade()
    assert seal_all(used) == len(posted) > 5
    with used.connect() as connection:
        sealed = connection.execute(text("SELECT transaction_id FROM tree_leaves ORDER BY number"))
        assert list(sealed.scalars()) == posted
    with frozen(used) as connection:
        assert list(verify(connection, public_keys=KEYS.public_keys)) == []


def test_the_first_opening_balance_of_a_number_has_it(used: Engine) -> None:
    """Before, nobody asked whether an issuer had used the number."""
    revision = ScriptDirectory("migrations").get_revision("0014").module
    later = ScriptDirectory("migrations").get_revision("0018").module
    with used.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        later.downgrade()
        revision.downgrade()
        connection.execute(text("UPDATE transactions SET reference = 'OLD-1' WHERE kind = 5"))
        revision.upgrade()
        later.upgrade()
    with used.connect() as connection:
        kept = text("SELECT merchant_id, transaction_id FROM merchant_references WHERE kind = 5 ORDER BY 1")
        first = text("SELECT acceptor_id, min(id) FROM transactions WHERE kind = 5 GROUP BY 1 ORDER BY 1")
        assert connection.execute(kept).all() == connection.execute(first).all()
        openings = connection.execute(text("SELECT count(*) FROM transactions WHERE kind = 5")).scalar_one()
        assert openings > len(connection.execute(kept).all()) > 0
    assert migrations.check(used) == []
    with frozen(used) as connection:
        assert [one for one in verify(connection) if "references" in str(one)] == []
