"""The hub's pages in a real browser: no barriers, nothing too wide, pictures to look at, and a journey."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from clearing.core.commands import Scope
from support.alliance import LI, WANG, Alliance
from support.api import good, wait_for_import
from support.browsing import CHROMIUM, SIZES, axe_violations, launched, looks, served
from support.disputes import Closed
from support.people import ensure_people, make_user, reader, second_reader

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
]

PICTURES = Path(__file__).parents[3] / "screenshots"
LOOKS = [(*SIZES[size], language, scheme) for size, language, scheme in looks()]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(shared: Alliance) -> Iterator[str]:
    ensure_people(shared)
    with served(shared.app) as address:
        yield address


@pytest.fixture(scope="module")
def paths(shared: Alliance) -> list[str]:
    """An alliance where everything has happened once, and the addresses of all pages of the hub."""
    operator = shared.operator
    closed = Closed(shared)
    dispute = closed.open("LOTUS", closed.redemption["id"], "wrong_fee")
    good(shared.participant("JADE").post(f"/v1/wallets/{shared.wallet(WANG)}/links", {"card": LI}))
    points = {"kind": "points", "card": WANG, "issuer": "JADE", "points": -200, "reason": "Earned twice"}
    adjustment = good(operator.post("/v1/adjustments", points))
    good(operator.patch("/v1/participants/JADE", {"net_debit_cap": 11_000, "address": "杭州市湖滨路 1 号"}))
    good(operator.patch("/v1/participants/PINE", {"net_debit_cap": 1_000_000}))
    good(operator.post("/v1/redemptions", {"card": WANG, "merchant": "PINE-1", "points": 900}))
    good(operator.post("/v1/spends", {"card": WANG, "merchant": "LOTUS-1", "amount": 9_000}))
    good(
        operator.post(
            "/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 50, "capture": False}
        )
    )
    good(operator.put("/v1/alliance", {"grace_days": 45, "hub_name": "通兑平台有限公司"}))
    rows = f"card,merchant,amount\n{WANG},LOTUS-1,88800\nnone,LOTUS-1,100\n{WANG},NOWHERE,5\n"
    done = wait_for_import(operator, "accruals", rows)
    key = good(operator.post("/v1/api-keys", {"scope": "merchant", "merchant": "LOTUS-1", "name": "till 3"}))
    month = closed.open_period()
    found = [
        "", "participants", "participants/new", "participants/JADE", "participants/JADE/edit",
        "participants/JADE/merchants/new", "participants/JADE/merchants/JADE-1", "keys", "keys/new",
        f"keys/{key['id']}/rotate", "fees", "fees/new", "settings", "settings/edit", "periods",
        f"periods/{closed.period}", f"periods/{month}", f"periods/{month}/close",
        "adjustments", "adjustments/new/points", "adjustments/new/money", f"adjustments/{adjustment['id']}",
        "links", "disputes", f"disputes/{dispute['id']}", "imports", "imports/new", f"imports/{done['id']}",
    ]  # fmt: skip
    return [f"/hub/{path}" for path in found]


def opened(
    browser: Browser, site: str, alliance: Alliance, name: str, **options: object
) -> tuple[Page, list[str]]:
    """A window in which this operator is logged in, and what the browser complains of."""
    context = browser.new_context(base_url=site, **options)  # type: ignore[arg-type]
    client = (reader(alliance, name) if name == "operator" else second_reader(alliance, name)).client
    cookie = client.get_cookie("tongdui")
    assert cookie is not None
    context.add_cookies([{"name": "tongdui", "value": cookie.value, "url": site}])
    page, faults = context.new_page(), []
    context.on("request", lambda one: None if one.url.startswith((site, "data:")) else faults.append(one.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
    return page, faults


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_of_the_hub_has_a_barrier_or_is_too_wide(
    shared: Alliance, site: str, chromium: Browser, paths: list[str], look: tuple[int, int, str, str]
) -> None:
    width, height, locale, scheme = look
    size = {"width": width, "height": height}
    page, faults = opened(
        chromium, site, shared, "operator", viewport=size, locale=locale, color_scheme=scheme
    )
    PICTURES.mkdir(exist_ok=True)
    for path in paths:
        response = page.goto(path)
        assert response is not None and response.status == 200, path
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"{path} is too wide")
        faults += axe_violations(page)
        name = re.sub("[a-z]+_[a-z0-9]{8,}|[0-9a-f]{12}", "id", path).strip("/").replace("/", "_")
        page.screenshot(path=PICTURES / f"hub-{name}-{width}-{locale[:2]}-{scheme}.png", full_page=True)
    page.context.close()
    assert faults == [], "\n".join(faults)


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
        page, faults = opened(chromium, site, alliance, "operator", locale=locale)
        primary = "main .btn-primary"
        try:
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
            other, more = opened(chromium, site, alliance, "second", locale=locale)
            other.goto(path)
            other.click("main details.ask summary")
            other.click("main details.ask .btn-primary")
            other.wait_for_load_state()
            assert other.locator(".alert-success").count() == 1
            faults += axe_violations(other) + more
            assert faults == [], "\n".join(faults)
        finally:
            page.context.close()
