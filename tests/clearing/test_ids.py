"""Ids: in the order of time, different between writers, and opaque text outside."""

from itertools import count, islice, repeat

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clearing import ids
from clearing.ids import EPOCH_MS, WRITERS, decode, encode, make_ids

NUMBERS = st.integers(0, 2**63 - 1)
NOW = EPOCH_MS + 7 * 365 * 86_400_000


@given(st.lists(NUMBERS, min_size=1, max_size=3))
def test_an_id_reads_back_as_its_numbers(numbers: list[int]) -> None:
    assert decode("txn", encode("txn", *numbers), len(numbers)) == tuple(numbers)


@given(NUMBERS, NUMBERS)
def test_texts_are_in_the_order_of_their_numbers(one: int, other: int) -> None:
    assert (encode("lot", one) < encode("lot", other)) == (one < other)


@given(st.text(max_size=40))
def test_rubbish_is_no_id(text: str) -> None:
    assume(not text.startswith("txn_"))
    assert decode("txn", text, 1) is None
    assert decode("txn", f"txn_{text}!", 1) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "txn",
        "txn_",
        "txn_0",
        "TXN_0000000000001",
        "lot_0000000000001",
        "txn_000000000000i",  # i, l, o and u are left out
        "txn_000000000000U",
        "txn_00000000000001",
        "txn_ 000000000001",
        "txn_000000000000１",
        "txn_zzzzzzzzzzzzz",  # more than 63 bits
        "txn_8000000000000",
        "txn_0000000000001\n",
        "txn__000000000001",
    ],
)
def test_what_is_nearly_an_id_is_none(text: str) -> None:
    assert decode("txn", text, 1) is None


def test_the_largest_number_is_an_id() -> None:
    assert decode("txn", "txn_7zzzzzzzzzzzz", 1) == (2**63 - 1,)


def test_an_id_of_another_kind_or_length_is_none() -> None:
    wallet = ids.wallet_id(7)
    assert decode("wal", wallet) == (7,)
    assert decode("mem", wallet) is None
    assert decode("wal", wallet, 2) is None
    assert decode("txn", ids.transaction_id(7, 8), 2) == (7, 8)
    assert decode("lot", ids.lot_id(7, 8), 2) == (7, 8)
    assert ids.member_id(1) == "mem_0000000000001"


@given(st.lists(st.integers(-5000, 5000), min_size=1, max_size=50), st.integers(0, WRITERS - 1))
def test_a_writers_ids_only_grow_also_when_the_clock_goes_back(steps: list[int], writer: int) -> None:
    made = list(islice(make_ids(writer, (NOW + step for step in steps)), len(steps)))
    assert made == sorted(set(made))
    assert all(0 < one < 2**63 for one in made)


def test_more_than_a_millisecond_can_name_run_on_ahead_of_the_clock() -> None:
    made = list(islice(make_ids(1, repeat(NOW)), 10_000))
    assert made == sorted(set(made))
    following = next(make_ids(1, repeat(NOW + 5)))
    assert following > made[-1]


@given(st.integers(0, WRITERS - 1), st.integers(0, WRITERS - 1))
def test_two_writers_never_make_the_same_id(one: int, other: int) -> None:
    assume(one != other)
    first = set(islice(make_ids(one, count(NOW)), 100))
    second = set(islice(make_ids(other, count(NOW)), 100))
    assert not first & second
