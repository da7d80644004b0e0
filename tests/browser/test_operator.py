"""An operator's journey in a real browser: admit, price, close, and approve by another."""

import pytest
from playwright.sync_api import Browser

from clearing.core.commands import Scope
from support.alliance import WANG, Alliance
from support.api import good
from support.browsing import CHROMIUM, axe_violations, enter_as, served, visit
from support.disputes import Closed
from support.people import ensure_people, make_user, reader, second_reader

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
]


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_an_operator_admits_prices_closes_and_approves(
    alliance: Alliance, chromium: Browser, locale: str
) -> None:
    """A participant with a merchant, a user and a key; a fee rule after its preview; a month, by two."""
    Closed(alliance)
    good(alliance.operator.put("/v1/alliance", {"dual_control": True}))
    ensure_people(alliance)
    with alliance.services.engine.begin() as connection:
        make_user(connection, "second", Scope.OPERATOR)
    with served(alliance.app) as site:
        faults = []
        primary = "main .btn-primary"
        with visit(chromium, site, language=locale) as page:
            enter_as(page, site, reader(alliance, "operator"))
            page.goto("/hub/participants")
            page.click(primary)
            page.fill("#field-code", "CEDAR")
            page.fill("#field-name", "Cedar Inns")
            page.fill("#field-net_debit_cap", "5,000.00")
            page.click(primary)
            page.wait_for_url("**/hub/participants/CEDAR")
            page.click(primary)
            page.fill("#field-code", "CEDAR-1")
            page.fill("#field-name", "Cedar Lake")
            page.fill("#field-benefits", "Gold: Late check-out")
            page.click(primary)
            page.wait_for_url("**/hub/participants/CEDAR")
            assert "Late check-out" in page.inner_text("main")
            page.goto("/hub/keys/new?merchant=CEDAR-1")
            page.click(primary)
            key = page.inner_text("#secret")
            assert alliance.caller(key).get(f"/v1/cards/{WANG}?merchant=CEDAR-1").status_code == 200
            faults += axe_violations(page)
            page.goto("/users/new")
            page.fill("#field-name", "cedar.desk")
            page.fill("#field-full_name", "Cedar Desk")
            page.select_option("#field-scope", "merchant")
            page.select_option("#field-merchant", "CEDAR-1")
            page.click(primary)
            assert page.is_visible(".secret")
            page.goto("/hub/fees/new")
            page.select_option("#field-acceptor", "LOTUS")
            page.fill("#field-rate", "4")
            page.click(primary)
            assert "+¥0.50" in page.inner_text("#simulation")
            faults += axe_violations(page)
            page.click(primary)
            page.wait_for_url("**/hub/fees")
            assert "4%" in page.inner_text("tbody tr:first-child")
            good(
                alliance.operator.post(
                    "/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 100}
                )
            )
            page.goto("/hub/periods")
            page.click("tbody tr:first-child a")
            path = page.url
            page.click("main .frame-actions .btn")
            faults += axe_violations(page)
            page.click("main form.card .btn-danger")
            page.wait_for_url(path)
            assert page.locator("main details.ask").count() == 0  # by another one only
            enter_as(page, site, second_reader(alliance, "second"))
            page.goto(path)
            page.click("main details.ask summary")
            page.click("main details.ask .btn-primary")
            page.wait_for_load_state()
            assert page.locator(".alert-success").count() == 1
            faults += axe_violations(page)
        assert faults == [], "\n".join(faults)
