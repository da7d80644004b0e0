"""Finance's pages: figures open the lines that make them up, own books only, disputes from end to end."""

import re
import time
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from api import statement_files
from api.pages import words
from clearing.core.commands import Scope
from clearing.core.holds import HoldStatus
from clearing.core.journal import LegKind, Reason, TransactionKind
from settlement.core.balance import Payment, PaymentDirection
from settlement.core.disputes import Act, DisputeReason, DisputeStatus
from settlement.core.statement import Direction, Moved
from settlement.disputes.acceptance import Instrument
from support.alliance import WANG, Alliance
from support.api import good
from support.disputes import Closed
from support.people import Reader, make_user, reader
from users.audit import ActFilter, list_acts

FIGURE = re.compile(r'class="figure-link" href="(/finance/statements/[^"]+)"[^>]*>([^<]+)<')


@pytest.fixture(scope="module")
def closed(shared: Alliance) -> Closed:
    return Closed(shared)


@pytest.fixture
def mine(alliance: Alliance) -> Closed:
    """For tests that change something."""
    return Closed(alliance)


def foot(shown: str) -> list[str]:
    """The figures at the foot of the lines, without their signs."""
    [found] = re.findall(r"<tfoot>(.*?)</tfoot>", shown, re.DOTALL)
    return re.findall(r"[\d,.]+", re.sub(r"<[^>]+>", " ", found))


def body_rows(shown: str) -> int:
    [found] = re.findall(r"<tbody>(.*?)</tbody>", shown, re.DOTALL)
    return str(found).count("<tr>")


@pytest.mark.parametrize("code", ["JADE", "LOTUS", "PINE"])
def test_every_figure_of_a_statement_opens_lines_that_come_to_it(closed: Closed, code: str) -> None:
    auditor = reader(closed.alliance, "auditor")
    statement = closed.statement(code)
    figures = FIGURE.findall(auditor.get(f"/finance/statements/{statement}").text)
    assert len(figures) > 8
    for address, figure in figures:
        shown = auditor.get(unescape(address))
        assert shown.status_code == 200, address
        assert figure.strip("−¥") in foot(shown.text), (address, figure)
    whole = auditor.get(f"/finance/statements/{statement}/lines").text
    assert body_rows(whole) == len(closed.lines(code))


def test_lines_are_those_of_the_document_with_their_numbers(closed: Closed) -> None:
    browser = reader(closed.alliance, "finance")
    address = f"/finance/statements/{closed.statement('JADE')}/lines?counterparty=LOTUS&kind=redemption"
    shown = browser.get(address).text
    line = closed.line("JADE", closed.redemption["id"])
    assert body_rows(shown) == 1
    assert f'data-label="Line">{line["line"]}</th>' in shown and line["member"] in shown
    assert browser.get(f"{address}&kind=nonsense").status_code == 200  # the first of the two counts
    assert browser.get(f"{address}&colour=green").status_code == 400


def test_finance_sees_its_own_books_only_and_auditors_choose(closed: Closed) -> None:
    browser, auditor = reader(closed.alliance, "finance"), reader(closed.alliance, "auditor")
    theirs = closed.statement("LOTUS")
    for page in ("", "/lines", "/files/pdf"):
        assert browser.get(f"/finance/statements/{theirs}{page}").status_code == 404
        assert browser.get(f"/finance/statements/{closed.statement('JADE')}{page}").status_code == 200
    named = f"/finance/?participant=LOTUS&period={closed.period}"
    assert theirs not in browser.get(named).text and theirs in auditor.get(named).text
    # JADE owes LOTUS for the points; what PINE is owed by others is no business of LOTUS.
    flows = f"/finance/flows?period={closed.period}"
    assert "¥300.00" in auditor.get(flows).text
    assert "¥300.00" not in auditor.get(f"{flows}&participant=LOTUS").text
    assert "¥25.00" in browser.get(flows).text
    owed = f"/finance/liability?period={closed.period}&participant=LOTUS"
    assert '<th scope="row" data-label="Issuer">JADE</th>' in browser.get(owed).text
    assert "<select" in auditor.get(owed).text and ">LOTUS<" in auditor.get(owed).text
    assert auditor.get("/finance/payments?participant=NOBODY").status_code == 400


def test_a_month_shows_its_state_net_and_due_date(closed: Closed) -> None:
    said = good(closed.jade.get(f"/v1/settlements/{closed.period}/JADE"))
    shown = reader(closed.alliance, "finance").get("/finance/").text
    net = said["participant"]["net"]
    assert f"¥{abs(net) // 100:,}.{abs(net) % 100:02}" in shown
    assert f'datetime="{said["due_on"]}"' in shown and "closed" in shown and "to pay to the hub" in shown
    paid = reader(closed.alliance, "finance").get("/finance/payments").text
    assert said["participant"]["payment_reference"] in paid and "to pay to the hub" in paid


def test_a_transaction_is_found_by_its_id_its_reference_and_its_card(closed: Closed) -> None:
    browser = reader(closed.alliance, "finance")
    found = closed.redemption["id"]
    page = f"/finance/transactions/{found}"
    assert browser.get(f"/finance/search?q={found}").location == page
    assert page in browser.get("/finance/search?q=POS-1").text
    assert page in browser.get(f"/finance/search?q={WANG[:4]}+{WANG[4:]}").text
    for scanned in (f"]C1{WANG}", f"*{WANG}*", f"{WANG}\u200b", "\ufeffPOS-1\t"):
        assert page in browser.get(f"/finance/search?{urlencode({'q': scanned})}").text
    assert "Nothing was found" in browser.get("/finance/search?q=POS-2").text
    assert "¥25.00" in browser.get(page).text
    unseen = good(
        closed.operator.post("/v1/accruals", {"card": "62000003", "merchant": "PINE-1", "amount": 100})
    )
    assert browser.get(f"/finance/transactions/{unseen['id']}").status_code == 404


def dispute_form(closed: Closed, **more: str) -> dict[str, str]:
    return {name: str(value) for name, value in closed.body("JADE", closed.redemption["id"]).items()} | {
        "part": "all",
        **more,
    }


def opened(closed: Closed, browser: Reader, **more: str) -> str:
    """The address of the dispute."""
    form = dispute_form(closed, confirmed="yes", **more)
    new = f"/finance/disputes/new?statement={form['statement']}&line={form['line']}"
    response = browser.post("/finance/disputes/new", form, page=new)
    assert response.status_code == 303, response.text
    return str(response.location)


def test_a_dispute_is_looked_at_first_then_opened_once(mine: Closed) -> None:
    browser = reader(mine.alliance, "finance")
    form = dispute_form(mine)
    new = f"/finance/disputes/new?statement={form['statement']}&line={form['line']}"
    before = mine.alliance.row_counts()
    shown = browser.post("/finance/disputes/new", form | {"part": "some", "points": "1000"}, page=new)
    assert shown.status_code == 200 and "1,000 points" in shown.text and "¥10.00" in shown.text
    too_many = browser.post("/finance/disputes/new", form | {"part": "some", "points": "9000"}, page=new)
    assert too_many.status_code == 422 and "field-points-error" in too_many.text
    silent = browser.post("/finance/disputes/new", form | {"text": " "}, page=new)
    assert silent.status_code == 422 and "field-text-error" in silent.text
    odd = browser.post("/finance/disputes/new", form | {"part": "some", "amount_yuan": "1.234"}, page=new)
    assert odd.status_code == 422 and "field-amount_yuan-error" in odd.text
    # It was ¥125.00.
    comma = browser.post("/finance/disputes/new", form | {"part": "some", "amount_yuan": "1,25"}, page=new)
    assert comma.status_code == 422 and "write 1.25." in comma.text
    spaced = browser.post("/finance/disputes/new", form | {"part": "some", "points": "10 00"}, page=new)
    assert spaced.status_code == 422 and "group three digits" in spaced.text
    # How much of the line is said, and never taken for all of it.
    for lost in ({"part": ""}, {"part": "some"}, {"part": "some", "points": " ", "confirmed": "yes"}):
        unsaid = browser.post("/finance/disputes/new", form | lost, page=new)
        assert unsaid.status_code == 422
        assert "Enter how much of it." in unsaid.text or "Choose whether all of it" in unsaid.text
    wide = browser.post("/finance/disputes/new", form | {"part": "some", "points": "１，０００"}, page=new)
    assert wide.status_code == 200 and "1,000 points" in wide.text
    assert mine.alliance.row_counts() == before
    address = opened(mine, browser)
    assert opened(mine, browser) == address  # sent twice
    assert len(good(mine.jade.get("/v1/disputes"))["data"]) == 1


def test_both_sides_follow_a_dispute_to_its_end(mine: Closed) -> None:
    jade = reader(mine.alliance, "finance")
    with mine.alliance.services.engine.begin() as connection:
        make_user(connection, "lotus", Scope.FINANCE, "LOTUS")
    lotus = Reader(mine.alliance.app.test_client())
    lotus.log_in("lotus")
    address = opened(mine, jade)
    assert (
        "It is your turn." not in jade.get(address).text and "Withdraw the dispute" in jade.get(address).text
    )
    assert (
        "It is your turn." in lotus.get(address).text
        and "Withdraw the dispute" not in lotus.get(address).text
    )
    for _ in range(2):  # sent twice, said once
        form = {"text": "Not twice\u200b,\r\nsee", "idempotency_key": "k"}
        assert lotus.post(f"{address}/answer", form, page=address).status_code == 303
    assert jade.get(address).text.count("Not twice, see") == 1
    # Digits alone are a text, too.
    form = {"text": "4711", "idempotency_key": "k2"}
    assert lotus.post(f"{address}/answer", form, page=address).status_code == 303
    assert jade.get(address).text.count("4711") == 1
    before = mine.nets()
    refused = jade.post(f"{address}/accept", {"by": "money"}, page=address)
    assert refused.status_code == 422 and "You may not do that" in refused.text
    lost = lotus.post(f"{address}/accept", {"text": "yes"}, page=address)
    assert (
        lost.status_code == 400
        and "how it is corrected. Nothing was done." in lost.text
        and mine.nets() == before
    )
    assert lotus.post(f"{address}/accept", {"by": "money"}, page=address).status_code == 303
    shown = jade.get(address).text
    assert "The correction" in shown and "What you can do" not in shown
    assert mine.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    assert reader(mine.alliance, "auditor").get(address).status_code == 200


def test_a_dispute_is_withdrawn_and_listed(mine: Closed) -> None:
    browser = reader(mine.alliance, "finance")
    address = opened(mine, browser)
    listed = "/finance/disputes?status=needs_response&waits_for=HUB"
    assert address not in browser.get(listed).text
    assert address in browser.get(f"/finance/disputes?status=needs_response&period={mine.period}").text
    assert browser.post(f"{address}/withdraw", page=address).status_code == 303
    assert address not in browser.get("/finance/disputes?status=needs_response").text
    assert "withdrawn" in browser.get(address).text


def test_a_large_file_is_waited_for(mine: Closed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_files, "LARGE_LINES", 2)
    browser, statement = reader(mine.alliance, "finance"), mine.statement("JADE")
    file = f"/finance/statements/{statement}.csv"
    first = browser.get(file)
    assert first.status_code == 303 and first.location == f"/finance/statements/{statement}/files/csv"
    shown = browser.get(first.location).text
    assert f'hx-get="{first.location}"' in shown and 'http-equiv="refresh"' in shown
    until = time.monotonic() + 60
    while "hx-get" in (part := browser.get(first.location, **{"HX-Request": "true"}).text):
        assert time.monotonic() < until
        time.sleep(0.2)
    assert f'href="{file}"' in part and "<html" not in part
    assert browser.get(file).data == mine.jade.get(f"/v1/statements/{statement}.csv").data


def test_figures_that_do_not_agree_are_told(mine: Closed) -> None:
    mine.change("UPDATE settlement_nets SET fees = fees + 1, net = net - 1")
    shown = reader(mine.alliance, "finance").get(f"/finance/statements/{mine.statement('JADE')}").text
    assert "Pay nothing on it" in shown


@pytest.mark.parametrize(("family", "codes"), [
    ("kind", {one.label for one in (*LegKind, *TransactionKind)}),
    ("reason", {*(one.label for one in Reason), "held"}),
    ("direction", set(map(str, Direction))),
    ("payment", set(map(str, Payment))),
    ("payment_direction", set(map(str, PaymentDirection))),
    ("part", set(Moved._fields)),
    ("dispute_status", set(map(str, DisputeStatus))),
    ("dispute_reason", set(map(str, DisputeReason))),
    ("dispute_act", {"open", *map(str, Act)}),
    ("instrument", set(map(str, Instrument))),
    ("transaction_status", {"posted", *map(str, HoldStatus)}),
])  # fmt: skip
def test_every_code_has_a_name(family: str, codes: set[Any]) -> None:
    assert codes <= set(words.families()[family])


def test_what_is_done_about_a_dispute_is_in_the_audit_log_of_who_does_it(mine: Closed) -> None:
    browser = reader(mine.alliance, "finance")
    address = opened(mine, browser)
    for _ in range(2):
        withdrawn = browser.post(f"{address}/withdraw", {"text": "", "idempotency_key": "w"}, page=address)
        assert withdrawn.status_code == 303
    with mine.alliance.services.engine.connect() as connection:
        acts = list_acts(connection, ActFilter(what="dispute."), None, 10)
    assert [(act.what, act.who) for act in acts] == [
        ("dispute.withdrawn", "user:finance"),
        ("dispute.opened", "user:finance"),
    ]
    about = f"dispute:{address.rpartition('/')[2]}"
    assert all(act.participant_id is not None and act.about == about for act in acts)
    assert "撤回争议" in reader(mine.alliance, "admin", "zh").get("/users/audit-log").text


def test_a_statement_tells_of_which_month_a_rebate_was_reclaimed(alliance: Alliance) -> None:
    rule = {"kind": "spend", "payer": "acceptor", "rate": "0.02"}
    good(alliance.operator.post("/v1/fee-rules", rule | {"tiers": [{"above": 10_000, "rate": "0.015"}]}))
    spend = {"card": WANG, "merchant": "PINE-1", "amount": 14_000}
    booked = good(alliance.operator.post("/v1/spends", spend))
    months = []
    for what in ({}, {"reason": "mistake"}):
        if what:
            good(alliance.operator.post(f"/v1/transactions/{booked['id']}/reversals", what))
        months.append(good(alliance.operator.get("/v1/periods"))["data"][-1]["period"])
        good(alliance.operator.post(f"/v1/periods/{months[-1]}/close", {"early": True}))
    [own] = good(alliance.operator.get(f"/v1/settlements/{months[0]}"))["rebates"]
    assert own["rebate"] == 20 and "of_period" not in own
    [reclaimed] = good(alliance.operator.get(f"/v1/settlements/{months[1]}"))["rebates"]
    assert (reclaimed["of_period"], reclaimed["rebate"]) == (months[0], -20)
    query = f"period={months[1]}&participant=PINE"
    [statement] = good(alliance.operator.get(f"/v1/statements?{query}"))["data"]
    browser = reader(alliance, "operator")
    shown = browser.get(f"/finance/statements/{statement['id']}").text
    assert "reclaimed for" in shown
    assert "−¥0.20" in shown
