"""What spreadsheets do to cells."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from tabular.cells import (
    is_shortened,
    may_be_guarded,
    may_be_shortened,
    neutralised,
    restored,
    unguarded,
)


@pytest.mark.parametrize("text", ["=1+1", "+86 139", "-5", "@SUM(A1)", "\tx", "\rx"])
def test_what_a_spreadsheet_would_run_is_text_for_it(text: str) -> None:
    assert neutralised(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "680", "'", "'quoted'", "O'Neill", "x=1"])
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert neutralised(text) == restored(text) == text


@settings(max_examples=examples(300), deadline=None)
@given(st.text("'=+-@\ta1"))
def test_an_apostrophe_is_taken_off_only_where_one_was_put(text: str) -> None:
    assert restored(neutralised(text)) == text
    assert not neutralised(text).startswith(("=", "+", "-", "@", "\t"))


@pytest.mark.parametrize(("cell", "meant"), [('="0042"', "0042"), ('=""', ""), ('="张 三"', "张 三")])
def test_a_formula_that_is_only_a_text_is_that_text(cell: str, meant: str) -> None:
    assert may_be_guarded(f"x,{cell}")
    assert unguarded(cell) == meant


@pytest.mark.parametrize("cell", ["", "=1", '="a"&"b"', '"0042"', '\'="0042"', '="0042'])
def test_any_other_formula_is_left_as_it_is(cell: str) -> None:
    assert unguarded(cell) == cell


@pytest.mark.parametrize("cell", ["8.80E+15", "8.8e+15", "2E+11", "1,39E+10"])
def test_a_number_that_a_spreadsheet_has_shortened_is_known(cell: str) -> None:
    assert is_shortened(cell)
    assert may_be_shortened(f"x,{cell},y")


@pytest.mark.parametrize(
    "cell",
    ["6200000000000001", "1E5", "6.2E15", "A8.80E+15", "R-1.5E+3", "", "8.80", "ROOM7E+1"],
)
def test_other_cells_are_not(cell: str) -> None:
    assert not is_shortened(cell)
