"""Rotation: everything is under the newest key in the end, whoever writes, erases or stops it meanwhile."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, insert, select, text, update

from clearing.erasure import erase_member
from clearing.privacy import PersonalData, new_keys, with_new_key
from clearing.rotation import KeyUse, Rotated, count_old, read_key_use, rotate
from clearing.tables import members
from support.ledger import Ledger

OLD_TEXT = new_keys()
NEW_TEXT = with_new_key(OLD_TEXT)[0]
OLD, NEW = PersonalData.from_text(OLD_TEXT), PersonalData.from_text(NEW_TEXT)
PEOPLE = 7


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """Seven members of JADE with names and phones under the old key; the last has no phone."""
    with Ledger(engine) as ledger:
        for number in range(PEOPLE):
            ledger.enrol("JADE")
            give(engine, newest(engine), OLD, f"Guest {number}", f"1380000000{number}")
        with engine.begin() as connection:
            last = update(members).where(members.c.id == newest(engine))
            connection.execute(last.values(phone_cipher=None, phone_index=None))
        yield ledger


def newest(engine: Engine) -> int:
    with engine.connect() as connection:
        query = select(members.c.id).order_by(members.c.id.desc()).limit(1)
        return int(connection.execute(query).scalar_one())


def give(engine: Engine, member_id: int, personal_data: PersonalData, name: str, phone: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(members)
            .where(members.c.id == member_id)
            .values(
                name_cipher=personal_data.encrypt("name", name),
                phone_cipher=personal_data.encrypt("phone", phone),
                phone_index=personal_data.phone_index(phone),
            )
        )


def people(engine: Engine) -> dict[int, tuple[str | None, str | None]]:
    """Name and phone by member, read with the new keys."""
    with engine.connect() as connection:
        return {
            row.id: (
                NEW.decrypt("name", row.name_cipher) if row.name_cipher else None,
                NEW.decrypt("phone", row.phone_cipher) if row.phone_cipher else None,
            )
            for row in connection.execute(select(members))
        }


def use(engine: Engine) -> list[KeyUse]:
    with engine.connect() as connection:
        return read_key_use(connection)


def test_everything_reads_the_same_under_the_new_key(ledger: Ledger, engine: Engine) -> None:
    before = people(engine)
    assert use(engine) == [KeyUse(1, 7, 6)]
    with engine.connect() as connection:
        assert count_old(connection, NEW) == 7
    portions = list(rotate(engine, NEW, portion=3))
    assert portions == [Rotated(3, 3, 3, []), Rotated(3, 3, 3, []), Rotated(1, 1, 0, [])]
    assert use(engine) == [KeyUse(2, 7, 6)]
    assert people(engine) == before
    assert list(rotate(engine, NEW)) == []


def test_the_hash_that_finds_a_phone_stays(ledger: Ledger, engine: Engine) -> None:
    with engine.connect() as connection:
        before = connection.execute(select(members.c.id, members.c.phone_index)).all()
    list(rotate(engine, NEW))
    with engine.connect() as connection:
        assert connection.execute(select(members.c.id, members.c.phone_index)).all() == before


def test_a_rotation_that_was_stopped_goes_on_where_it_was(ledger: Ledger, engine: Engine) -> None:
    portions = rotate(engine, NEW, portion=2)
    next(portions)
    portions.close()  # type: ignore[attr-defined]  # it is a generator
    assert use(engine) == [KeyUse(1, 5, 4), KeyUse(2, 2, 2)]
    assert sum(one.members for one in rotate(engine, NEW, portion=2)) == 5


def test_what_is_already_under_the_new_key_is_not_touched(ledger: Ledger, engine: Engine) -> None:
    give(engine, newest(engine), NEW, "New", "13900000000")
    with engine.connect() as connection:
        cipher = connection.execute(
            select(members.c.name_cipher).where(members.c.id == newest(engine))
        ).scalar_one()
    assert sum(one.members for one in rotate(engine, NEW)) == PEOPLE - 1
    with engine.connect() as connection:
        query = select(members.c.name_cipher).where(members.c.id == newest(engine))
        assert connection.execute(query).scalar_one() == cipher


def test_a_member_without_name_and_phone_has_nothing_to_rotate(ledger: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(members).values(
                id=1, wallet_id=1001, participant_id=ledger.participant_ids["JADE"], enrolled_at=ledger.now
            )
        )
    assert sum(one.members for one in rotate(engine, NEW)) == PEOPLE
    assert people(engine)[1] == (None, None)


def test_a_member_who_is_erased_meanwhile_stays_erased(ledger: Ledger, engine: Engine) -> None:
    """The rotation meets a row that an erasure holds: it waits, and finds nothing there."""
    erased, rotated = newest(engine), threading.Event()
    done: list[Rotated] = []

    def work() -> None:
        done.extend(rotate(engine, NEW))
        rotated.set()

    with engine.begin() as connection:
        assert erase_member(connection, erased) is True
        thread = threading.Thread(target=work)
        thread.start()
        waiting(engine)
        assert not rotated.is_set()
    thread.join(timeout=30)
    assert rotated.is_set()
    assert sum(one.members for one in done) == PEOPLE - 1
    assert people(engine)[erased] == (None, None)


def test_postings_go_on_while_a_portion_is_being_rotated(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    give(engine, newest(engine), OLD, "Wang", "13800009999")
    with engine.begin() as connection:
        connection.execute(select(members).with_for_update(key_share=True))
        ledger.book(ledger.pays_cash(wang, "JADE", 100))


def waiting(engine: Engine) -> None:
    """Return when somebody waits for a row that somebody else holds."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline = datetime.now(UTC).timestamp() + 20
    while True:
        with engine.connect() as connection:
            if connection.execute(text(query)).scalar_one():
                return
        assert datetime.now(UTC).timestamp() < deadline
