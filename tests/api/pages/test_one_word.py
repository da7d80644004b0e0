"""One word, one figure: what is called alike on a statement is the same amount, in all formats."""

import io
import re
from collections import defaultdict
from typing import Any
from unicodedata import normalize

import openpyxl
import pytest
from lxml import html
from pypdf import PdfReader

from settlement.present import statement_json
from settlement.query import read_statement
from support.alliance import Alliance
from support.api import good
from support.disputes import Closed
from support.people import reader

#: Fen, or points and counts, without a sign: some formats show what enters a sum with the sign it has there.
Figures = dict[str, set[int]]


class Second(Closed):
    """A second period, of which every part of JADE's statement is something: after its first net was paid in
    part and carried forward, exchanges both ways, and adjustments both ways.
    """

    def __init__(self, alliance: Alliance) -> None:
        super().__init__(alliance)
        first = f"/v1/settlements/{self.period}"
        good(self.operator.post(f"/v1/periods/{self.period}/approve"))
        paid = {
            "participant": "JADE",
            "direction": "in",
            "amount": 10_000,
            "bank_reference": "b",
            "paid_at": PAID,
        }
        good(self.operator.post(f"{first}/payments", paid))
        good(self.operator.post(f"{first}/JADE/carry-forward", {"reason": "agreed"}))
        self._post("spends", "PINE-1", amount=10_007)
        self._post("loads", "LOTUS-1", amount=3_000, issuer="JADE")
        self._post("redemptions", "PINE-1", points=123)
        visitor = {"card": "62000003", "merchant": "JADE-1", "amount": 20_000}
        good(self.operator.post("/v1/accruals", visitor))
        second = alliance.key("operator")
        for debtor, creditor, amount in (("JADE", "PINE", 12_345), ("PINE", "JADE", 777)):
            body = {"kind": "money", "reason": "x", "debtor": debtor, "creditor": creditor, "amount": amount}
            made = good(self.operator.post("/v1/adjustments", body))
            good(second.post(f"/v1/adjustments/{made['id']}/approve"))
        self.period = self.open_period()
        self.close(self.period)


PAID = "2026-11-20T10:00:00+08:00"


@pytest.fixture
def second(alliance: Alliance) -> Second:
    return Second(alliance)


def test_what_is_called_alike_is_the_same_in_all_formats(second: Second) -> None:
    id_ = second.statement("JADE")
    with second.alliance.services.engine.connect() as connection:
        header = read_statement(connection, id_)
    assert header is not None
    stated = statement_json(header)
    parts = ("receivable", "payable", "fees", "adjustments", "carried_forward", "opening_balance", "payments")
    assert all(stated[name] for name in parts), "a part that is nothing shows nothing"
    assert stated["receivable"] != stated["receivable"] + stated["adjustments"]

    finance = second.alliance.finance("JADE")
    workbook = in_workbook(finance.get(f"/v1/statements/{id_}.xlsx").get_data())
    english, chinese = (
        on_page(reader(second.alliance, "finance", language).get(f"/finance/statements/{id_}").text)
        for language in ("en", "zh")
    )
    by_english = {english_of(name): figures for name, figures in workbook.items()}
    by_chinese = {chinese_of(name): figures for name, figures in workbook.items()}
    for found in (workbook, english, chinese, by_english, by_chinese):
        assert {name: figures for name, figures in found.items() if len(figures) > 1} == {}
    for page, sheet in ((english, by_english), (chinese, by_chinese)):
        shared = page.keys() & sheet.keys()
        assert {name for name in shared if page[name] != sheet[name]} == set()
        assert len(shared) > 30, sorted(shared)

    text = tight("".join(page.extract_text() for page in PdfReader(io.BytesIO(
        finance.get(f"/v1/statements/{id_}.pdf").get_data())).pages))  # fmt: skip
    for name, field in STATED.items():
        [fen] = workbook[name]
        assert fen == abs(stated[field]), name
        assert english[english_of(name)] == {fen} == chinese[chinese_of(name)]
        printed = f"{tight(chinese_of(name))}{tight(english_of(name))}[+-]?{fen // 100:,}.{fen % 100:02}"
        assert re.search(printed.replace("(", r"\(").replace(")", r"\)"), text), printed
    for name in workbook:
        if name.startswith(("Receivable", "Payable", "Points with", "Value with", "Fees")):
            assert tight(english_of(name)) in text and tight(chinese_of(name)) in text, name


#: Each figure of the head that every format shows, by its name in the workbook.
STATED = {
    "Receivable from exchanges 交换应收": "receivable",
    "Payable for exchanges 交换应付": "payable",
    "Fees, VAT included 服务费(含税)": "fees",
    "Adjustments 调整": "adjustments",
    "Rebates 返还": "rebates",
    "Carried forward 结转": "carried_forward",
    "Net 净额": "net",
    "Opening balance 期初未结": "opening_balance",
    "Payments since 期间付款": "payments",
    "Net of this period 本期净额": "net",
    "Less carried forward in it 减:已含结转": "carried_forward",
    "Closing balance 期末未结": "closing_balance",
    "Fees less rebates 服务费减返还": "fees_less_rebates",
    "of which without VAT 其中不含税": "fees_net",
}


def test_receivable_with_adjustments_has_another_name_than_without(second: Second) -> None:
    shown = on_page(
        reader(second.alliance, "finance").get(f"/finance/statements/{second.statement('JADE')}").text
    )
    assert shown["Receivable from exchanges"] == {3_000}
    assert shown["Receivable in all"] == {3_777}
    assert shown["Payable for exchanges"] != shown["Payable in all"]
    assert "Receivable" not in shown and "Payable" not in shown and "Fees" not in shown


@pytest.mark.parametrize("path", ["/finance/?participant=JADE", "/finance/?period={}", "/hub/periods/{}"])
def test_nets_are_shown_with_all_that_they_are_made_of(second: Second, path: str) -> None:
    """Each row adds up to its net from what stands in it."""
    name = "operator" if path.startswith("/hub") else "auditor"
    shown = reader(second.alliance, name).get(path.format(second.period)).text
    table = next(one for one in html.fromstring(shown).iter("table") if "Net" in headings(one))
    rows = 0
    for row in table.findall("tbody/tr"):
        found = dict(zip(headings(table), map(text_of, row), strict=False))
        if not found.get("Receivable from exchanges") or "Net" not in found:
            continue  # the hub's, which has none
        fees = fen(found.get("Fees less rebates") or found["Fees, VAT included"])
        given_back = 0 if "Fees less rebates" in found else fen(found["Rebates"])
        made = (
            fen(found["Receivable from exchanges"]) - fen(found["Payable for exchanges"]) - fees + given_back
            + fen(found["Adjustments"]) + fen(found["Carried forward"])
        )  # fmt: skip
        assert made == fen(re.match(r"\S+", found["Net"])[0]), found  # type: ignore[index]
        rows += 1
    assert rows >= 2


# ---- reading what is shown ----------------------------------------------------------------------


def on_page(text: str) -> Figures:
    """Rows of sums by their headings, totals of tables by those of their columns."""
    found: Figures = defaultdict(set)
    for table in html.fromstring(text).iter("table"):
        names = headings(table)
        if "sums" in (table.get("class") or ""):
            for row in table.iter("tr"):
                if row.find("td") is not None:
                    found[text_of(row[0])].add(number(text_of(row[1])))
        elif (foot := table.find("tfoot/tr")) is not None:
            figures = [text_of(cell) for cell in foot]
            for name, figure in zip(names[-len(figures) + 1 :], figures[1:], strict=True):
                found[name].add(number(figure))
        elif table.get("id") == "owed" or table.xpath("ancestor::*[@id='owed']"):
            for row in table.iter("tr"):
                for name, cell in zip(names[1:], row.findall("td"), strict=False):
                    if shown := re.match(r"[−¥\d.,]+", text_of(cell)):
                        found[f"{text_of(row[0])} / {name}"].add(number(shown[0]))
    return found


def in_workbook(content: bytes) -> Figures:
    """The same of the sheets, by English and Chinese together."""
    found: Figures = defaultdict(set)
    book: Any = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    amounts = False
    for row in book["Summary"].iter_rows(values_only=True):
        amounts = amounts or str(row[0]).startswith("Amounts")
        if amounts and isinstance(row[1], int | float):
            found[plain(row[0])] |= {cents(value) for value in row[1:] if value is not None}
    for sheet in ("Matrix", "Merchants"):
        names, *_, total = book[sheet].iter_rows(values_only=True)
        for name, value in list(zip(names, total, strict=True))[2:]:
            counted = any(word in name for word in ("Points", "With others", "Lines", "exchanges"))
            found[plain(name)].add(int(value) if counted else cents(value))
    columns = [str(cell.value) for cell in book["Points"][1]]
    for row in book["Points"].iter_rows(min_row=2, max_row=10, values_only=True):
        for column in (1, 2):
            if isinstance(row[column], int | float):
                value = int(row[1]) if column == 1 else cents(row[2])
                found[f"{plain(row[0])} / {plain(columns[column])}"].add(abs(value))
    return found


def headings(table: html.HtmlElement) -> list[str]:
    return [text_of(cell) for cell in table.findall("thead/tr/th")]


def text_of(cell: html.HtmlElement) -> str:
    return plain(" ".join(cell.itertext()))


def plain(text: object) -> str:
    return " ".join(normalize("NFKC", str(text)).split())


def tight(text: str) -> str:
    return "".join(normalize("NFKC", text).split()).replace("\u200b", "")


def english_of(name: str) -> str:
    return " / ".join(" ".join(re.findall(r"[!-~]*[A-Za-z][!-~]*", part)) for part in name.split(" / "))


def chinese_of(name: str) -> str:
    parts = (" ".join(word for word in part.split() if not word.isascii()) for part in name.split(" / "))
    return " / ".join(parts)


def fen(text: str) -> int:
    """`−¥1,234.50` → -123450"""
    digits = int(re.sub(r"\D", "", text))
    return -digits if "−" in text else digits


def number(text: str) -> int:
    return abs(fen(text))


def cents(value: float) -> int:
    return abs(round(value * 100))
