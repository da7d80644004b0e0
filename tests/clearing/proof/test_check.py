"""Whatever is changed in what was sealed, `verify` names the row."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, Engine, Table, delete, insert, select, text
from sqlalchemy.types import Integer, LargeBinary, Text

from clearing.proof.check import checks
from clearing.proof.keys import SealingKeys, new_sealing_keys
from clearing.proof.seal import seal_portion
from clearing.tables import JOURNAL, tree_heads, tree_leaves, tree_nodes
from clearing.verify import Difference, frozen, verify
from database import make_engine
from support.databases import Databases
from support.ledger import Ledger, shanghai
from support.sealing import KEYS, seal_all

OTHER_KEYS = SealingKeys.from_text(new_sealing_keys())
ID = "transaction_id"


@pytest.fixture(scope="module")
def sealed(databases: Databases) -> Iterator[Engine]:
    """One of everything, sealed, in two periods. Whoever changes it rolls back."""
    with databases.fresh() as url:
        engine = make_engine(url, pool_size=4, application_name="tests")
        with Ledger(engine) as ledger:
            _fill(ledger)
        yield engine
        engine.dispose()


@pytest.fixture
def tampered(sealed: Engine) -> Iterator[Connection]:
    """What is done on it is gone afterwards."""
    with sealed.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """The same, to go on with."""
    with Ledger(engine) as ledger:
        _fill(ledger)
        yield ledger


@pytest.fixture(scope="module")
def tall(databases: Databases) -> Iterator[Engine]:
    """A tree of 301 leaves with a node above them, and two heads."""
    with databases.fresh() as url:
        engine = make_engine(url, pool_size=4, application_name="tests")
        with Ledger(engine) as ledger:
            card = ledger.enrol("JADE")
            ledger.book(*(ledger.pays_cash(card, "JADE", 1_000) for _ in range(300)))
            seal_all(engine)
            ledger.book(ledger.pays_cash(card, "JADE", 1_000))
            seal_all(engine)
        yield engine
        engine.dispose()


def _fill(ledger: Ledger) -> None:
    wang = ledger.worked_example()
    redeemed = ledger.book(ledger.redeems(wang, "PINE", 100))[0]
    ledger.book(ledger.reverses(redeemed, points=40))
    ledger.book(ledger.loads(wang, "PINE", 20_000, issuer="JADE"))
    ledger.now = shanghai("2026-12-03 09:00")
    ledger.book(ledger.pays_cash(wang, "PINE", 1_000, occurred="2026-11-30 12:00"))
    seal_all(ledger.engine)


def differences(where: Engine | Connection) -> list[Difference]:
    if isinstance(where, Connection):
        return list(verify(where, None, checks(KEYS.public_keys)))
    with frozen(where) as connection:
        return list(verify(connection, None, checks(KEYS.public_keys)))


def first(where: Engine | Connection) -> Difference:
    return differences(where)[0]


class Victim(NamedTuple):
    """A row by its key, and how `verify` names it."""

    where: str
    name: str


def victim(connection: Connection, table: Table) -> Victim:
    """A row of a redemption: it has everything that a row can have."""
    own = "id" if table.name == "transactions" else ID
    key = ["period", "wallet_id", own, *(["number"] if own == ID else [])]
    redemption = "(SELECT id FROM transactions WHERE kind = 2 ORDER BY id LIMIT 1)"
    query = f"SELECT {', '.join(key)} FROM {table.name} WHERE {own} = {redemption} LIMIT 1"
    row = connection.execute(text(query)).one()._mapping
    where = " AND ".join(f"{name} = {row[name]}" for name in key)
    named = ", ".join(f"{ID if name == 'id' else name}={row[name]}" for name in key)
    return Victim(where, f"{table.name} ({named})")


def of_all(*tables: Table) -> list[Any]:
    columns = [(table, column.name) for table in tables for column in table.c]
    return [pytest.param(table, name, id=f"{table.name}.{name}") for table, name in columns]


def test_what_is_as_it_was_sealed_has_no_difference(sealed: Engine) -> None:
    assert differences(sealed) == []


@pytest.mark.parametrize(("table", "column"), of_all(*JOURNAL))
def test_every_column_of_every_row_is_held_by_the_seal(
    tampered: Connection, table: Table, column: str
) -> None:
    # Away with what would keep a clumsy hand from it; who can change the journal can do that too.
    tampered.execute(text("ALTER TABLE legs DROP CONSTRAINT legs_own_system_is_free_check"))
    row = victim(tampered, table)
    assert tampered.execute(text(_change(table, column, row))).rowcount == 1
    found = first(tampered)
    assert (found.check, found.where) == ("sealed", row.name)


def _change(table: Table, column: str, row: Victim) -> str:
    other = {
        "period": "202612",
        "late": "NOT late",
        "occurred_at": "occurred_at + interval '1 microsecond'",
        "booked_at": "booked_at - interval '1 microsecond'",
        "metadata": """'{"a": "b"}'""",
        "number": "number + 100",
    }
    is_text = isinstance(table.c[column].type, Text)
    changed = f"coalesce({column}, '') || 'x'" if is_text else f"coalesce({column}, 0) + 1"
    return f"UPDATE {table.name} SET {column} = {other.get(column, changed)} WHERE {row.where}"


@pytest.mark.parametrize("table", JOURNAL, ids=lambda table: table.name)
def test_a_row_that_is_gone_is_named(tampered: Connection, table: Table) -> None:
    row = victim(tampered, table)
    tampered.execute(text(f"DELETE FROM {table.name} WHERE {row.where}"))
    found = first(tampered)
    assert (found.check, found.where, found.found) == ("sealed", row.name, "none")


ADDED = [
    ("entries", "number + 100", "number", "a row"),
    ("legs", "number + 100", "number", "a row"),
    ("entries", "transaction_id + 1", ID, "one that was never sealed"),
    ("legs", "transaction_id + 1", ID, "one that was never sealed"),
    ("transactions", "id + 1", "id", "one that was never sealed"),
]


@pytest.mark.parametrize(("name", "value", "column", "found_there"), ADDED)
def test_a_row_that_was_added_is_named(
    tampered: Connection, name: str, value: str, column: str, found_there: str
) -> None:
    table = next(one for one in JOURNAL if one.name == name)
    columns = ", ".join(one.name for one in table.c)
    values = ", ".join(value if one.name == column else one.name for one in table.c)
    row = victim(tampered, table)
    insertion = f"INSERT INTO {name} ({columns}) SELECT {values} FROM {name} WHERE {row.where}"
    added = tampered.execute(text(f"{insertion} RETURNING {column}")).scalar_one()
    found = first(tampered)
    assert found.check == "sealed"
    assert found.where.startswith(name)
    assert f"{ID if column == 'id' else column}={added}" in found.where
    assert found.found == found_there


def test_a_whole_transaction_that_is_gone_is_named(tampered: Connection) -> None:
    row = victim(tampered, JOURNAL[0])
    id_ = row.where.rpartition(" = ")[2]
    for name, key in (("transactions", "id"), ("legs", ID), ("entries", ID)):
        tampered.execute(text(f"DELETE FROM {name} WHERE {key} = {id_}"))
    assert first(tampered).where == row.name


def test_what_waits_to_be_sealed_is_no_difference_but_must_be_there(ledger: Ledger, engine: Engine) -> None:
    booked = ledger.book(ledger.pays_cash("JADE-1001", "PINE", 500))[0].transaction
    assert differences(engine) == []
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM transactions WHERE id = :id"), {"id": booked.id})
    assert {one.check for one in differences(engine)} == {"sealed", "unsealed"}
    assert str(booked.id) in first(engine).where


ROW = {"tree_leaves": "number = 7", "tree_nodes": "number = 0", "tree_heads": "size = 300"}


@pytest.mark.parametrize(("table", "column"), of_all(tree_leaves, tree_nodes, tree_heads))
def test_nor_can_the_seal_itself_be_changed(tall: Engine, table: Table, column: str) -> None:
    kind = table.c[column].type
    if isinstance(kind, LargeBinary):
        value = f"set_byte({column}, 1, get_byte({column}, 1) # 1)"
    else:
        value = f"{column} + " + ("1000" if isinstance(kind, Integer) else "interval '1 second'")
    with tall.connect() as connection, connection.begin() as transaction:
        assert differences(connection) == []
        update = f"UPDATE {table.name} SET {column} = {value} WHERE {ROW[table.name]}"
        assert connection.execute(text(update)).rowcount == 1
        found = differences(connection)
        transaction.rollback()
    if (table.name, column) in (("tree_leaves", "marks"), ("tree_leaves", "legs")):
        # They prove nothing, and are only looked at to name what does not fit the hash.
        assert found == []
    else:
        assert any(table.name in one.where or one.check == "sealed" for one in found)


def test_who_changes_a_row_and_its_leaf_has_another_root(tampered: Connection) -> None:
    """The row and all that is kept of it, but the signed head: that takes the hub's key."""
    row = victim(tampered, JOURNAL[0])
    heads = tampered.execute(select(tree_heads)).all()
    for statement in (
        f"UPDATE transactions SET amount = amount + 1 WHERE {row.where}",
        "INSERT INTO unsealed SELECT array_agg(period ORDER BY number), array_agg(wallet_id ORDER BY number),"
        " array_agg(transaction_id ORDER BY number) FROM tree_leaves",
        "DELETE FROM tree_heads",
        "DELETE FROM tree_leaves",
        "DELETE FROM tree_nodes",
    ):
        tampered.execute(text(statement))
    seal_portion(tampered, OTHER_KEYS)
    assert {one.check for one in differences(tampered)} == {"tree"}
    tampered.execute(delete(tree_heads))
    tampered.execute(insert(tree_heads), [dict(one._mapping) for one in heads])
    found = first(tampered)
    assert (found.check, found.expected) == ("tree", "the root over its leaves")


def test_a_head_of_another_key_is_found(tampered: Connection) -> None:
    tampered.execute(text("UPDATE tree_heads SET key_id = 2"))
    assert "key 2, which is not at hand" in first(tampered).found


def test_a_closed_period_lies_within_its_head(ledger: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE periods SET state = 'closed' WHERE number = 202611"))
    seal_all(engine)
    assert differences(engine) == []
    with engine.begin() as connection:
        connection.execute(text("UPDATE periods SET state = 'open' WHERE number = 202611"))
    assert [one.check for one in differences(engine)] == ["sealed_periods"]


def test_one_period_can_be_looked_at_by_itself(tampered: Connection) -> None:
    tampered.execute(text("UPDATE transactions SET amount = amount + 1 WHERE period = 202612"))
    assert list(verify(tampered, None, checks()[:1], 202611)) == []
    assert len(list(verify(tampered, None, checks()[:1], 202612))) == 1
