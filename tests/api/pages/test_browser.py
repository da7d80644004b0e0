"""The pages in a real browser: nothing from elsewhere, nothing that axe finds, and pictures to look at.

Needs Chromium (Debian: `apt-get install chromium`); without one these tests are skipped, and say so. Every
page whose address has no part to fill in is visited by itself; others are named in `EXAMPLES`. Pictures are
left in `screenshots/`: each page at both sizes, in both languages and schemes, in four of the eight ways
(`support.browsing.looks`).
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request
from pyotp import TOTP

from clearing.core.commands import Scope
from support.alliance import WANG, Alliance
from support.api import good
from support.browsing import CHROMIUM, SIZES, axe_violations, launched, looks, served
from support.disputes import Closed
from support.people import PASSWORD, PEOPLE, ensure_people, make_user, reader

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
]

PICTURES = Path(__file__).parents[3] / "screenshots"

#: By endpoint: addresses that show what a bare one does not, and those of pages with parts to fill in.
EXAMPLES = {
    "desk.card": ["/desk/", f"/desk/?number={WANG}&merchant=JADE-1"],
    # The desk's own browser tests go through these, on transactions and holds that they make.
    "desk.ask": [f"/desk/acts/redemption?card={WANG}&merchant=JADE-1&points=40"],
    "desk.transaction": [],
    "desk.ask_undo": [],
    "desk.hold": [],
    "desk.ask_capture": [],
    "desk.ask_release": [],
    "people.user": ["/users/desk"],
    # Those of things that have to be made first are visited by test_hub_browser.py.
    "hub.participant": ["/hub/participants/JADE"],
    "hub.edit_participant": ["/hub/participants/JADE/edit"],
    "hub.new_merchant": ["/hub/participants/JADE/merchants/new"],
    "hub.edit_merchant": ["/hub/participants/JADE/merchants/JADE-1"],
    "hub.new_adjustment": ["/hub/adjustments/new/points", "/hub/adjustments/new/money"],
    "hub.ask_rotation": [],
    "hub.period": [],
    "hub.ask_close": [],
    "hub.adjustment": [],
    "hub.dispute": [],
    "hub.import_": [],
    "hub.refused_rows": [],  # a file
    "people.audit": ["/users/audit-log", "/users/audit-log?who=user:nobody"],
    "finance.download": [],  # a file
    "finance.statement": ["/finance/statements/{statement}"],
    "finance.lines": [
        "/finance/statements/{statement}/lines",
        "/finance/statements/{statement}/lines?direction=payable",
    ],
    "finance.waiting": ["/finance/statements/{statement}/files/pdf"],
    "finance.new_dispute": ["/finance/disputes/new?statement={statement}&line={line}"],
    "finance.dispute": ["/finance/disputes/{dispute}"],
    "finance.transaction": ["/finance/transactions/{transaction}"],
    "finance.flows": ["/finance/flows?period={period}"],
    "finance.search": ["/finance/search", f"/finance/search?q={WANG}"],
}
#: What the examples' addresses name, once there is a closed month.
FILLED_IN: dict[str, str] = {}
#: Steps of a log-in, which whoever is through with it does not see; they are visited on the way.
STEPS = {"login.show", "login.code", "account.second_factor"}


@pytest.fixture(scope="module")
def site(shared: Alliance) -> Iterator[str]:
    """The address of the alliance's pages, with a closed month and some people."""
    ensure_people(shared)
    closed = Closed(shared)
    FILLED_IN.update(
        period=closed.period,
        statement=closed.statement("JADE"),
        line=str(closed.line("JADE", closed.redemption["id"])["line"]),
        transaction=closed.redemption["id"],
        dispute=closed.open("JADE", closed.redemption["id"])["id"],
    )
    with served(shared.app) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


class Watched:
    """A window, and what must not happen in it: requests to elsewhere, complaints of the browser."""

    def __init__(self, browser: Browser, site: str, **options: object) -> None:
        self.site = site
        self.faults: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=site, **options)  # type: ignore[arg-type]
        self.context.on("request", self._look_at)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda said: self._complain(said.type, said.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _look_at(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.site).netloc:
            self.faults.append(f"asked for {request.url}")

    def _complain(self, kind: str, text: str) -> None:
        # That a page answers with a status of a refusal is no fault.
        if kind in ("error", "warning") and "status of 4" not in text:
            self.faults.append(text)

    def as_user(self, alliance: Alliance, name: str) -> None:
        cookie = reader(alliance, name).client.get_cookie("tongdui")
        assert cookie is not None
        self.context.add_cookies([{"name": "tongdui", "value": cookie.value, "url": self.site}])


def paths(alliance: Alliance, scope: Scope) -> list[str]:
    """The addresses of all pages that a person of this scope may see."""
    found = []
    for rule in alliance.app.url_map.iter_rules():
        view = alliance.app.view_functions[rule.endpoint]
        if not getattr(view, "is_page", False) or "GET" not in (rule.methods or ()) or rule.endpoint in STEPS:
            continue
        if scope in getattr(view, "guarded_for", ()) and rule.rule != "/":
            found += EXAMPLES.get(rule.endpoint) or ([] if rule.arguments else [rule.rule])
    return sorted(path.format(**FILLED_IN) for path in found)


def picture(page: Page, *words: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{'-'.join(words)}.png", full_page=True)


def test_every_page_with_parts_to_fill_in_has_an_example(shared: Alliance) -> None:
    missing = [
        rule.endpoint
        for rule in shared.app.url_map.iter_rules()
        if getattr(shared.app.view_functions[rule.endpoint], "is_page", False)
        and "GET" in (rule.methods or ())
        and rule.arguments
        and rule.endpoint not in EXAMPLES
    ]
    assert missing == []


@pytest.mark.parametrize(("size", "language", "scheme"), looks())
def test_no_page_has_a_barrier_asks_for_anything_elsewhere_or_is_wider_than_its_window(
    site: str, shared: Alliance, chromium: Browser, size: str, language: str, scheme: str
) -> None:
    """The operator sees every page; others see theirs with less on it."""
    width, height = SIZES[size]
    watched = Watched(
        chromium,
        site,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale=language,
    )
    page, faults = watched.page, []
    for name in (None, "operator", "admin", "desk"):
        visited = ["/login", "/no-such-page"]
        if name is not None:
            watched.as_user(shared, name)
            visited = paths(shared, next(scope for person, scope, _ in PEOPLE if person == name))
        for path in visited:
            response = page.goto(path)
            assert response is not None and response.status < 500, path
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append(f"{path} is too wide")
            faults += axe_violations(page)
            word = "".join(letter if letter.isalnum() else "_" for letter in path.strip("/"))
            picture(page, name or "stranger", word, size, language[:2], scheme)
    assert page.evaluate("document.documentElement.dataset.bsTheme") == scheme
    assert faults + watched.faults == [], "\n".join(faults + watched.faults)
    watched.context.close()


def test_logging_in_and_finding_a_card_takes_only_a_keyboard(
    site: str, shared: Alliance, chromium: Browser
) -> None:
    watched = Watched(chromium, site, locale="en-GB")
    page = watched.page
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
    watched.context.close()


def test_an_operator_enrols_a_second_factor_and_logs_in_with_it(
    site: str, shared: Alliance, chromium: Browser
) -> None:
    with shared.services.engine.begin() as connection:
        make_user(connection, "enrols", Scope.OPERATOR)
    watched = Watched(chromium, site, locale="en-GB")
    page = watched.page
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
    watched.context.close()


def test_the_menu_of_a_phone_opens_and_closes(site: str, shared: Alliance, chromium: Browser) -> None:
    watched = Watched(chromium, site, viewport={"width": 390, "height": 844}, locale="en-GB")
    watched.as_user(shared, "operator")
    page = watched.page
    page.goto("/hub/")
    assert not page.is_visible("#menu")
    page.click("text=Menu")
    assert page.is_visible("#menu") and page.get_attribute(".frame-toggle", "aria-expanded") == "true"
    picture(page, "operator", "menu", "phone")
    faults = axe_violations(page)
    page.click("text=Months and statements")
    page.wait_for_url("**/finance/")
    assert faults == []
    watched.context.close()
