"""Books in the language of Beancount: what they say, and what they refuse to say."""

from datetime import date

import pytest
from beancount import loader

from settlement.core.books import POINTS, Books, Posting, Unbalanced, account_names, quoted

DAY = date(2026, 11, 30)


def faults(text: str) -> list[str]:
    _, errors, _ = loader.load_string(text)
    return [error.message for error in errors]


def test_a_transaction_and_the_balance_it_leaves() -> None:
    books = Books("Jade", date(2026, 11, 1))
    books.book(DAY, "Fees", [Posting("Expenses:Fees", 105), Posting("Assets:Clearing", -105)])
    books.book(
        DAY, "Points", [Posting("Liabilities:Points", -7, POINTS), Posting("Equity:Points", 7, POINTS)]
    )
    books.check(date(2026, 12, 1), Posting("Assets:Clearing", -105))
    assert "2026-11-01 open Expenses:Fees CNY" in books.text()
    assert "  Expenses:Fees  1.05 CNY" in books.text()
    assert faults(books.text()) == []


def test_the_text_of_a_file() -> None:
    books = Books('Jade "JADE"', date(2026, 11, 1))
    books.note("Statement 2026-11\nof JADE")
    books.book(DAY, "Fees", [Posting("Expenses:Fees", 105), Posting("Assets:Clearing", -105)])
    books.book(
        DAY, "Points", [Posting("Liabilities:Points", -7, POINTS), Posting("Equity:Points", 7, POINTS)]
    )
    books.check(date(2026, 12, 1), Posting("Assets:Clearing", -105))
    books.check(date(2026, 12, 1), Posting("Assets:Bank", 0))
    assert books.text().splitlines() == [
        'option "title" "Jade \\"JADE\\""',
        'option "operating_currency" "CNY"',
        "2026-11-01 commodity CNY",
        "2026-11-01 commodity POINTS",
        "",
        "2026-11-01 open Assets:Bank CNY",
        "2026-11-01 open Assets:Clearing CNY",
        "2026-11-01 open Equity:Points POINTS",
        "2026-11-01 open Expenses:Fees CNY",
        "2026-11-01 open Liabilities:Points POINTS",
        "",
        "; Statement 2026-11",
        "; of JADE",
        "",
        '2026-11-30 * "Fees"',
        "  Expenses:Fees  1.05 CNY",
        "  Assets:Clearing  -1.05 CNY",
        "",
        '2026-11-30 * "Points"',
        "  Liabilities:Points  -7 POINTS",
        "  Equity:Points  7 POINTS",
        "",
        "2026-12-01 balance Assets:Clearing  -1.05 ~ 0 CNY",
        "",
        "2026-12-01 balance Assets:Bank  0.00 ~ 0 CNY",
    ]
    assert faults(books.text()) == []


@pytest.mark.parametrize("fen", [-104, -106, 0])
def test_a_balance_that_is_one_fen_off_is_found(fen: int) -> None:
    books = Books("Jade", date(2026, 11, 1))
    books.book(DAY, "Fees", [Posting("Expenses:Fees", 105), Posting("Assets:Clearing", -105)])
    books.check(date(2026, 12, 1), Posting("Assets:Clearing", fen))
    assert len(faults(books.text())) == 1


def test_what_does_not_add_up_is_not_booked() -> None:
    books = Books("Jade", DAY)
    with pytest.raises(Unbalanced, match=r"^x: \{'CNY': 1, 'POINTS': -1\}$"):
        books.book(DAY, "x", [Posting("Assets:A", 1), Posting("Assets:B", -1, POINTS)])
    with pytest.raises(ValueError, match="two commodities"):
        books.book(DAY, "x", [Posting("Assets:A", 1), Posting("Assets:A", -1), Posting("Assets:A", 0, POINTS),
                              Posting("Assets:A", 2, POINTS), Posting("Assets:B", -2, POINTS)])  # fmt: skip


def test_nothing_is_not_booked_at_all() -> None:
    books = Books("Jade", DAY)
    books.book(DAY, "nothing", [Posting("Assets:A", 0), Posting("Assets:B", 0)])
    assert "nothing" not in books.text()


@pytest.mark.parametrize("text", ['a"b', "back\\slash", 'end\\"', "two\nlines", "\u202eabc 😀", "x" * 5_000])
def test_any_text_can_be_told(text: str) -> None:
    books = Books(text, DAY)
    books.book(DAY, text, [Posting("Assets:A", 1), Posting("Assets:B", -1)])
    assert faults(books.text()) == []
    assert "\n" not in quoted(text)


def test_what_would_end_a_string_or_a_line_is_written_otherwise() -> None:
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c d"'


def test_every_code_becomes_a_name_of_its_own() -> None:
    codes = {
        1: "JADE",
        2: "a_b",
        3: "A-b",
        4: "9_x",
        5: "a-b",
        6: "jade",
        7: "JADE-6",
        8: "spa_x",
        9: "spa-x",
    }
    names = account_names(codes)
    assert names == {
        1: "JADE",
        2: "A-b-2",
        3: "A-b",
        4: "9-x",
        5: "A-b-5",
        6: "Jade",
        7: "JADE-6",
        8: "Spa-x",
        9: "Spa-x-9",
    }
    books = Books("names", DAY)
    for name in names.values():
        books.book(DAY, name, [Posting(f"Assets:{name}", 1), Posting("Equity:Other", -1)])
    assert faults(books.text()) == []
