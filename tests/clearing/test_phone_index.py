"""Members enrolled by older rules: hashed anew, listed where two have one phone, and nobody lost."""

import hmac
import json
from collections.abc import Iterator
from hashlib import sha256

import pytest
from sqlalchemy import Engine, Row, select, update

from clearing.erasure import erase_member
from clearing.phone_index import (
    Collision,
    count_stale,
    count_unread,
    list_collisions,
    rehash_phones,
    release_phone,
)
from clearing.privacy import PersonalData, new_keys
from clearing.tables import members, phone_collisions
from clearing.verify import frozen
from settlement.verify import verify
from support.ledger import Ledger

KEYS = new_keys()
DATA = PersonalData.from_text(KEYS)
#: As they were stored: without punctuation, and without +86 or 0086 before eleven digits.
STORED = [
    ("JADE", "15400200002"),
    ("LOTUS", "8615400200002"),
    ("PINE", "015400200002"),
    ("JADE", "13800000001"),
    ("LOTUS", "+85258000001"),
    ("PINE", "58000001"),
    ("JADE", None),
]


@pytest.fixture
def old(engine: Engine) -> Iterator[Engine]:
    """A database with members who were enrolled by the first version."""
    index_key = bytes.fromhex(json.loads(KEYS)["index"])
    with Ledger(engine) as ledger:
        for code, phone in STORED:
            ledger.enrol(code)
            newest = select(members.c.id).order_by(members.c.id.desc()).limit(1).scalar_subquery()
            with engine.begin() as connection:
                connection.execute(
                    update(members)
                    .where(members.c.id == newest)
                    .values(
                        phone_cipher=DATA.encrypt("phone", phone) if phone else None,
                        phone_index=hmac.new(index_key, phone.encode(), sha256).digest() if phone else None,
                        phone_form=None,
                    )
                )
        yield engine


def rows(engine: Engine) -> list[Row]:
    with engine.connect() as connection:
        return list(connection.execute(select(members).order_by(members.c.id)))


def listed(engine: Engine) -> list[Collision]:
    with engine.connect() as connection:
        return list_collisions(connection, 100)


@pytest.mark.parametrize("portion", [1, 2, 500])
def test_all_are_found_by_the_form_of_now_and_those_with_one_phone_are_listed(
    old: Engine, portion: int
) -> None:
    before = rows(old)
    with old.connect() as connection:
        assert count_stale(connection) == 6
    assert rehash_phones(old, DATA, portion) == 6
    jade, lotus, pine, other, foreign, local, without = after = rows(old)
    assert [row.phone_cipher for row in after] == [row.phone_cipher for row in before]
    assert bytes(jade.phone_index) == DATA.phone_index("+86 154 0020 0002")
    assert (lotus.phone_index, pine.phone_index, without.phone_index) == (None, None, None)
    assert bytes(other.phone_index) == DATA.phone_index("0086-13800000001")
    assert bytes(foreign.phone_index) == DATA.phone_index("00852 5800 0001")
    assert local.phone_index == before[5].phone_index, "no whole number: compared as it was written"
    with old.connect() as connection:
        assert (count_stale(connection), count_unread(connection)) == (0, 1)
    assert listed(old) == [
        Collision(lotus.id, lotus.participant_id, jade.id, jade.participant_id),
        Collision(pine.id, pine.participant_id, jade.id, jade.participant_id),
    ]
    # Done once, it is done; and begun again it changes nothing.
    assert rehash_phones(old, DATA, portion) == 0
    assert rows(old) == after
    with frozen(old) as connection:
        assert list(verify(connection)) == []


def test_what_was_begun_goes_on_where_it_was_and_takes_what_an_older_program_writes(old: Engine) -> None:
    assert rehash_phones(old, DATA) == 6
    first = rows(old)[0].id
    with old.begin() as connection:
        connection.execute(update(members).where(members.c.id == first).values(phone_form=None))
        assert count_stale(connection) == 1
    assert rehash_phones(old, DATA) == 1
    assert bytes(rows(old)[0].phone_index) == DATA.phone_index("15400200002")
    assert len(listed(old)) == 2


def test_a_phone_whose_key_is_not_at_hand_is_left_and_told_of(old: Engine) -> None:
    other = json.loads(KEYS)
    other = {"index": other["index"], "keys": {"2": other["keys"]["1"]}, "current": 2}
    before = rows(old)
    assert rehash_phones(old, PersonalData.from_text(json.dumps(other))) == 6
    assert rows(old) == before
    with old.connect() as connection:
        assert count_stale(connection) == 6


def test_who_was_enrolled_next_keeps_the_person_when_the_first_is_erased(old: Engine) -> None:
    rehash_phones(old, DATA)
    jade, lotus, pine, *_ = rows(old)
    with old.begin() as connection:
        assert erase_member(connection, jade.id) is True
    after = {row.id: row for row in rows(old)}
    assert after[jade.id].phone_index is None
    assert bytes(after[lotus.id].phone_index) == DATA.phone_index("15400200002")
    assert [(one.member_id, one.holder_id) for one in listed(old)] == [(pine.id, lotus.id)]
    with old.begin() as connection:
        assert erase_member(connection, pine.id) is True
        release_phone(connection, pine.id)
    assert listed(old) == []
    with old.connect() as connection:
        assert connection.execute(select(phone_collisions)).all() == []


def test_two_members_of_one_wallet_are_one_person(old: Engine) -> None:
    rehash_phones(old, DATA)
    jade, lotus, pine, *_ = rows(old)
    with old.begin() as connection:
        connection.execute(update(members).where(members.c.id == pine.id).values(wallet_id=jade.wallet_id))
    assert [one.member_id for one in listed(old)] == [lotus.id]
