"""The hub's pages in a real browser, when everything has happened once: no barriers, nothing too wide."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.alliance import LI, WANG, Alliance
from support.api import good, wait_for_import
from support.browsing import CHROMIUM, axe_violations, served
from support.disputes import Closed
from support.people import ensure_people
from support.windows import LOCALES, LOOKS, SIZES, Watched, picture

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
    pytest.mark.timeout(600),  # one test goes through tens of pages, on whatever machine
]


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


@pytest.mark.parametrize(("size", "language", "scheme"), LOOKS)
def test_no_page_of_the_hub_has_a_barrier_or_is_too_wide(
    shared: Alliance, site: str, chromium: Browser, paths: list[str], size: str, language: str, scheme: str
) -> None:
    width, height = SIZES[size]
    watched = Watched(
        chromium,
        site,
        viewport={"width": width, "height": height},
        locale=LOCALES[language],
        color_scheme=scheme,
    )
    watched.as_user(shared, "operator")
    page, faults = watched.page, []
    for path in paths:
        response = page.goto(path)
        assert response is not None and response.status == 200, path
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"{path} is too wide")
        faults += axe_violations(page)
        name = re.sub("[a-z]+_[a-z0-9]{8,}|[0-9a-f]{12}", "id", path).strip("/").replace("/", "_")
        picture(page, "hub", name, size, language, scheme)
    watched.context.close()
    assert faults + watched.faults == [], "\n".join(faults + watched.faults)


def test_a_dispute_is_decided_after_a_question_without_barriers(
    shared: Alliance, site: str, chromium: Browser, paths: list[str]
) -> None:
    [path] = [one for one in paths if one.startswith("/hub/disputes/")]
    watched = Watched(chromium, site, locale=LOCALES["zh"])
    watched.as_user(shared, "operator")
    page = watched.page
    page.goto(path)
    page.fill("#field-text", "我们查过了")
    page.click("button[value=accept]")
    page.wait_for_selector("input[name=confirmed]", state="attached")
    faults = axe_violations(page)
    picture(page, "hub", "dispute-confirm")
    assert "我们查过了" in page.inner_text("main") and "无法撤销" in page.inner_text("main")
    page.click("main .card-footer a")  # back, and nothing is decided
    page.wait_for_selector("button[value=accept]")
    watched.context.close()
    assert faults + watched.faults == [], "\n".join(faults + watched.faults)
