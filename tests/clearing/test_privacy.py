"""Names and phones: unreadable without the keys, found by a keyed hash, shown masked."""

import json

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from clearing.privacy import (
    PersonalData,
    masked_name,
    masked_number,
    new_keys,
    with_new_key,
)

KEYS = new_keys()
DATA = PersonalData.from_text(KEYS)


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_encrypted_reads_back(text: str) -> None:
    assert DATA.decrypt("name", DATA.encrypt("name", text)) == text


def test_the_same_name_never_looks_the_same() -> None:
    assert DATA.encrypt("name", "王小明") != DATA.encrypt("name", "王小明")
    assert "王小明".encode() not in DATA.encrypt("name", "王小明")


def test_a_name_cannot_be_passed_off_as_a_phone() -> None:
    with pytest.raises(InvalidTag):
        DATA.decrypt("phone", DATA.encrypt("name", "13800000001"))


@pytest.mark.parametrize("place", [1, 12, 13, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    cipher = bytearray(DATA.encrypt("name", "Wang"))
    cipher[place] ^= 1
    with pytest.raises(InvalidTag):
        DATA.decrypt("name", bytes(cipher))


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(InvalidTag):
        PersonalData.from_text(new_keys()).decrypt("name", DATA.encrypt("name", "Wang"))


def test_after_a_change_of_keys_old_data_is_read_and_new_data_takes_the_new_key() -> None:
    content = json.loads(KEYS)
    content["keys"]["2"] = json.loads(new_keys())["keys"]["1"]
    content["current"] = 2
    changed = PersonalData.from_text(json.dumps(content))
    assert changed.decrypt("name", DATA.encrypt("name", "Wang")) == "Wang"
    cipher = changed.encrypt("name", "Wang")
    assert (cipher[0], changed.decrypt("name", cipher)) == (2, "Wang")
    with pytest.raises(KeyError):
        DATA.decrypt("name", cipher)
    assert changed.phone_index("13800000001") == DATA.phone_index("13800000001")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"index": "00", "keys": [], "current": 1}',
        '{"index": "zz", "keys": {"1": "00"}, "current": 1}',
        '{"index": "00000000000000000000000000000000", "keys": {"1": "00"}, "current": 1}',
        '{"index": null, "keys": {}, "current": 1}',
    ],
)
def test_what_are_no_keys_is_refused_when_they_are_read(text: str) -> None:
    with pytest.raises(ValueError):
        PersonalData.from_text(text)


def test_keys_that_lack_the_current_one_are_refused_when_they_are_read() -> None:
    content = json.loads(KEYS) | {"current": 2}
    with pytest.raises(ValueError):
        PersonalData.from_text(json.dumps(content))


SAME = ["13800000001", "+86 138 0000 0001", "0086-138-0000-0001", "(138) 0000.0001", " 138-0000-0001 "]


@pytest.mark.parametrize("written", SAME)
def test_one_number_has_one_hash(written: str) -> None:
    assert DATA.phone_index(written) == DATA.phone_index("13800000001")


def test_different_numbers_have_different_hashes_and_so_have_different_keys() -> None:
    assert DATA.phone_index("13800000001") != DATA.phone_index("13800000002")
    assert DATA.phone_index("+852 5800 0001") != DATA.phone_index("010 5800 0001")
    assert DATA.phone_index("13800000001") != PersonalData.from_text(new_keys()).phone_index("13800000001")


NAMES = [("王小明", "王**"), ("Ann Lee", "A******"), ("王", "王*"), ("", ""), ("😀x", "😀*")]


@pytest.mark.parametrize(("name", "masked"), NAMES)
def test_a_masked_name_greets_a_guest_and_finds_nobody(name: str, masked: str) -> None:
    assert masked_name(name) == masked


NUMBERS = [("62000001", "****0001"), ("12345", "*2345"), ("1234", "***4"), ("1", "1"), ("", "")]


@pytest.mark.parametrize(("number", "masked"), NUMBERS)
def test_a_masked_number_shows_four_characters_at_most(number: str, masked: str) -> None:
    assert masked_number(number) == masked


def test_a_key_is_added_beside_the_others_and_encrypts_from_then_on() -> None:
    text, key_id = with_new_key(KEYS)
    assert key_id == 2
    added = PersonalData.from_text(text)
    assert (added.current, sorted(added.key_ids)) == (2, [1, 2])
    assert added.decrypt("name", DATA.encrypt("name", "Wang")) == "Wang"
    assert with_new_key(text)[1] == 3
    assert with_new_key(text)[0] != with_new_key(text)[0], "random"


def test_after_the_last_key_id_no_key_is_added() -> None:
    content = json.loads(KEYS)
    content["keys"]["255"] = content["keys"]["1"]
    with pytest.raises(ValueError, match="255"):
        with_new_key(json.dumps(content))


def test_what_are_no_keys_gets_none_added() -> None:
    with pytest.raises(ValueError):
        with_new_key("{}")


def test_a_key_that_was_added_meanwhile_is_found_when_it_is_needed() -> None:
    kept = [KEYS]
    running = PersonalData.from_text(KEYS, reread=lambda: kept[0])
    kept[0] = with_new_key(KEYS)[0]
    assert running.encrypt("name", "Wang")[0] == 1, "it has no reason to look yet"
    cipher = PersonalData.from_text(kept[0]).encrypt("name", "Wang")
    assert running.decrypt("name", cipher) == "Wang"
    assert (running.current, running.encrypt("name", "Wang")[0]) == (2, 2)
    assert running.phone_index("13800000001") == DATA.phone_index("13800000001")
    with pytest.raises(KeyError):
        running.decrypt("name", b"\x09" + cipher[1:])


def test_another_index_key_is_not_taken_over_by_a_running_server() -> None:
    changed = json.loads(with_new_key(KEYS)[0]) | {"index": "00" * 32}
    running = PersonalData.from_text(KEYS, reread=lambda: json.dumps(changed))
    running.decrypt("name", PersonalData.from_text(json.dumps(changed)).encrypt("name", "Wang"))
    assert running.phone_index("13800000001") == DATA.phone_index("13800000001")
