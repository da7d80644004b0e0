"""The clerk's journey in a real browser: scan, read, redeem, print, undo; the camera; what axe finds.

Pictures of every page are written to `screenshots/desk`. How long an answer takes is printed (`pytest -s`)
and never judged: the machine has other things to do.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Browser, Page

from clearing.core.commands import Scope
from support import browsing
from support.alliance import WANG, Alliance, found_alliance, opened_alliance
from support.api import good
from support.browsing import axe_violations, launched, log_in, served, visit
from support.databases import Databases
from support.people import make_user

pytestmark = [
    pytest.mark.skipif(browsing.CHROMIUM is None, reason="no chromium on this machine: apt install chromium"),
    pytest.mark.slow,
]

PICTURES = Path(__file__).parents[2] / "screenshots/desk"
POINTS_PER_MM = 72 / 25.4


@pytest.fixture(scope="module")
def alliance(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alliance]:
    folder = tmp_path_factory.mktemp("desk")
    with databases.fresh() as url:
        found_alliance(url, folder)
        with opened_alliance(url, folder) as opened:
            with opened.services.engine.begin() as connection:
                make_user(connection, "lotus", Scope.MERCHANT, "LOTUS-1", "李娜")
            yield opened


@pytest.fixture(scope="module")
def site(alliance: Alliance) -> Iterator[str]:
    with served(alliance.app) as address:
        yield address


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Its camera sees nothing but the QR code of Wang's card."""
    film = tmp_path_factory.mktemp("camera") / "card.y4m"
    film.write_bytes(film_of(WANG))
    camera = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    with launched(camera) as browser:
        yield browser


class Faults(list[str]):
    """What is wrong with the pages that were looked at; each leaves a picture."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def look(self, page: Page, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{'-'.join((name, *self._words))}.png", full_page=True)
        self += [f"{name}: {one}" for one in axe_violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.append(f"{name} is wider than its window")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, selector: str) -> None:
    """Go on with the Tab key until this has the focus."""
    for _ in range(40):
        press(page, "Tab")
        if page.evaluate("one => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"the Tab key does not lead to {selector}")


def paper_mm(page: Page) -> tuple[int, int, int]:
    """Width and height of what is printed in millimetres, and how many sheets it takes."""
    printed = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", printed)
    width, height = (round(float(number) / POINTS_PER_MM) for number in boxes[0])
    return width, height, len(boxes)


@pytest.mark.parametrize(
    ("size", "language", "scheme"),
    [("pc", "zh-CN", "light"), ("phone", "en-GB", "dark")],
    ids=["pc-zh-light", "phone-en-dark"],
)
def test_a_clerk_scans_reads_redeems_prints_and_undoes_with_the_keyboard_alone(
    alliance: Alliance, site: str, chromium: Browser, size: str, language: str, scheme: str
) -> None:
    faults = Faults(size, language[:2], scheme)
    with visit(chromium, site, size, language, color_scheme=scheme) as page:
        log_in(page, "lotus")
        page.wait_for_selector("#field-number:focus")
        faults.look(page, "01-empty")
        # A scanner types fast and ends with Enter.
        page.keyboard.insert_text(WANG)
        press(page, "Enter")
        page.wait_for_selector(".desk-active")
        faults.look(page, "02-card")
        tab_to(page, "#redemption-points")
        page.keyboard.insert_text("999999")
        press(page, "Enter")
        page.wait_for_selector("#redemption-points-error")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
        faults.look(page, "03-refused")
        tab_to(page, "#redemption-points")
        press(page, "Control+a")
        page.keyboard.insert_text("400")
        press(page, "Enter")
        page.wait_for_selector(".desk-step")
        faults.look(page, "04-confirm")
        tab_to(page, ".card-footer button")
        press(page, "Enter")
        page.wait_for_selector(".slip")
        faults.look(page, "05-receipt")
        assert "400" in page.inner_text(".slip")
        width, _, sheets = paper_mm(page)
        assert (width, sheets) == (80, 1)
        tab_to(page, "a[href*='paper=a4']")
        press(page, "Enter")
        page.wait_for_url("**paper=a4*")
        assert paper_mm(page) == (210, 297, 1)
        tab_to(page, "a[href$='/undo']")
        press(page, "Enter")
        page.wait_for_selector("#field-reason")
        faults.look(page, "06-undo")
        tab_to(page, "#field-reason")
        press(page, "ArrowDown")
        tab_to(page, ".card-footer button")
        press(page, "Enter")
        page.wait_for_selector(".slip-id:has(br)")
        faults.look(page, "07-undone")
        # From anywhere the next card is one key away, and one more takes the last one off the screen.
        press(page, "/")
        page.wait_for_selector("#field-number:focus")
        page.keyboard.insert_text(WANG)
        press(page, "Enter")
        page.wait_for_selector(".desk-active")
        tab_to(page, "summary")
        press(page, "/")
        assert page.evaluate("document.activeElement.id") == "field-number"
        press(page, "Escape")
        page.wait_for_url(lambda url: url.endswith("/desk/"))
        assert page.locator(".desk-card").count() == 0
    booked = good(alliance.merchant("LOTUS-1").get("/v1/transactions"))["data"][:2]
    assert [(one["kind"], one["points"]) for one in booked] == [("reversal", -400), ("redemption", 400)]
    assert faults == []


def test_a_receipt_is_as_long_as_what_is_on_it(alliance: Alliance, site: str, chromium: Browser) -> None:
    """The roll is cut after the last line: no blank paper, and no second sheet for the signature."""
    body = {"card": WANG, "merchant": "LOTUS-1", "points": 30, "reference": "𠮷-1"}
    made = good(alliance.merchant("LOTUS-1").post("/v1/redemptions", body))
    with visit(chromium, site) as page:
        log_in(page, "lotus")
        page.goto(f"/desk/transactions/{made['id']}?paper=80")
        page.wait_for_load_state("networkidle")
        width, short, sheets = paper_mm(page)
        assert (width, sheets) == (80, 1)
        assert 50 < short < 130
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.pdf(prefer_css_page_size=True, path=PICTURES / "receipt.pdf")
        # Nine issuers' names that take two lines each, and more: far beyond the 200 mm of before.
        page.evaluate(
            """() => {
              const list = document.querySelector(".slip dl");
              for (let issuer = 1; issuer <= 30; issuer++) {
                const row = list.firstElementChild.cloneNode(true);
                row.firstElementChild.textContent = `上海莲花国际酒店管理（集团）有限公司第${issuer}店`;
                list.append(row);
              }
            }"""
        )
        width, long, sheets = paper_mm(page)
        assert (width, sheets) == (80, 1), long
        assert long > 250
        page.pdf(prefer_css_page_size=True, path=PICTURES / "receipt-long.pdf")


def test_the_other_pages_of_the_desk_have_no_barriers(site: str, chromium: Browser) -> None:
    for size, language, scheme in (("pc", "en-GB", "dark"), ("phone", "zh-CN", "light")):
        faults = Faults(size, language[:2], scheme)
        with visit(chromium, site, size, language, color_scheme=scheme) as page:
            log_in(page, "lotus")
            page.goto(f"/desk/?number={WANG}")
            page.fill("#redemption-points", "60")
            page.click("#redemption button[name=hold]")
            page.wait_for_selector(".desk-step")
            faults.look(page, "11-hold-confirm")
            page.click(".card-footer button")
            page.wait_for_selector("#field-quantity")
            faults.look(page, "12-hold")
            width, _, sheets = paper_mm(page)
            assert (width, sheets) == (80, 1)
            page.fill("#field-quantity", "50")
            page.press("#field-quantity", "Enter")
            page.wait_for_selector(".desk-step")
            faults.look(page, "13-capture")
            for path, name in (
                ("/desk/transactions", "14-today"),
                ("/desk/transactions?reference=none", "15-nothing-found"),
                ("/desk/holds", "16-holds"),
                ("/desk/?number=1234", "17-unknown"),
            ):
                page.goto(path)
                faults.look(page, name)
        assert faults == []


def test_two_presses_of_a_button_book_once(alliance: Alliance, site: str, chromium: Browser) -> None:
    """By going back to the step of confirmation, in a browser without scripts."""
    with visit(chromium, site, java_script_enabled=False) as page:
        log_in(page, "lotus")
        page.goto(f"/desk/acts/redemption?card={WANG}&points=33")
        page.click(".card-footer button")
        page.wait_for_url("**/desk/transactions/**")
        page.go_back()
        page.wait_for_url("**/desk/acts/redemption?**")
        page.click(".card-footer button")
        page.wait_for_url("**/desk/transactions/**")
        assert "之前已经办理过" in page.inner_text("#messages")
    booked = good(alliance.merchant("LOTUS-1").get("/v1/transactions"))["data"]
    assert [one["points"] for one in booked].count(33) == 1


def test_undoing_sends_what_is_shown_and_a_form_that_lost_it_undoes_nothing(
    alliance: Alliance, site: str, chromium: Browser
) -> None:
    def reversed_points(bill: str) -> int:
        shown = good(alliance.merchant("LOTUS-1").get(f"/v1/transactions/{bill}"))
        return int(shown["reversed_points"])

    with visit(chromium, site, language="en-GB", java_script_enabled=False) as page:
        log_in(page, "lotus")
        page.goto(f"/desk/acts/redemption?card={WANG}&points=21")
        page.click(".card-footer button")
        page.wait_for_url("**/desk/transactions/**")
        bill = page.url.rpartition("/")[2]
        page.goto(f"/desk/transactions/{bill}/undo")
        assert page.input_value(".desk-step input[name=part]") == "21"
        page.eval_on_selector(".desk-step input[name=part]", "field => field.remove()")
        page.select_option("#field-reason", "mistyped")
        page.click(".card-footer button")
        page.wait_for_selector("text=how much is undone. Nothing was done.")
        assert reversed_points(bill) == 0
        page.goto(f"/desk/transactions/{bill}/undo")
        page.select_option("#field-reason", "mistyped")
        page.click(".card-footer button")
        page.wait_for_url("**/desk/transactions/*")
        assert reversed_points(bill) == 21


def test_a_scan_is_read_with_what_the_scanner_puts_around_it(site: str, chromium: Browser) -> None:
    """A prefix that names the kind of bar code, `*` of Code 39, and Tab at the end in place of Enter."""
    with visit(chromium, site, language="en-GB") as page:
        log_in(page, "lotus")
        for scan, end in ((f"]C1{WANG}", "Tab"), (f"*{WANG}*", "Tab"), (f"]A0{WANG}", "Enter")):
            page.goto("/desk/")
            page.wait_for_selector("#field-number:focus")
            page.keyboard.type(scan)
            press(page, end)
            page.wait_for_selector(".desk-active")
            assert "****0001" in page.inner_text(".desk-card")
            # The next scan begins in the empty field again.
            assert page.input_value("#field-number") == ""


def test_who_types_a_number_goes_on_with_tab(site: str, chromium: Browser) -> None:
    with visit(chromium, site, language="en-GB") as page:
        log_in(page, "lotus")
        page.wait_for_selector("#field-number:focus")
        page.keyboard.type(WANG, delay=90)
        press(page, "Tab")
        assert page.evaluate("document.activeElement.matches('.desk-lookup button')")
        assert page.input_value("#field-number") == WANG
        assert page.url.endswith("/desk/")


def test_what_is_pasted_and_typed_is_what_is_seen_of_it(
    alliance: Alliance, site: str, chromium: Browser
) -> None:
    with visit(chromium, site, language="en-GB") as page:
        log_in(page, "lotus")
        page.wait_for_selector("#field-number:focus")
        page.keyboard.insert_text(f"\ufeff{WANG[:4]}\u200b {WANG[4:]}")
        press(page, "Enter")
        page.wait_for_selector(".desk-active")
        page.click("text=Earn points")
        page.fill("#accrual-amount", "12,50")
        page.press("#accrual-amount", "Enter")
        page.wait_for_selector("#accrual-amount-error")
        assert "write 12.50." in page.inner_text("#accrual-amount-error")
        assert page.input_value("#accrual-amount") == "12,50"
        page.fill("#accrual-amount", "１２。５０")
        page.fill("#accrual-reference", "PASTED\u200b-1\t")
        page.press("#accrual-amount", "Enter")
        page.wait_for_selector(".desk-step")
        page.click(".card-footer button")
        page.wait_for_url("**/desk/transactions/**")
    [booked] = good(alliance.merchant("LOTUS-1").get("/v1/transactions?reference=PASTED-1"))["data"]
    assert (booked["kind"], booked["amount"]) == ("accrual", 1250)


def test_the_camera_reads_a_qr_code_with_the_wasm_that_we_serve(site: str, chromium: Browser) -> None:
    with visit(chromium, site, language="en-GB") as page:
        log_in(page, "lotus")
        fetched: list[str] = []
        page.on("response", lambda response: fetched.append(response.url))
        page.goto("/desk/")
        page.click("text=Camera")
        page.wait_for_selector(".desk-active", timeout=20_000)
        assert page.url.endswith(f"number={WANG}")
        assert any("zxing-reader.wasm" in url for url in fetched)


def test_without_a_camera_there_is_no_button_and_the_page_says_so(site: str, chromium: Browser) -> None:
    with visit(chromium, site, language="en-GB") as page:
        page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
        log_in(page, "lotus")
        assert not page.is_visible("text=Camera")
        page.goto("/desk/scan")
        page.wait_for_selector("text=No camera can be used here.")


def test_how_long_an_answer_takes(site: str, chromium: Browser) -> None:
    """From the press of Enter to the card's first paint; told, not judged."""
    script = """addEventListener("keydown", (event) => {
      if (event.key === "Enter") sessionStorage.pressed = performance.timeOrigin + performance.now();
    }, true)"""
    painted = """() => new Promise((done) => {
      const tell = () => {
        const [paint] = performance.getEntriesByName("first-contentful-paint");
        if (!paint) return setTimeout(tell, 5);
        done(performance.timeOrigin + paint.startTime - Number(sessionStorage.pressed));
      };
      tell();
    })"""
    taken = []
    with visit(chromium, site) as page:
        page.add_init_script(script)
        log_in(page, "lotus")
        for _ in range(12):
            page.wait_for_selector("#field-number:focus")
            page.keyboard.insert_text(WANG)
            press(page, "Enter")
            page.wait_for_selector(".desk-active")
            taken.append(page.evaluate(painted))
            press(page, "Escape")
            page.wait_for_selector(".desk-card", state="detached")
    taken.sort()
    print(f"\nmilliseconds from Enter to paint: median {taken[6]:.0f}, longest {taken[-1]:.0f}")  # noqa: T201
    assert all(one > 0 for one in taken)


def film_of(text: str, side: int = 480, frames: int = 10) -> bytes:
    """A film that shows the QR code of a text and nothing else, as YUV4MPEG2."""
    code = [list(row) for row in segno.make(text, micro=False).matrix_iter(border=4)]
    scale = side // len(code)
    size = scale * len(code) // 2 * 2
    grey = bytearray()
    for y in range(size):
        row = code[y // scale]
        grey += bytes(16 if row[x // scale] else 235 for x in range(size))
    colour = bytes([128]) * (size // 2 * (size // 2) * 2)
    frame = b"FRAME\n" + bytes(grey) + colour
    return f"YUV4MPEG2 W{size} H{size} F10:1 Ip A1:1 C420\n".encode() + frame * frames
