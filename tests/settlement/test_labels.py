"""Every code that can stand on a statement has its words in every format, whoever adds the next one."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import openpyxl
import pytest
from pypdf import PdfReader

from clearing.core.journal import LegKind, Reason, TransactionKind
from settlement.core.liability import LegSum, roll_forward
from settlement.core.netting import PRINCIPAL
from settlement.core.statement import NOT_MOVED, CounterpartyRow, DetailLine, Direction, kinds_moved
from settlement.render import FORMATS, beancount
from settlement.render.labels import COLUMNS, DIRECTIONS, KINDS, REASONS, TRANSACTION_KINDS
from support.made_up import JADE, LINE, LOTUS, MadeUp, made_up


def labels(enumeration: type[LegKind] | type[TransactionKind] | type[Reason]) -> set[str]:
    return {one.label for one in enumeration}


#: Each enumeration that stands in a column of the detail, by the column.
ENUMERATIONS: dict[str, set[str]] = {
    "transaction_kind": labels(TransactionKind),
    "kind": labels(LegKind),
    "direction": {one.value for one in Direction},
    "reason": labels(Reason),
}


@pytest.fixture(scope="module")
def everything() -> MadeUp:
    """A line for every kind of everything, and a row of the matrix for every kind of leg."""
    codes = [(column, code) for column, known in ENUMERATIONS.items() for code in sorted(known)]
    lines = [_with(number, column, code) for number, (column, code) in enumerate(codes, 1)]
    matrix = [CounterpartyRow(LOTUS, kind, 1, 5, 5, 0, 0, 0) for kind in LegKind]
    return made_up(lines, matrix)


def _with(number: int, column: str, code: str) -> DetailLine:
    changed: dict[str, Any] = {"line": number, column: code}
    return LINE._replace(**changed)


@pytest.mark.parametrize(
    ("known", "named"),
    [
        (ENUMERATIONS["kind"], KINDS),
        (ENUMERATIONS["transaction_kind"], TRANSACTION_KINDS),
        (ENUMERATIONS["direction"], DIRECTIONS),
        (ENUMERATIONS["reason"], REASONS),
    ],
)
def test_every_member_has_a_label_and_no_label_is_of_none(known: set[str], named: Mapping[str, str]) -> None:
    assert set(named) == known
    assert len(set(named.values())) == len(named), "two that are called alike cannot be told apart"


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_can_be_made_with_every_member(everything: MadeUp, format_: str) -> None:
    assert everything.file(format_)


def test_the_document_names_every_kind(everything: MadeUp) -> None:
    pages = PdfReader(io.BytesIO(everything.file("pdf"))).pages
    text = "".join("".join(page.extract_text().split()) for page in pages)
    assert [code for code in KINDS if f"{KINDS[code]}{code}" not in text] == []


def test_the_workbook_names_every_member(everything: MadeUp) -> None:
    book = openpyxl.load_workbook(io.BytesIO(everything.file("xlsx")))
    cells = {str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row}
    wanted = {f"{code} {label}" for named in COLUMNS.values() for code, label in named.items()}
    assert wanted - cells == set()
    matrix = {str(row[1].value) for row in book["Matrix"].iter_rows(min_row=2)}
    assert {f"{code} {label}" for code, label in KINDS.items()} <= matrix


def test_files_for_programs_keep_the_codes_of_the_contract(everything: MadeUp) -> None:
    rows = list(csv.DictReader(io.StringIO(everything.file("csv").decode("utf-8-sig"))))
    lines = json.loads(everything.file("json"))["detail"]
    for column, known in ENUMERATIONS.items():
        assert {row[column] for row in rows} == known
        assert {line[column] for line in lines} == known


def test_a_code_newer_than_the_labels_is_shown_as_it_is() -> None:
    """A document is not withheld for a word."""
    new = made_up([LINE._replace(kind="gift", transaction_kind="gift", reason="gifted")])
    page = PdfReader(io.BytesIO(new.file("pdf"))).pages[-1].extract_text()
    assert "gift" in page
    assert b"PK" in new.file("xlsx")


def test_the_books_have_an_account_for_every_kind_that_is_owed_for() -> None:
    assert set(beancount._EARNED) == set(beancount._COST) == PRINCIPAL


@pytest.mark.parametrize("kind", LegKind)
def test_every_kind_of_leg_rolls_the_liability_forward_or_is_known_not_to(kind: LegKind) -> None:
    roll_forward([JADE], {}, [LegSum(JADE, JADE, kind, 1, 5, 5), LegSum(JADE, JADE, kind, 1, 0, 5)], {})
    parts = ("issued", "opened", "used", "expired", "adjusted")
    moved = {
        part
        for part in parts
        for points in (True, False)
        if kind.label in kinds_moved(part, in_points=points)
    }
    assert len(moved) == (kind.label not in NOT_MOVED)


def test_every_column_of_codes_is_named_in_the_workbook() -> None:
    assert set(COLUMNS) == set(ENUMERATIONS) <= set(DetailLine._fields)
