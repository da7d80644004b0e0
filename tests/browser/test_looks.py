"""Every state that a page can be in, as its readers see it: nothing that axe finds, nothing wider than the
screen, nothing from elsewhere. Pictures are left in `screenshots/looks`; sheets of paper beside them.

In two looks, or with `TONGDUI_LOOKS=all` in all eight of size, language and scheme.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from support.alliance import Alliance, found_alliance, opened_alliance
from support.browsing import CHROMIUM, PICTURES, axe_violations, enter_as, looks, served, visit
from support.databases import Databases
from support.lived_in import View, fresh_views, live_in
from support.people import reader

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a hundred pages each
]

#: What must not be on paper: words that are not black, buttons and menus, what goes beyond the sheet.
UNPRINTABLE = """() => {
  const seen = (one) => one.checkVisibility() && one.getClientRects().length;
  const words = [...document.querySelectorAll("main *")].filter(
    (one) => seen(one) && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const named = (one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)}`;
  return [
    ...words.filter((one) => getComputedStyle(one).color !== "rgb(0, 0, 0)")
      .map((one) => `not black: ${named(one)}`),
    ...[...document.querySelectorAll("nav, button, .btn, summary.btn, .skip")].filter(seen)
      .map((one) => `to press: ${named(one)}`),
    ...[...document.querySelectorAll("main table")]
      .filter((one) => one.getBoundingClientRect().right > innerWidth)
      .map((one) => `cut: ${named(one)}`),
    ...(getComputedStyle(document.body).backgroundColor === "rgb(255, 255, 255)" ? [] : ["not on white"]),
  ];
}"""
LOOKED_AT = PICTURES / "looks"
#: Visited because they refuse.
REFUSALS = frozenset({"forbidden", "missing", "no-such-page"})
PEOPLE = ("desk", "finance", "operator", "auditor")


class Place:
    """An alliance that is served at `site`, its views, and who sees them."""

    def __init__(self, site: str, alliance: Alliance, views: Sequence[View]) -> None:
        self.site, self.views = site, views
        self._people = {name: reader(alliance, name) for name in PEOPLE}

    def show(self, page: Page, view: View) -> None:
        """Go to a page as whoever sees it."""
        if view.who is None:
            page.context.clear_cookies()
        else:
            enter_as(page, self.site, self._people[view.who])
        response = page.goto(view.path)
        assert response is not None
        assert response.ok or view.name in REFUSALS, f"{view.path}: {response.status}"
        if view.acts is not None:
            view.acts(page)
        page.wait_for_load_state()


@contextmanager
def place_of(databases: Databases, folder: Path, live: Callable[[Alliance], list[View]]) -> Iterator[Place]:
    with databases.fresh() as url:
        found_alliance(url, folder)
        with opened_alliance(url, folder) as alliance, served(alliance.app) as site:
            views = live(alliance)
            yield Place(site, alliance, views)


@pytest.fixture(scope="module")
def lived_in(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_of(databases, tmp_path_factory.mktemp("lived_in"), live_in) as place:
        yield place


@pytest.fixture(scope="module")
def fresh(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_of(databases, tmp_path_factory.mktemp("fresh"), lambda _: fresh_views()) as place:
        yield place


@pytest.mark.parametrize(("size", "language", "scheme"), looks())
def test_no_state_of_a_page_has_a_barrier_or_is_wider_than_the_screen(
    lived_in: Place, fresh: Place, chromium: Browser, size: str, language: str, scheme: str
) -> None:
    pictures = LOOKED_AT / f"{size}-{language[:2]}-{scheme}"
    pictures.mkdir(parents=True, exist_ok=True)
    faults = []
    for place in (lived_in, fresh):
        with visit(chromium, place.site, size, language, color_scheme=scheme) as page:
            for view in place.views:
                place.show(page, view)
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    faults.append(f"{view.name} is too wide")
                faults += axe_violations(page)
                page.screenshot(path=pictures / f"{view.name}.png", full_page=True)
    assert faults == [], "\n".join(faults)


def test_what_is_printed_is_black_on_white_with_nothing_to_press_and_nothing_cut(
    lived_in: Place, chromium: Browser
) -> None:
    """Pages of finance and of the hub, on A4, by a reader of a dark screen."""
    LOOKED_AT.mkdir(parents=True, exist_ok=True)
    faults = []
    with visit(chromium, lived_in.site, size="paper", color_scheme="dark") as page:
        for view in lived_in.views:
            if view.acts is not None or not view.path.startswith(("/finance/", "/hub/")):
                continue
            lived_in.show(page, view)
            page.emulate_media(media="print")
            page.pdf(path=LOOKED_AT / f"{view.name}.pdf", prefer_css_page_size=True)
            faults += [f"{view.name}: {one}" for one in page.evaluate(UNPRINTABLE)]
            page.emulate_media(media="screen")
    assert faults == [], "\n".join(faults)
