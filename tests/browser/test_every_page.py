"""Every page in a real browser: nothing from elsewhere, nothing that axe finds, and pictures to look at.

Needs Chromium (Debian: `apt-get install chromium`); without one these tests are skipped, and say so. Every
page whose address has no part to fill in is visited by itself; others are named in `EXAMPLES`. Pictures are
left in `screenshots/`: each page at both sizes, in both languages and schemes, in four of the eight ways
(`support.browsing.looks`).
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from clearing.core.commands import Scope
from support.alliance import WANG, Alliance
from support.browsing import CHROMIUM, LOOKS, axe_violations, enter_as, picture, served, visit
from support.disputes import Closed
from support.people import PEOPLE, ensure_people, reader

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
    pytest.mark.timeout(600),  # one test goes through tens of pages, on whatever machine
]

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
    "people.member": ["/users/members/{member}"],
    # Those of things that have to be made first are visited by test_hub_pages.py.
    "hub.participant": ["/hub/participants/JADE"],
    "hub.edit_participant": ["/hub/participants/JADE/edit"],
    "hub.new_merchant": ["/hub/participants/JADE/merchants/new"],
    "hub.edit_merchant": ["/hub/participants/JADE/merchants/JADE-1"],
    "hub.new_adjustment": ["/hub/adjustments/new/points", "/hub/adjustments/new/money"],
    "hub.ask_rotation": [],
    "hub.period": [],
    "hub.payment_file": [],
    "hub.ask_close": [],
    "hub.adjustment": [],
    "hub.dispute": [],
    "hub.import_": [],
    "hub.refused_rows": [],  # a file
    "hub.import_results": [],  # a file
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
        member=shared.member(WANG),
        statement=closed.statement("JADE"),
        line=str(closed.line("JADE", closed.redemption["id"])["line"]),
        transaction=closed.redemption["id"],
        dispute=closed.open("JADE", closed.redemption["id"])["id"],
    )
    with served(shared.app) as address:
        yield address


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


@pytest.mark.parametrize(("name", "look"), list(zip((None, "operator", "admin", "desk"), LOOKS, strict=True)))
def test_no_page_has_a_barrier_asks_for_anything_elsewhere_or_is_wider_than_its_window(
    site: str, shared: Alliance, chromium: Browser, name: str | None, look: tuple[str, str, str]
) -> None:
    """The operator sees every page; others see theirs with less on it. Each of them in another look:
    `test_looks.py` has pages with much on them in the others.
    """
    size, language, scheme = look
    visited, faults = ["/login", "/no-such-page"], []
    with visit(chromium, site, size, language, color_scheme=scheme) as page:
        if name is not None:
            enter_as(page, site, reader(shared, name))
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
    assert faults == [], "\n".join(faults)
