"""Which lines of a CSV file are one row, and what one that cannot be read costs."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from tabular import rows
from tabular.rows import CHARACTERS_MAX, LINES_MAX, Record, read_records


def read(content: str) -> list[Record]:
    # As a file is read: a line ends at \n, \r or \r\n, and keeps its end.
    return list(read_records(io.TextIOWrapper(io.BytesIO(content.encode()), "utf-8", newline="")))


def cells(content: str) -> list[list[str] | None]:
    """The cells of each row; None for one that cannot be read."""
    return [None if record.fault else record.cells for record in read(content)]


def test_rows_are_those_of_the_csv_module() -> None:
    content = 'a,b,c\n\n1,"2,""3""",\r\n4,5" pipe, "6"\r"x\ny",,z\n,,\n'
    assert cells(content) == [row for row in csv.reader(io.StringIO(content, newline="")) if row]


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.lists(st.text('ab",\n\r 1', max_size=5), min_size=2, max_size=4), min_size=1, max_size=6))
def test_whatever_a_program_writes_as_csv_is_read_as_it_was(table: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(table)
    for written, record in zip(table, read(text.getvalue()), strict=True):
        if record.fault is None:
            assert record.cells == written
        else:  # a cell that holds what looks like a row
            assert "look like rows" in record.fault
            assert any("\n" in cell or "\r" in cell for cell in written)


@pytest.mark.parametrize(
    "stray",
    [
        '"X"y,M,100',
        'X,M,"100',
        '"X,M,100',
        'X,M,"100" ,',
        'X,"M"",100',
        "X,M," + "1" * 200_000,
        '"' + "1" * 200_000 + '",M,100',
        "X,M," + "1" * CHARACTERS_MAX,
    ],
)
@pytest.mark.parametrize("after", [0, 1, 700])
def test_a_row_that_cannot_be_read_costs_itself_alone(stray: str, after: int) -> None:
    good = [["A", "M", str(number)] for number in range(after)]
    content = "\n".join(["A,M,1", stray, *map(",".join, good)]) + "\n"
    first, refused, *others = read(content)
    assert first.cells == ["A", "M", "1"]
    assert (refused.line, refused.cells) == (2, [])
    assert refused.fault is not None
    assert "2" in refused.fault
    assert [record.cells for record in others] == good
    assert [record.line for record in others] == list(range(3, 3 + after))


def test_many_that_cannot_be_read_cost_themselves() -> None:
    content = "".join(f'A,M,{number}\nB,M,"{number}\n' for number in range(300))
    found = cells(content)
    assert found[::2] == [["A", "M", str(number)] for number in range(300)]
    assert found[1::2] == [None] * 300


def test_rows_between_two_stray_quotes_are_never_one_row() -> None:
    """Read as CSV, the reference of the first would hold the others, and 100 would be posted once."""
    [first, refused, last] = read('A,M,1,a\nA,M,100,"b\nB,M,200,c\nC,M,300,d"\nD,M,400,e\n')
    assert (first.cells[-1], last.cells[-1]) == ("a", "e")
    assert refused.text == 'A,M,100,"b\nB,M,200,c\nC,M,300,d"'
    assert refused.fault is not None
    assert "opened in line 2 is closed in line 4" in refused.fault


def test_a_cell_over_too_many_lines_is_a_quote_that_is_not_closed() -> None:
    def over(lines: int) -> list[list[str] | None]:
        return cells('"' + "\n".join("x" * lines) + '",b\nc,d\n')

    assert over(LINES_MAX) == [["\n".join("x" * LINES_MAX), "b"], ["c", "d"]]
    assert over(LINES_MAX + 1)[0] is None
    assert over(LINES_MAX + 1)[-1] == ["c", "d"]


def test_what_is_kept_of_a_row_that_is_too_long_is_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "CHARACTERS_MAX", 8)
    monkeypatch.setattr(rows, "CHARACTERS_KEPT", 3)
    [refused, other] = read("abcdefghijklmnopqrstuvwxyz0123456789\r\na,b\r\n")
    assert (refused.text, other.cells, other.line) == ("abc…", ["a", "b"], 2)
