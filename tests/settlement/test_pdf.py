"""The document: its totals, its parties, its pages, and texts that try to be more than texts."""

import io
from collections.abc import Iterator

import pytest
from pypdf import PdfReader
from sqlalchemy import Engine, update

from clearing.tables import merchants, participants, rulebooks
from settlement.close import close_and_check
from settlement.core.balance import PaymentDirection
from settlement.judging import NewPayment
from settlement.life import check_and_approve
from settlement.payments import carry_forward, record_payment
from settlement.query import list_statements
from settlement.render import pdf, render
from settlement.render.printed import bounded, money, plain, signed
from settlement.statement import open_statement
from support.ledger import Ledger, shanghai

NOVEMBER, DECEMBER = 202611, 202612


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        ledger.worked_example()
        yield ledger


def close(engine: Engine, number: int = NOVEMBER) -> None:
    year, month = divmod(number, 100)
    ends = f"{year + month // 12}-{month % 12 + 1:02}-01 00:10:01.123456"
    close_and_check(engine, number, at=shanghai(ends), closed_by="tests")


def document(engine: Engine, code: str, number: int = NOVEMBER) -> PdfReader:
    """The statement of a period, which is closed if it is still open."""
    close(engine, number)
    with engine.begin() as connection:
        [header] = [one for one in list_statements(connection, number) if one.participant_code == code]
        statement = open_statement(connection, header.id)
        assert statement is not None
        out = io.BytesIO()
        render(connection, statement, {"pdf": out})
    return PdfReader(out)


def pages(engine: Engine, code: str = "LOTUS", number: int = NOVEMBER) -> list[str]:
    """The text of each page, spaces and zero-width spaces taken out."""
    found = document(engine, code, number)
    assert all(abs(float(page.mediabox.width) * float(page.mediabox.height) - 501_163) < 2_000
               for page in found.pages), "A4"  # fmt: skip
    return ["".join(page.extract_text().split()).replace("\u200b", "") for page in found.pages]


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
        "期末负债Owedattheend",
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


def test_without_business_there_are_totals_all_the_same(engine: Engine) -> None:
    with Ledger(engine) as ledger:
        ledger.book(ledger.opens(ledger.enrol("JADE"), "JADE", 1, "2027-01-01"))
        matrix = pages(engine, "PINE")[0].partition("FeesPoints")[0].partition("Matrixbycounterparty")[2]
    assert matrix.partition("“应收")[0].endswith("合计Total00" + "0.00" * 4)


def test_the_account_adds_up_as_it_is_printed(ledger: Ledger, engine: Engine) -> None:
    """What was carried forward is in the net, and was open before: it must not count twice."""
    close(engine)
    check_and_approve(engine, NOVEMBER, "bert")
    jade = ledger.participant_ids["JADE"]
    with engine.begin() as connection:
        record_payment(connection, NOVEMBER, NewPayment(jade, PaymentDirection.IN, 20_000, "a"), "carla")
        carry_forward(connection, NOVEMBER, jade, "agreed", "carla")
    first = pages(engine, "JADE", DECEMBER)[0]
    for text in (
        "期初未结Openingbalance-325.00",
        "期间付款Paymentssince+200.00",
        "本期净额Netofthisperiod-125.00",
        "减：已含结转Lesscarriedforwardinit+125.00",
        "期末未结Closingbalance-125.00",
        "2026-12-01–2026-12-31",
    ):
        assert text in first, text


def test_a_line_says_that_it_belongs_to_a_period_before(ledger: Ledger, engine: Engine) -> None:
    close(engine)
    ledger.book(ledger.pays_cash("JADE-1001", "LOTUS", 100))  # its time is still in November
    [detail] = pages(engine, number=DECEMBER)[1:]
    assert "到访visit前期" in detail


def test_the_detail_ends_with_what_the_summary_says(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "合计Total25.007.30" in pages(engine)[-1]
    monkeypatch.setattr(pdf, "LINES_MAX", 3)
    assert "合计" not in pages(engine)[-1].partition("交易明细")[2], "some lines are not there"


def test_long_codes_leave_the_other_columns_their_place(ledger: Ledger, engine: Engine) -> None:
    """Beside large figures such a code once left one letter's width for the kind."""
    ledger.book(ledger.pays_cash("JADE-1001", "LOTUS", 98_765_432_100))
    long = (
        update(merchants).where(merchants.c.code == "LOTUS-1").values(code="LOTUS-RESORT-AND-SPA-WESTLAKE-01")
    )
    with engine.begin() as connection:
        connection.execute(long)
    text = "\n".join(page.extract_text() for page in document(engine, "LOTUS").pages[:2])
    rows = text.partition("Own merchants")[2].splitlines()
    assert any("兑换 redemption" in row for row in rows), rows


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
