"""The payouts of a month in a real browser: seen, confirmed, and taken away as a file."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.alliance import WANG, Alliance
from support.api import good
from support.browsing import CHROMIUM, axe_violations, enter_as, picture, served, visit
from support.people import reader

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
]


@pytest.fixture
def page_of_payouts(alliance: Alliance) -> str:
    """PINE is due 298.20, and its account was changed after the approval."""
    operator, bank = alliance.operator, {"clearing_code": "102100099996", "country": "CN"}
    spent = good(operator.post("/v1/spends", {"card": WANG, "merchant": "PINE-1", "amount": 30_000}))
    hub = {
        "holder": "通兑清算有限公司",
        "account_number": "1001202009012345678",
        "bank_name": "中国工商银行",
        **bank,
    }
    good(operator.put("/v1/alliance/bank-account", hub))
    pine = hub | {"holder": "松竹商贸有限公司", "account_number": "6222020200112233445"}
    good(operator.put("/v1/participants/PINE/bank-account", pine))
    good(operator.post(f"/v1/periods/{spent['period']}/close", {"early": True}))
    good(operator.post(f"/v1/periods/{spent['period']}/approve"))
    good(operator.put("/v1/participants/PINE/bank-account", pine | {"account_number": "6222020200998877665"}))
    return f"/hub/periods/{spent['period']}/payment-file"


@pytest.mark.parametrize(("size", "language"), [("pc", "zh-CN"), ("phone", "en-GB")])
def test_the_file_is_taken_away_when_the_changed_account_was_looked_at(
    alliance: Alliance, page_of_payouts: str, chromium: Browser, tmp_path: Path, size: str, language: str
) -> None:
    operator = reader(alliance, "operator")
    with served(alliance.app) as site, visit(chromium, site, size, language, accept_downloads=True) as page:
        enter_as(page, site, operator)
        page.goto(page_of_payouts)
        assert axe_violations(page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        picture(page, "payouts", size, language[:2])
        page.check("input[name=seen]")
        with page.expect_download() as download:
            page.click("form .btn-primary")
        saved = tmp_path / "pay.xml"
        download.value.save_as(saved)
        assert "6222020200998877665" in saved.read_text()
