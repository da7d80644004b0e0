"""Windows of a browser in which nothing may go wrong."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request

from support.alliance import Alliance
from support.people import reader, second_reader

PICTURES = Path(__file__).parents[2] / "screenshots"


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
        """One of `support.people`, or with the name `second` an operator whom the test has made."""
        logged_in = second_reader(alliance, name) if name == "second" else reader(alliance, name)
        cookie = logged_in.client.get_cookie("tongdui")
        assert cookie is not None
        self.context.add_cookies([{"name": "tongdui", "value": cookie.value, "url": self.site}])


def picture(page: Page, *words: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{'-'.join(words)}.png", full_page=True)
