"""The front desk: a card looked at and used, what comes of it, and what a clerk is told."""

import itertools
import re
from html import unescape
from urllib.parse import urlencode

import pytest

from api.pages import words
from api.pages.desk.wording import sentence
from clearing.core.commands import Scope
from clearing.core.holds import HoldStatus
from clearing.core.journal import Reason, TransactionKind
from clearing.core.outcomes import Code
from clearing.core.snapshot import CardStatus
from clearing.verify import frozen
from settlement.render import letters
from settlement.verify import verify
from support.alliance import LI, WANG, Alliance
from support.api import good, wait_for_import
from support.people import Reader, make_user, reader

#: A bill number with what nobody sees.
PASTED = " P-3\u200b\t"
TAGS = re.compile(r"<[^>]+>")


@pytest.fixture
def lotus(alliance: Alliance) -> Reader:
    """A clerk at LOTUS-1, where Wang's JADE card is a visitor's."""
    with alliance.services.engine.begin() as connection:
        make_user(connection, "lotus", Scope.MERCHANT, "LOTUS-1")
    return reader(alliance, "lotus")


@pytest.fixture(scope="module")
def clerk(shared: Alliance) -> Reader:
    """The same where all tests share one alliance."""
    with shared.services.engine.begin() as connection:
        make_user(connection, "lotus", Scope.MERCHANT, "LOTUS-1")
    return reader(shared, "lotus")


def said(text: str) -> str:
    """The words of a page's content, without its tags."""
    main = text.partition("<main")[2]
    return " ".join(unescape(TAGS.sub(" ", main)).split())


def asked(browser: Reader, path: str, **fields: object) -> tuple[str, dict[str, str]]:
    """The words of a step of confirmation, and the fields that its form sends on."""
    response = browser.get(f"{path}?{urlencode(fields)}")
    if response.status_code == 303:
        response = browser.get(response.location)
    assert response.status_code == 200, said(response.text)
    form = response.text.rpartition('class="desk-step"')[2]
    names = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return said(response.text), {name: unescape(value) for name, value in names}


def done(browser: Reader, path: str, form: dict[str, str]) -> str:
    """Where a confirmed form leads."""
    response = browser.post(path, form, page="/desk/")
    assert response.status_code == 303, said(response.text)
    return response.location


def redeem(browser: Reader, points: int, **fields: object) -> str:
    _, form = asked(browser, "/desk/acts/redemption", card=WANG, points=points, **fields)
    return done(browser, "/desk/acts/redemption", form)


def test_what_the_desk_did_is_not_done_again_by_a_call_or_a_file_with_its_number(
    alliance: Alliance, lotus: Reader
) -> None:
    redeem(lotus, 100, idempotency_key="bill 7")
    sums = alliance.sums()
    body = {"card": WANG, "merchant": "LOTUS-1", "points": 100}
    for sender in (alliance.merchant("LOTUS-1"), alliance.participant("LOTUS"), alliance.operator):
        again = sender.post("/v1/redemptions", body, idempotency_key="bill 7")
        assert (good(again)["points"], again.headers["Idempotency-Replayed"]) == (100, "true")
    row = f"card,merchant,points,key\n{WANG},LOTUS-1,100,bill 7\n"
    assert wait_for_import(alliance.operator, "redemptions", row)["replayed"] == 1
    assert alliance.sums() == sums


def test_one_look_tells_what_a_visitors_card_is_worth_here_and_what_it_costs(lotus: Reader) -> None:
    shown = said(lotus.get(f"/desk/?number={WANG}").text)
    assert "✓ Valid W************ ****0001 Issued by Jade · visitor" in shown
    assert "Points to use here 6,500 worth ¥65.00" in shown
    assert "Stored value to use here ¥500.00" in shown
    assert "1,500 points end on Dec 31, 2036" in shown
    assert "a cash bill of ¥100.00 ¥1.00 exchange with Jade" in shown
    assert "all points ¥1.00 own system, free + exchange with Jade" in shown
    assert "all stored value ¥3.00 exchange with Jade" in shown


def test_the_own_system_is_free(shared: Alliance) -> None:
    with shared.services.engine.begin() as connection:
        make_user(connection, "lotus2", Scope.MERCHANT, "LOTUS-2")
    assert "Own system: free" in said(reader(shared, "lotus2").get(f"/desk/?number={LI}").text)


def test_a_blocked_card_is_said_to_be_one_and_offers_nothing_to_do(alliance: Alliance) -> None:
    good(alliance.participant("JADE").patch(f"/v1/cards/{WANG}", {"status": "blocked"}))
    text = reader(alliance, "desk").get(f"/desk/?number={WANG}").text
    assert "✕ Blocked Do not accept it. Send the guest to Jade." in said(text)
    assert "/desk/acts/" not in text


def test_the_step_before_shows_points_money_and_fee_and_books_nothing(
    alliance: Alliance, lotus: Reader
) -> None:
    before = alliance.row_counts()
    shown, _ = asked(lotus, "/desk/acts/redemption", card=WANG, points="4,000")
    assert "Points taken 4,000 Off the bill ¥40.00 Fee for us ¥0.50" in shown
    assert "Lotus 1,500 ¥15.00 – ¥0.00 own system, free" in shown
    assert "Jade 2,500 ¥25.00 Jade owes us ¥25.00 ¥0.50 exchange" in shown
    after = alliance.row_counts()
    assert (after["transactions"], after["outcomes"]) == (before["transactions"], before["outcomes"])


def test_sending_a_form_twice_does_it_once(alliance: Alliance, lotus: Reader) -> None:
    _, form = asked(lotus, "/desk/acts/redemption", card=WANG, points=4000, reference="B-1")
    first = done(lotus, "/desk/acts/redemption", form)
    assert "Done and booked." in lotus.get(first).text
    again = done(lotus, "/desk/acts/redemption", form)
    assert again == first
    assert "Nothing was done twice." in lotus.get(again).text
    other = lotus.post("/desk/acts/redemption", form | {"points": "1"}, page="/desk/")
    assert other.status_code == 422 and "Nothing was booked now." in other.text
    assert len(good(alliance.merchant("LOTUS-1").get("/v1/transactions"))["data"]) == 1


def test_the_key_of_a_step_outlives_going_back_to_it(lotus: Reader) -> None:
    query = urlencode({"card": WANG, "points": 5, "idempotency_key": "k-1"})
    for _ in range(2):
        assert 'name="idempotency_key" value="k-1"' in lotus.get(f"/desk/acts/redemption?{query}").text


@pytest.mark.parametrize(("kind", "fields", "words_"), [
    ("redemption", {"points": "7000"}, "Take fewer points. There are 6,500 to be used here."),
    ("redemption", {}, "Enter how much."),
    ("redemption", {"points": "5", "amount": "1"}, "not both"),
    ("redemption", {"points": "4.5"}, "Write a whole number."),
    ("redemption", {"points": "0"}, "Enter a number above zero"),
    ("spend", {"amount": "500.01"}, "Take a smaller amount. There are ¥500.00 to be used here."),
    ("spend", {"amount": "12.345"}, "Yuan have at most two decimals"),
    ("spend", {"amount": "12,50"}, "and decimals stand after a point: write 12.50."),
    ("accrual", {"amount": "1,2345"}, "Commas and spaces group three digits, as in 12,345"),
    ("accrual", {"amount": "68", "reference": "POS\x07"}, "character 4 is U+0007"),
    ("accrual", {"amount": "68", "reference": "x" * 101}, "Must have 1 to 100 characters."),
])  # fmt: skip
def test_what_is_wrong_is_told_at_its_field_in_a_sentence(
    clerk: Reader, kind: str, fields: dict[str, str], words_: str
) -> None:
    key = {"card": WANG, "idempotency_key": "k"}
    response = clerk.get(f"/desk/acts/{kind}?{urlencode(key | fields)}")
    assert response.status_code == 422
    assert words_ in said(response.text)
    assert 'aria-invalid="true"' in response.text


def test_bills_are_earned_on_and_stored_value_is_sold_and_spent(lotus: Reader) -> None:
    shown, form = asked(lotus, "/desk/acts/accrual", card=WANG, amount="680", reference="P-1")
    assert "Bill paid ¥680.00 Points for the guest 680 Fee for us ¥6.80" in shown
    assert "680" in said(lotus.get(done(lotus, "/desk/acts/accrual", form)).text)
    shown, form = asked(lotus, "/desk/acts/spend", card=WANG, amount="¥300.00")
    assert "Taken from stored value ¥300.00 Fee for us ¥1.80" in shown
    done(lotus, "/desk/acts/spend", form)
    shown, form = asked(lotus, "/desk/acts/load", card=WANG, amount="100", issuer="JADE")
    assert "Collect from the guest ¥100.00 Stored value of Jade" in shown and "we owe Jade ¥100.00" in shown
    done(lotus, "/desk/acts/load", form)
    assert "Stored value to use here ¥300.00" in said(lotus.get(f"/desk/?number={WANG}").text)
    again = {"card": WANG, "amount": 1, "reference": "P-1", "idempotency_key": "k"}
    used = lotus.get(f"/desk/acts/accrual?{urlencode(again)}")
    assert used.status_code == 422 and "This bill number was used before." in used.text
    assert "/desk/transactions?reference=P-1" in used.text


def test_a_hold_is_placed_captured_in_part_and_another_released(lotus: Reader) -> None:
    place = redeem(lotus, 2000, hold="yes", reference="R-1")
    assert "Nothing is booked before it is captured." in lotus.get(place).text
    assert "2,000 points" in said(lotus.get("/desk/holds").text)
    assert "2,000 points" in said(lotus.get(f"/desk/?number={WANG}").text)
    shown, form = asked(lotus, f"{place}/capture", quantity="1,800")
    assert "Points taken 1,800 Off the bill ¥18.00 Back to the guest 200 points Fee for us ¥0.06" in shown
    receipt = done(lotus, f"{place}/capture", form)
    assert "1,800" in said(lotus.get(receipt).text)
    assert done(lotus, f"{place}/capture", form) == receipt
    too_late = lotus.get(lotus.get(f"{place}/release").location)
    assert too_late.status_code == 422 and "captured or released before" in too_late.text
    second = redeem(lotus, 100, hold="yes")
    _, form = asked(lotus, f"{second}/release")
    assert done(lotus, f"{second}/release", form) == second
    assert "It was released" in lotus.get(second).text
    assert "No hold is open." in lotus.get("/desk/holds").text


def test_a_transaction_is_undone_in_parts_with_its_fee(lotus: Reader) -> None:
    place = redeem(lotus, 4000, reference="B-9")
    shown, form = asked(lotus, f"{place}/undo", part=1000)
    assert "Points given back 1,000" in shown and "Fee given back to us ¥0.20" in shown
    unsaid = lotus.post(f"{place}/undo", form, page="/desk/")
    assert unsaid.status_code == 422 and "Choose why." in unsaid.text
    form |= {"reason": "mistyped", "remark": "4000 for 3000"}
    undone = done(lotus, f"{place}/undo", form)
    assert done(lotus, f"{place}/undo", form) == undone
    assert "Typed wrongly: 4000 for 3000" in said(lotus.get(undone).text)
    assert "partly undone" in said(lotus.get(place).text)
    shown, form = asked(lotus, f"{place}/undo")
    assert "Points given back 3,000" in shown
    done(lotus, f"{place}/undo", form | {"reason": "booked twice"})
    assert f"{place}/undo" not in lotus.get(place).text
    beyond = lotus.get(f"{place}/undo?idempotency_key=k")
    assert beyond.status_code == 422 and "more than is left to undo" in beyond.text


def test_a_form_of_undoing_says_how_much_and_without_it_undoes_nothing(
    alliance: Alliance, lotus: Reader
) -> None:
    """It meant all that was left."""
    bills = {"redemption": redeem(lotus, 400)}
    for kind, fields in (("accrual", {"amount": "100.01"}), ("load", {"amount": "50", "issuer": "LOTUS"})):
        _, form = asked(lotus, f"/desk/acts/{kind}", card=WANG, **fields)
        bills[kind] = done(lotus, f"/desk/acts/{kind}", form)
    for kind, said_back in (("redemption", "400"), ("accrual", "100.01"), ("load", "50.00")):
        place = bills[kind]
        _, form = asked(lotus, f"{place}/undo")
        assert form["part"] == said_back, kind
        before = alliance.row_counts()
        form |= {"reason": "mistyped"}
        for lost in ({"part": ""}, {"part": " "}):
            refused = lotus.post(f"{place}/undo", form | lost, page="/desk/")
            assert refused.status_code == 400 and "Nothing was done." in refused.text
        assert alliance.row_counts() == before
        done(lotus, f"{place}/undo", form)
        assert f"{place}/undo" not in lotus.get(place).text
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


def test_what_was_undone_meanwhile_is_not_taken_for_what_was_shown(lotus: Reader) -> None:
    place = redeem(lotus, 400)
    _, first = asked(lotus, f"{place}/undo")
    _, second = asked(lotus, f"{place}/undo", part=100)
    done(lotus, f"{place}/undo", second | {"reason": "mistyped"})
    late = lotus.post(f"{place}/undo", first | {"reason": "mistyped"}, page="/desk/")
    assert late.status_code == 422 and "more than is left to undo" in late.text


@pytest.mark.parametrize(
    ("kind", "fields", "lost"),
    [
        ("redemption", {"points": 40, "hold": "yes"}, "hold"),
        ("redemption", {"points": 40}, "merchant"),
        ("load", {"amount": "5", "issuer": "JADE"}, "issuer"),
    ],
)
def test_a_form_that_has_lost_what_was_shown_does_not_do_the_usual(
    alliance: Alliance, lotus: Reader, kind: str, fields: dict[str, object], lost: str
) -> None:
    """A hold would be booked, and another's stored value loaded as our own."""
    _, form = asked(lotus, f"/desk/acts/{kind}", card=WANG, **fields)
    before = alliance.row_counts()
    without = {name: value for name, value in form.items() if name != lost}
    refused = lotus.post(f"/desk/acts/{kind}", without, page="/desk/")
    assert refused.status_code == 400
    assert "The form came without one of its fields:" in said(refused.text)
    assert alliance.row_counts() == before
    done(lotus, f"/desk/acts/{kind}", form)


def test_todays_transactions_are_the_merchants_own_and_found_by_bill_number(
    alliance: Alliance, lotus: Reader
) -> None:
    other = {"card": WANG, "merchant": "LOTUS-2", "points": 7, "reference": "ELSEWHERE"}
    foreign = good(alliance.merchant("LOTUS-2").post("/v1/redemptions", other))
    assert "Nothing has been booked today." in lotus.get("/desk/transactions").text
    redeem(lotus, 40, reference="B-40")
    redeem(lotus, 50, reference="B-50")
    listed = lotus.get("/desk/transactions").text
    assert listed.index("B-50") < listed.index("B-40") and "ELSEWHERE" not in listed
    found = said(lotus.get("/desk/transactions?reference=B-40").text)
    assert "B-40" in found and "B-50" not in found
    assert "Nothing is booked under this bill number" in lotus.get("/desk/transactions?reference=X").text
    seen = lotus.get(f"/desk/transactions/{foreign['id']}")
    assert seen.status_code == 404 and "no such transaction at your merchants" in seen.text


def test_yesterdays_are_not_todays(alliance: Alliance, lotus: Reader) -> None:
    redeem(lotus, 40, reference="B-1")
    assert "B-1" in lotus.get("/desk/transactions").text
    with alliance.services.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE transactions SET booked_at = booked_at - interval '1 day'")
    assert "B-1" not in lotus.get("/desk/transactions").text
    assert "B-1" in lotus.get("/desk/transactions?reference=B-1").text


def test_the_receipt_says_nothing_of_what_it_costs_us(lotus: Reader) -> None:
    text = lotus.get(redeem(lotus, 4000, reference="B-1")).text
    slip = said("<main" + text.partition('class="slip"')[2].partition("</section>")[0])
    assert "LOTUS-1" in slip and "4,000" in slip and "¥40.00" in slip and "****0001" in slip and "B-1" in slip
    assert "0.50" not in slip and "owes" not in slip and WANG not in slip


def test_letters_of_no_font_are_told_on_the_receipt(lotus: Reader) -> None:
    """Whatever machine prints it: their numbers stand in their place, and at the end it says so."""
    shown = said(lotus.get(redeem(lotus, 10, reference="𠮷-\U0003134a-7")).text)
    slip = shown.partition("Bill number")[2]
    assert "𠮷-〔U+3134A〕-7" in slip
    assert "their numbers stand in their place: U+3134A" in slip
    assert "their numbers stand" not in said(lotus.get(redeem(lotus, 10, reference="㛃-8")).text)


#: Of a hanzi of the mainland's standard every machine that reads Chinese has a font.
BROUGHT = [font for font in letters.fonts() if font.family != "Noto Sans SC"]


@pytest.mark.parametrize("font", BROUGHT, ids=[font.file for font in BROUGHT])
def test_pages_use_a_font_for_all_letters_that_are_said_to_be_had(
    shared: Alliance, font: letters.Font
) -> None:
    """Or a receipt would have a box for one, and not a word about it."""
    style = shared.app.test_client().get("/static/pages/pages.css").text
    [face] = re.findall(rf'@font-face {{[^}}]*"../../fonts/{font.file}"[^}}]*}}', style)
    family, ranges = (
        re.findall(r'font-family: ("[^"]*")', face)[0],
        re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", face),
    )
    assert f"{family}," in re.findall("--tblr-font-sans-serif: ([^;]*)", style)[0]
    in_range = {one for first, last in ranges for one in range(int(first, 16), int(last or first, 16) + 1)}
    before = itertools.takewhile(lambda one: one != font, letters.fonts())
    elsewhere = {one for other in before for first, last in other.has for one in range(first, last + 1)}
    own = {one for first, last in font.has for one in range(max(first, 0x80), last + 1)} - elsewhere
    assert sorted(map(hex, own - in_range)) == []


@pytest.mark.parametrize("name", ["RareHanziA.ttf", "NotoSansThai-Regular.ttf"])
def test_pages_have_fonts_for_rare_letters(shared: Alliance, name: str) -> None:
    """The style sheet names them, and they come, and nothing else of that folder."""
    client = shared.app.test_client()
    assert f'url("../../fonts/{name}")' in client.get("/static/pages/pages.css").text
    found = client.get(f"/fonts/{name}")
    assert (found.status_code, found.data[:4]) == (200, b"\0\1\0\0")
    assert "max-age=" in found.headers["Cache-Control"]
    assert client.get("/fonts/OFL.txt").status_code == 404


def test_the_paper_is_kept_for_the_next_receipt(lotus: Reader) -> None:
    place = redeem(lotus, 40)
    assert "pages/print-80.css" in lotus.get(place).text
    assert "pages/print-a4.css" in lotus.get(f"{place}?paper=a4").text
    assert "pages/print-a4.css" in lotus.get(place).text


def test_who_has_several_merchants_keeps_the_one_chosen(alliance: Alliance) -> None:
    with alliance.services.engine.begin() as connection:
        make_user(connection, "boss", Scope.PARTICIPANT, "LOTUS")
    browser = reader(alliance, "boss")
    browser.get("/desk/?merchant=LOTUS-2")
    assert '<option value="LOTUS-2" selected>' in browser.get("/desk/").text
    refused = browser.get("/desk/transactions?merchant=JADE-1")
    assert refused.status_code == 403


def test_only_the_camera_may_compile_wasm_and_only_there(shared: Alliance) -> None:
    browser = reader(shared, "desk")
    camera, card = browser.get("/desk/scan"), browser.get("/desk/")
    policy = camera.headers["Content-Security-Policy"]
    assert policy.endswith("; script-src 'self' 'wasm-unsafe-eval'") and "unsafe-inline" not in policy
    assert "camera=(self)" in camera.headers["Permissions-Policy"]
    assert "wasm" not in card.headers["Content-Security-Policy"]
    assert "camera=()" in card.headers["Permissions-Policy"]
    wasm = browser.get(re.findall(r'data-wasm="([^"]+)"', camera.text)[0])
    assert wasm.content_type == "application/wasm" and wasm.data[:4] == b"\0asm"


@pytest.mark.parametrize(
    "scanned",
    [
        f"]C1{WANG}\t",
        f"*{WANG}*\r\n",
        f"{WANG[:4]}\u200b{WANG[4:]}\ufeff",
        f"\uff16{WANG[1:]}",
        f" {WANG}\u00a0",
    ],
)
def test_a_card_is_read_however_it_was_scanned_or_pasted(clerk: Reader, scanned: str) -> None:
    shown = clerk.get(f"/desk/?{urlencode({'number': scanned})}").text
    assert "✓ Valid" in said(shown) and f'name="card" value="{WANG}"' in shown
    shown, _ = asked(clerk, "/desk/acts/accrual", card=scanned, amount="１２。５０", reference="\u200bP-9\t")
    assert "Bill paid ¥12.50" in shown


def test_what_may_be_two_amounts_is_not_booked_anywhere_at_the_desk(
    alliance: Alliance, lotus: Reader
) -> None:
    """`12,50` was ¥1,250.00, and `12 50`, too; `5,00` was 500 points."""
    before = alliance.row_counts()
    wrong = {"amount": ("12,50", "12 50", "1,2345", "0,6", "12.345", "²"), "points": ("5,00", "4 0", "4.0")}
    for unit, kinds in (("amount", ("accrual", "load", "spend")), ("points", ("redemption",))):
        for kind in kinds:
            for text in wrong[unit]:
                form = {"card": WANG, "merchant": "LOTUS-1", unit: text, "idempotency_key": f"{kind} {text}"}
                response = lotus.post(f"/desk/acts/{kind}", form, page="/desk/")
                assert response.status_code == 422, (kind, text)
                assert f'id="{kind}-{unit}-error"' in response.text
    assert alliance.row_counts() == before
    bill = redeem(lotus, 1000).rpartition("/")[2]
    hold = redeem(lotus, 1000, hold="yes").rpartition("/")[2]
    before = alliance.row_counts()
    for path, field in (
        (f"/desk/transactions/{bill}/undo", "part"),
        (f"/desk/holds/{hold}/capture", "quantity"),
    ):
        for text in ("5,00", "50 0", "1.5"):
            form = {field: text, "reason": "mistyped", "idempotency_key": f"{path} {text}"}
            response = lotus.post(path, form, page="/desk/")
            assert response.status_code == 422, (path, text)
    assert alliance.row_counts() == before
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


def test_a_grouped_amount_is_booked_to_the_fen(alliance: Alliance, lotus: Reader) -> None:
    _, form = asked(lotus, "/desk/acts/accrual", card=WANG, amount="¥1,234。5０", reference=" P-3\u200b ")
    booked = done(lotus, "/desk/acts/accrual", form).rpartition("/")[2]
    found = good(alliance.merchant("LOTUS-1").get(f"/v1/transactions/{booked}"))
    by_number = lotus.get(f"/desk/transactions?{urlencode({'reference': PASTED})}")
    assert booked in by_number.text
    assert (found["amount"], found["reference"]) == (123_450, "P-3")
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


@pytest.mark.parametrize(("family", "codes"), [
    ("desk_status", [*CardStatus, "unknown"]),
    ("desk_kind", [one.label for one in TransactionKind]),
    ("desk_reason", [*(one.label for one in Reason), "held"]),
    ("desk_hold", HoldStatus),
])  # fmt: skip
def test_every_code_has_a_name(family: str, codes) -> None:  # type: ignore[no-untyped-def]
    assert {str(code) for code in codes} == set(words.families()[family])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_refusal_is_a_sentence(shared: Alliance, language: str) -> None:
    with shared.app.test_request_context("/", headers={"Accept-Language": language}):
        told = [sentence(code) for code in Code]
    assert all(text.endswith(("。", ".")) for text in told)
    if language == "zh":
        desk = [text for text in told if text.isascii()]
        assert desk == []
