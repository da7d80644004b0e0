"""The document: its totals, its parties, its pages, and texts that try to be more than texts."""

import io
from collections.abc import Iterator

import pytest
from pypdf import PdfReader
from sqlalchemy import Engine, update

from clearing.tables import participants, rulebooks
from settlement.close import close_period
from settlement.query import list_statements
from settlement.render import pdf, render
from settlement.render.printed import bounded, money, plain, signed
from settlement.statement import open_statement
from support.ledger import Ledger, shanghai

NOVEMBER = 202611


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        ledger.worked_example()
        yield ledger


def pages(engine: Engine, code: str = "LOTUS") -> list[str]:
    """The text of each page, spaces and zero-width spaces taken out."""
    with engine.begin() as connection:
        close_period(connection, NOVEMBER, at=shanghai("2026-12-01 00:10:01.123456"), closed_by="tests")
        [header] = [one for one in list_statements(connection) if one.participant_code == code]
        statement = open_statement(connection, header.id)
        assert statement is not None
        out = io.BytesIO()
        render(connection, statement, {"pdf": out})
    document = PdfReader(out)
    assert all(abs(float(page.mediabox.width) * float(page.mediabox.height) - 501_163) < 2_000
               for page in document.pages), "A4"  # fmt: skip
    return ["".join(page.extract_text().split()).replace("\u200b", "") for page in document.pages]


def test_it_says_who_owes_what_and_until_when(ledger: Ledger, engine: Engine) -> None:
    first = pages(engine)[0]
    for text in (
        "对账单", "Statement", "2026-11-LOTUS-1", "平台方应付贵方", "Thehubpaysyou", "¥17.70", "2026-12-11",
        "+25.00", "-7.30", "Receivable", "服务费", "6.89", "0.41", "680.00", "JADE", "2,500",
    ):  # fmt: skip
        assert text in first, text


def test_the_other_side_of_a_pair_is_asked_for_the_same(ledger: Ledger, engine: Engine) -> None:
    of_jade = pages(engine, "JADE")[0]
    assert "贵方应付平台方" in of_jade
    assert "¥325.00" in of_jade
    assert "25.00" in of_jade
    assert "300.00" in of_jade


def test_every_page_has_its_number_the_statements_and_the_hash(ledger: Ledger, engine: Engine) -> None:
    found = pages(engine)
    assert len(found) >= 2
    for number, page in enumerate(found, 1):
        assert f"第{number}页/共{len(found)}页Page{number}of{len(found)}" in page
        assert "2026-11-LOTUS-1SHA-256" in page


def test_points_and_lines_are_told(ledger: Ledger, engine: Engine) -> None:
    everything = "".join(pages(engine))
    for text in (
        "期末余额Closing",
        "680",
        "2028-11",
        "会员负债",
        "Breakagetodate",
        "共5行。5lines.",
        "POS-1",
    ):
        assert text in everything, text


def test_beyond_a_thousand_lines_it_says_where_the_rest_is(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "LINES_MAX", 3)
    everything = "".join(pages(engine))
    assert "Thefirst3of5lines;allareinthexlsxandcsvfiles" in everything
    assert "发放issue" not in everything.partition("交易明细")[2]


HOSTILE = [
    '#panic("x") $1+1$ *b* _i_ <l> @r `r` = h \\ // c /* c */ #let x = 1',
    '"], "net": {"total": "9.99"}, "x": ["',
    "x" * 200,
    "\u202egnp.exe عربى עברית",
    "😀🏨 莲花酒店 龘靐齉",
    "=HYPERLINK(1)",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_never_more_than_a_name(ledger: Ledger, engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(participants).values(registered_name=name, address=name * 2, tax_number=name[:40])
        )
        connection.execute(
            update(rulebooks).values(hub_name=name, hub_address=name, hub_tax_number=name[:40])
        )
    ledger.book(ledger.pays_cash("JADE-1001", "LOTUS", 100, reference=name[:100]))
    everything = "".join(pages(engine))
    assert "¥17.69" in everything
    if name.isascii():
        assert "".join(name.split()) in everything


def test_counterparties_without_a_bar_share_the_last(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "BARS_MAX", 1)
    assert "其他2家Others" in pages(engine, "JADE")[0]


def test_values_on_paper() -> None:
    assert [money(fen) for fen in (0, 5, -5, 123_456_789, -100)] == [
        "0.00",
        "0.05",
        "-0.05",
        "1,234,567.89",
        "-1.00",
    ]
    assert [signed(fen) for fen in (1, 0, -1)] == ["+0.01", "0.00", "-0.01"]
    assert bounded("abcdef", 4) == "abc…"
    assert bounded("\u202eabcd", 4) == "abcd"
    assert plain("a" * 30).replace("\u200b", "") == "a" * 30
    assert "\u200b" in plain("a" * 30)
