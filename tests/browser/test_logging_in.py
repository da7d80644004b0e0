"""Log-in and the frame of the pages in a real browser: by keyboard, with a second factor, on a telephone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from pyotp import TOTP

from clearing.core.commands import Scope
from support.alliance import WANG, Alliance
from support.api import good
from support.browsing import CHROMIUM, axe_violations, enter_as, picture, served, visit
from support.people import PASSWORD, ensure_people, make_user, reader

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def site(shared: Alliance) -> Iterator[str]:
    ensure_people(shared)
    with served(shared.app) as address:
        yield address


def test_logging_in_and_finding_a_card_takes_only_a_keyboard(
    site: str, shared: Alliance, chromium: Browser
) -> None:
    with visit(chromium, site, language="en-GB") as page:
        page.goto("/desk/")
        page.wait_for_selector("#field-name:focus")
        page.keyboard.type("desk")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#field-number:focus")
        page.keyboard.type(WANG)
        page.keyboard.press("Enter")
        page.wait_for_url("**/desk/?number=*")
        # Other tests on this alliance may have spent some of it.
        checked = good(shared.operator.get(f"/v1/cards/{WANG}?merchant=JADE-1"))
        usable = sum(one["available"] for one in checked["stored_value"] if one["usable_here"])
        assert usable > 0
        assert f"¥{usable / 100:,.2f}" in page.inner_text("main")
        # The first stop of the Tab key leads past the navigation.
        page.goto("/account/password")
        page.wait_for_load_state("networkidle")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#content"


def test_an_operator_enrols_a_second_factor_and_logs_in_with_it(
    site: str, shared: Alliance, chromium: Browser
) -> None:
    with shared.services.engine.begin() as connection:
        make_user(connection, "enrols", Scope.OPERATOR)
    with visit(chromium, site, language="en-GB") as page:
        page.goto("/login")
        page.fill("#field-name", "enrols")
        page.fill("#field-password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/account/second-factor*")
        assert page.is_visible(".qr svg")
        faults = axe_violations(page)
        picture(page, "operator", "enrolment")
        secret = page.inner_text(".secret").replace(" ", "")
        page.goto("/hub/")  # nothing else is open before
        assert "/account/second-factor" in page.url
        code = TOTP(secret).now()
        page.fill("#field-code", code)
        page.keyboard.press("Enter")
        page.wait_for_url("**/hub/")
        page.wait_for_load_state()
        page.click("text=Log out")
        page.wait_for_url("**/login")
        page.fill("#field-name", "enrols")
        page.fill("#field-password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/login/code*")
        faults += axe_violations(page)
        page.fill("#field-code", code)  # it was used before
        page.keyboard.press("Enter")
        page.wait_for_selector("#field-code-error")
        faults += axe_violations(page)
        assert faults == []


def test_the_menu_of_a_phone_opens_and_closes(site: str, shared: Alliance, chromium: Browser) -> None:
    with visit(chromium, site, "phone", "en-GB") as page:
        enter_as(page, site, reader(shared, "operator"))
        page.goto("/hub/")
        assert not page.is_visible("#menu")
        page.click("text=Menu")
        assert page.is_visible("#menu") and page.get_attribute(".frame-toggle", "aria-expanded") == "true"
        picture(page, "operator", "menu", "phone")
        faults = axe_violations(page)
        page.click("text=Months and statements")
        page.wait_for_url("**/finance/")
        assert faults == []
