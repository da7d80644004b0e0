"""CSV for spreadsheets and programs."""

import csv

from tabular.writing import csv_lines


def test_a_file_is_marked_once_and_comes_row_by_row() -> None:
    pieces = list(csv_lines([["name", "note"], ["王", 'a "b"\nc,d'], ["=1+1", ""]]))
    assert len(pieces) == 3
    assert pieces[0] == "\ufeffname,note\r\n"
    content = "".join(pieces).encode()
    rows = list(csv.reader(content.decode("utf-8-sig").splitlines(keepends=True)))
    assert rows == [["name", "note"], ["王", 'a "b"\nc,d'], ["'=1+1", ""]]
