"""Finance in a real browser: last month is found, a total followed to its line, the line disputed, and the
workbook downloaded. Skipped where there is no Chromium (Debian: `apt-get install chromium`).
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, expect

from support.alliance import Alliance, found_alliance, opened_alliance
from support.browsing import CHROMIUM, launched, log_in, served, visit
from support.databases import Databases
from support.disputes import Closed
from support.people import ensure_people

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
]

#: What is said in each language.
SAID = {
    "en": ("Payable", "Total of all 2 lines", "Dispute", "Look at it before it is sent", "Open the dispute",
           "The dispute is open.", "Withdraw", "Withdraw the dispute", "withdrawn"),
    "zh-CN": ("应付", "全部 2 行合计", "争议", "下一步：核对", "提出争议",
              "争议已提出", "撤回", "撤回争议", "已撤回"),
}  # fmt: skip


@pytest.fixture(scope="module")
def alliance(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alliance]:
    folder = tmp_path_factory.mktemp("alliance")
    with databases.fresh() as url:
        found_alliance(url, folder)
        with opened_alliance(url, folder) as opened:
            yield opened


@pytest.fixture(scope="module")
def closed(alliance: Alliance) -> Closed:
    ensure_people(alliance)
    return Closed(alliance)


@pytest.fixture(scope="module")
def site(closed: Closed) -> Iterator[str]:
    with served(closed.alliance.app) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.mark.parametrize(("language", "size"), [("zh-CN", "pc"), ("en", "phone")])
def test_a_total_is_followed_to_its_line_which_is_disputed(
    site: str, closed: Closed, chromium: Browser, language: str, size: str
) -> None:
    payable, total, dispute, look, send, is_open, withdraw, withdraw_it, withdrawn = SAID[language]
    with visit(chromium, site, size=size, language=language) as page:
        log_in(page, "finance")
        page.goto("/finance/")
        page.click(f"tbody a[href='/finance/statements/{closed.statement('JADE')}']")
        figure = page.get_by_role("row", name=payable).locator("a.figure-link").first
        fen = figure.inner_text().strip("−¥").replace(",", "").replace(".", "")
        figure.click()
        expect(page.locator("tfoot")).to_contain_text(total)
        foot = page.locator("tfoot tr").first.inner_text().replace(",", "").replace(".", "")
        assert f"¥{fen}" in foot
        with page.expect_navigation():
            page.locator("tbody tr", has_text="POS-1").get_by_role("link", name=dispute).click()
        page.select_option("#field-reason", "duplicate")
        page.fill("#field-text", "Same bill")
        page.click(f"main button:has-text('{look}')")
        expect(page.locator("main")).to_contain_text("¥25.00")
        page.click(f"main button:has-text('{send}')")
        expect(page.locator("#messages")).to_contain_text(is_open)
        page.click(f"summary:text-is('{withdraw}')")
        page.click(f"main button:has-text('{withdraw_it}')")
        expect(page.locator("main .badge").first).to_have_text(withdrawn)


def test_the_workbook_comes_and_flows_are_drawn(site: str, closed: Closed, chromium: Browser) -> None:
    with visit(chromium, site) as page:
        log_in(page, "finance")
        page.goto(f"/finance/statements/{closed.statement('JADE')}")
        with page.expect_download() as waited:
            page.click(".files a:has-text('XLSX')")
        book = load_workbook(BytesIO(Path(waited.value.path()).read_bytes()))
        assert {"Summary", "Detail"} <= set(book.sheetnames)
        # ECharts is loaded where it is needed only, and draws something.
        assert page.evaluate("typeof echarts") == "undefined"
        page.goto(f"/finance/flows?period={closed.period}")
        canvas = page.locator("#flows canvas").first
        expect(canvas).to_be_visible()
        drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(value => value)"
        assert canvas.evaluate(drawn)
