"""A real browser on the application under test: Debian's chromium, driven by playwright.

No request may leave the machine: names of other hosts lead nowhere, and what was asked of them is remembered.
"""

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright
from werkzeug.serving import make_server

from support.people import PASSWORD, Reader

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = Path(__file__).parents[1] / "api/pages/assets/axe.min.js"
PICTURES = Path(__file__).parents[2] / "screenshots"
#: The desk's PC, a telephone, and A4 without its margins.
SIZES = {"pc": (1366, 768), "phone": (390, 844), "paper": (680, 1009)}
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
#: Size, language and scheme: each two of them together, so four of the eight ways to see a page.
LOOKS = [
    ("pc", "zh-CN", "light"),
    ("phone", "en-GB", "light"),
    ("phone", "zh-CN", "dark"),
    ("pc", "en-GB", "dark"),
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def looks() -> list[tuple[str, str, str]]:
    """All eight with `TONGDUI_LOOKS=all`; else two that have everything once."""
    if os.environ.get("TONGDUI_LOOKS") != "all":
        return [("pc", "zh-CN", "light"), ("phone", "en-GB", "dark")]
    sizes, languages, schemes = (sorted({look[part] for look in LOOKS}) for part in range(3))
    return list(product(sizes, languages, schemes))


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application at an address of this machine."""
    # Its lines for each request tell nothing here.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def launched(arguments: Sequence[str] = ()) -> Iterator[Browser]:
    # As root chromium has no sandbox.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, NOWHERE, *arguments])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(
    browser: Browser, site: str, size: str = "pc", language: str = "zh-CN", **options: Any
) -> Iterator[Page]:
    """A page of a new browser; fails at its end if another host was asked for anything, a script failed, or
    the browser complained.

    Requests are only looked at, not routed: a browser whose requests are routed keeps no files.
    """
    width, height = SIZES[size]
    context: BrowserContext = browser.new_context(
        base_url=site, viewport={"width": width, "height": height}, locale=language, **options
    )
    faults: list[str] = []

    def look(request: Request) -> None:
        if not request.url.startswith((site, "data:", "blob:")):
            faults.append(f"asked for {request.url}")

    def complain(kind: str, text: str) -> None:
        # That a page answers with the status of a refusal is no fault.
        if kind in ("error", "warning") and "status of 4" not in text:
            faults.append(text)

    context.on("request", look)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: complain(said.type, said.text))
    try:
        yield page
        assert faults == []
    finally:
        context.close()


def enter_as(page: Page, site: str, somebody: Reader) -> None:
    """Go on as somebody who has logged in elsewhere; whoever was here before is forgotten."""
    page.context.clear_cookies()
    cookie = somebody.client.get_cookie("tongdui")
    assert cookie is not None
    page.context.add_cookies([{"name": "tongdui", "value": cookie.value, "url": site}])


def log_in(page: Page, name: str) -> None:
    page.goto("/login")
    page.fill("#field-name", name)
    page.fill("#field-password", PASSWORD)
    page.press("#field-password", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def axe_violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA: page, rule, place, and what is wrong there."""
    # As text of a script it would be against the policy; evaluating goes around that.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{page.url}: {one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def picture(page: Page, *words: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{'-'.join(words)}.png", full_page=True)
