"""Who takes part, found by code or by id."""

import pytest

from clearing.core.directory import Directory
from support.core import alliance


def _directory() -> Directory:
    found = alliance("JADE", "LOTUS suspended", "PINE", merchants=["JADE-2"])
    participants = {
        id_: one._replace(net_debit_cap={1: 0, 3: 50_000}.get(id_)) for id_, one in found.participants.items()
    }
    return Directory(1, participants, found.merchants, found.rulebook)


def test_a_participant_is_found_by_its_code_as_it_is_written() -> None:
    found = _directory().participant("LOTUS")
    assert found is not None
    assert found.id == 2
    assert _directory().participant("lotus") is None


def test_a_merchant_is_found_by_its_id() -> None:
    assert _directory().merchant(102).code == "JADE-2"
    with pytest.raises(KeyError):
        _directory().merchant(999)


def test_a_cap_of_nothing_is_a_cap_and_no_cap_is_none() -> None:
    directory = _directory()
    assert directory.capped == {1, 3}
    assert (directory.cap(1), directory.cap(3)) == (0, 50_000)
    with pytest.raises(AssertionError):
        directory.cap(2)


def test_who_is_suspended_is_known() -> None:
    assert _directory().suspended == {2}
