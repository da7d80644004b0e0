"""The hub's pages: what an operator does on them, and that an auditor can do none of it."""

import re
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.imports.kinds import KINDS
from api.jobs import LISTED
from api.pages import words
from api.pages.hub import inputs
from api.pages.hub.caps import level_of
from clearing.adjustments import AdjustmentKind, AdjustmentStatus
from clearing.core.calendar import ExpiryKind
from clearing.core.commands import Scope
from clearing.core.directory import Status
from clearing.core.journal import LegKind
from clearing.core.rulebook import DrawOrder
from clearing.linking import LinkStatus
from settlement.core.disputes import Act, DisputeReason, DisputeStatus
from settlement.disputes.acceptance import Instrument
from support.alliance import CHEN, LI, WANG, Alliance
from support.api import good, wait_for_import
from support.disputes import Closed
from support.people import Reader, make_user, reader, second_reader
from users.audit import Act as AuditedAct
from users.audit import ActFilter, list_acts

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def hub(alliance: Alliance) -> Reader:
    return reader(alliance, "operator")


def acts(alliance: Alliance, what: str) -> list[AuditedAct]:
    with alliance.services.engine.connect() as connection:
        return list_acts(connection, ActFilter(what=what), None, 50)


def hidden(page: TestResponse) -> dict[str, str]:
    """What the last form of a page sends along."""
    found = page.text.rpartition('<form method="post"')[2]
    return {name: unescape(value) for name, value in _HIDDEN.findall(found)}


def followed(browser: Reader, response: TestResponse) -> str:
    assert response.status_code == 303, response.text
    return browser.get(response.location).text


CEDAR = {
    "code": "CEDAR",
    "name": "Cedar Inns",
    "expiry_kind": "rolling",
    "expiry_months": "24",
    "net_debit_cap": "¥1,000.00",
    "tiers": "Silver\nGold",
    "registered_name": "Cedar Inns Ltd.",
    "address": "1 Lake Road",
}


def test_an_operator_admits_a_participant_with_a_merchant_and_a_key(alliance: Alliance, hub: Reader) -> None:
    form = CEDAR | {"idempotency_key": "one"}
    for _ in range(2):  # sent twice it is done once
        shown = followed(hub, hub.post("/hub/participants/new", form))
        assert "Cedar Inns Ltd." in shown and "¥1,000.00" in shown and "Silver &lt; Gold" in shown
    [admitted] = acts(alliance, "participant.admitted")
    assert (admitted.who, admitted.about) == ("user:operator", "participant:CEDAR")
    merchant = {"code": "CEDAR-1", "name": "Cedar Lake", "benefits": "Gold: late check-out、welcome drink"}
    shown = followed(hub, hub.post("/hub/participants/CEDAR/merchants/new", merchant))
    assert "late check-out · welcome drink" in shown
    key_form = {"scope": "merchant", "merchant": "CEDAR-1", "name": "till", "idempotency_key": "two"}
    made = hub.post("/hub/keys/new", key_form)
    key = re.search(r"tdk_live_\w+", made.text)
    assert key is not None
    assert alliance.caller(key[0]).get(f"/v1/cards/{WANG}?merchant=CEDAR-1").status_code == 200
    again = hub.post("/hub/keys/new", key_form)
    assert "tdk_live_" not in again.text and "was made already" in followed(hub, again)
    assert len(acts(alliance, "api_key.made")) == 1
    assert key[0] not in str(acts(alliance, "api_key.made")) and key[0] not in hub.get("/hub/keys").text


def test_what_is_wrong_is_said_beside_the_field_and_kept(hub: Reader) -> None:
    bad = CEDAR | {"code": "no good", "net_debit_cap": "much", "expiry_months": "0", "name": ""}
    response = hub.post("/hub/participants/new", bad)
    assert response.status_code == 422
    for text in (
        "Write an amount in yuan",
        "Must begin with a letter or digit",
        "Must be from 1 to",
    ):
        assert text in response.text
    assert 'value="much"' in response.text
    taken = hub.post("/hub/participants/new", CEDAR | {"code": "JADE"})
    assert taken.status_code == 422 and "is taken; choose another" in unescape(taken.text)


@pytest.mark.parametrize(
    ("path", "form", "told"),
    [
        ("fees/new", {"kind": "visit", "rate": "0,6"}, "write 0.6."),
        ("fees/new", {"kind": "visit", "rate": "0.6", "flat": "12,50"}, "write 12.50."),
        ("fees/new", {"kind": "visit", "rate": "0.6", "min": "1,2345"}, "group three digits"),
        ("fees/new", {"kind": "visit", "rate": "2", "tiers": "100,00 0.5"}, "write 100.00."),
        ("settings/edit", {"vat_rate": "6,5"}, "write 6.5."),
        ("settings/edit", {"point_value": "0,7"}, "write 0.7."),
        ("settings/edit", {"card_points_per_day": "10,00"}, "Write a whole number."),
        ("participants/new", CEDAR | {"net_debit_cap": "1.234,00"}, "Write an amount in yuan"),
        ("participants/new", CEDAR | {"earn_rate": "1,5"}, "write 1.5."),
        ("adjustments/new/money", {"debtor": "JADE", "creditor": "PINE", "amount": "12,50"}, "write 12.50."),
        ("adjustments/new/points", {"issuer": "JADE", "card": WANG, "points": "-5,00"}, "whole number"),
    ],
)
def test_a_comma_that_may_be_a_point_is_refused_on_every_page(
    alliance: Alliance, hub: Reader, path: str, form: dict[str, str], told: str
) -> None:
    """A rate of `0,6` was 6 %."""
    before = alliance.row_counts()
    response = hub.post(f"/hub/{path}", form | {"reason": "x", "confirmed": "yes"})
    assert response.status_code == 422
    assert told in unescape(response.text)
    assert alliance.row_counts() == before


def test_pasted_text_is_what_is_seen_of_it(alliance: Alliance, hub: Reader) -> None:
    form = CEDAR | {
        "name": "\ufeff Cafe\u0301\u200b Cedar\u00a0",
        "tiers": "Sil\u00adver \r\n\r\n\u200bGold\t",
    }
    followed(hub, hub.post("/hub/participants/new", form))
    made = good(alliance.operator.get("/v1/participants/CEDAR"))
    assert (made["name"], made["tiers"]) == ("Caf\u00e9 Cedar", ["Silver", "Gold"])
    response = hub.post("/hub/participants/new", CEDAR | {"code": "OAK", "name": "Oak\ufffe"})
    assert response.status_code == 422 and "character 4 is U+FFFE" in response.text


def test_an_adjustment_takes_the_card_as_it_is_scanned(alliance: Alliance, hub: Reader) -> None:
    form = {"issuer": "PINE", "card": f"]C1{WANG}\t", "points": "1,000", "reason": "lost\r\nby us"}
    asked = hub.post("/hub/adjustments/new/points", form)
    assert asked.status_code == 200
    followed(hub, hub.post("/hub/adjustments/new/points", hidden(asked)))
    [made] = good(alliance.operator.get("/v1/adjustments"))["data"]
    assert (made["card"], made["points"], made["reason"]) == (WANG, 1000, "lost by us")


def test_errors_are_chinese_where_the_page_is(alliance: Alliance) -> None:
    hub = reader(alliance, "operator", "zh")
    bad = CEDAR | {
        "code": "no good",
        "net_debit_cap": "x",
        "expiry_months": "0",
        "name": "",
        "earn_rate": "y",
    }
    pages = [
        hub.post("/hub/participants/new", bad),
        hub.post("/hub/participants/new", CEDAR | {"code": "JADE"}),
        hub.post("/hub/keys/new", {"scope": "merchant"}),
        hub.post("/hub/keys/new", {"scope": "finance"}),
        hub.post("/hub/fees/new", {"kind": "visit", "rate": "1", "tiers": "100 2"}),
        hub.post("/hub/adjustments/new/money", {"debtor": "JADE", "creditor": "JADE", "amount": "1"}),
        hub.post(
            "/hub/adjustments/new/points", {"card": "1", "issuer": "JADE", "points": "5", "reason": "x"}
        ),
        hub.post("/hub/settings/edit", {"time_zone": "Moon/Sea"}),
    ]
    for page in pages:
        assert page.status_code == 422
        said = re.findall(r'(?:invalid-feedback"[^>]*|role="alert"[^>]*)>([^<]+)<', page.text)
        assert said and all(re.search("[一-鿿]", one) for one in said), said


def test_a_participant_is_changed_suspended_and_let_in_again(alliance: Alliance, hub: Reader) -> None:
    form = {"name": "Jade", "net_debit_cap": "500", "stored_value_enabled": "yes", "expiry_kind": "never"}
    shown = followed(hub, hub.post("/hub/participants/JADE/edit", form))
    assert "¥500.00" in shown
    [act] = acts(alliance, "participant.changed")
    assert act.data["net_debit_cap"] == [None, 50_000] and "tiers" not in act.data
    followed(hub, hub.post("/hub/participants/JADE/edit", {"name": "Jade Inns"}))
    assert good(alliance.operator.get("/v1/participants/JADE"))["net_debit_cap"] == 50_000, "it was lost"
    for status in ("suspended", "active"):
        page = "/hub/participants/JADE"
        followed(hub, hub.post("/hub/participants/JADE/status", {"status": status}, page=page))
        assert good(alliance.operator.get("/v1/participants/JADE"))["status"] == status
        page = "/hub/participants/JADE/merchants/JADE-1"
        followed(hub, hub.post(f"{page}/status", {"status": status}, page=page))
        assert hub.post(f"{page}/status", {}, page=page).status_code == 400, "it says nothing"
        [merchant] = good(alliance.operator.get("/v1/participants/JADE/merchants"))["data"]
        assert merchant["status"] == status
    assert len(acts(alliance, "merchant.changed")) == 2


def test_a_key_is_rotated_at_once_or_later_and_revoked(alliance: Alliance, hub: Reader) -> None:
    for old, works in (("now", 401), ("later", 200)):
        caller = alliance.caller(good(alliance.operator.post("/v1/api-keys", {"scope": "auditor"}))["key"])
        id_ = caller.key.split("_")[2]
        assert caller.get("/v1/alliance").status_code == 200
        path = f"/hub/keys/{id_}/rotate"
        made = hub.post(path, {"old": old, "idempotency_key": old})
        new = re.search(r"tdk_live_\w+", made.text)
        assert new is not None and alliance.caller(new[0]).get("/v1/alliance").status_code == 200
        assert caller.get("/v1/alliance").status_code == works
    followed(hub, hub.post(f"/hub/keys/{id_}/revoke", page="/hub/keys"))
    assert caller.get("/v1/alliance").status_code == 401
    assert len(acts(alliance, "api_key.revoked")) == 2


def test_a_fee_rule_is_tried_before_it_is_made(alliance: Alliance, hub: Reader) -> None:
    closed = Closed(alliance)
    form = {"kind": "redemption", "acceptor": "LOTUS", "rate": "4%", "period": closed.period}
    before = alliance.row_counts()["fee_rules"]
    preview = hub.post("/hub/fees/new", form)
    assert "¥0.50" in preview.text and "¥1.00" in preview.text  # 2 % of ¥25.00, and 4 %
    assert alliance.row_counts()["fee_rules"] == before
    made = hidden(preview)
    for name in ("issuer", "min"):  # would be for everybody, and without a minimum
        lost = hub.post("/hub/fees", {key: value for key, value in made.items() if key != name})
        assert lost.status_code == 422 and "was lost on the way" in lost.text, name
    for _ in range(2):
        shown = followed(hub, hub.post("/hub/fees", made, page="/hub/fees/new"))
    assert "4%" in shown
    assert alliance.row_counts()["fee_rules"] == before + 1
    assert len(acts(alliance, "fee_rule.made")) == 1
    changed = hub.post("/hub/fees", made | {"change": "yes"}, page="/hub/fees/new")
    assert changed.status_code == 200 and 'value="4%"' in changed.text


def test_settings_are_confirmed_and_their_history_tells_what_changed(alliance: Alliance, hub: Reader) -> None:
    edit = hub.get("/hub/settings/edit").text
    form = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', edit)}
    form |= {"draw_order": "own_first", "dual_control": "yes", "grace_days": "45"}
    asked = hub.post("/hub/settings/edit", form)
    assert asked.status_code == 200 and "45" in asked.text
    assert good(alliance.operator.get("/v1/alliance"))["grace_days"] == 30
    shown = followed(hub, hub.post("/hub/settings/edit", hidden(asked)))
    now = good(alliance.operator.get("/v1/alliance"))
    assert (now["grace_days"], now["dual_control"], now["vat_rate"]) == (45, True, "0.06")
    assert "30 → <strong>45</strong>" in shown
    [act] = acts(alliance, "alliance.changed")
    assert act.data["grace_days"] == [30, 45] and set(act.data) == {"grace_days", "dual_control", "form"}


def test_a_month_is_closed_early_after_a_question_and_approved_by_another(
    alliance: Alliance, hub: Reader
) -> None:
    good(alliance.operator.put("/v1/alliance", {"dual_control": True}))
    period = good(alliance.operator.get("/v1/periods"))["data"][-1]["period"]
    path = f"/hub/periods/{period}"
    asked = hub.get(f"{path}/close")
    assert "cannot be undone" in asked.text
    shown = followed(hub, hub.post(f"{path}/close", hidden(asked), page=f"{path}/close"))
    assert "give" in shown and "another operator approves it" in unescape(shown)
    refused = hub.post(f"{path}/approve", page=path)
    assert refused.status_code == 422 and "ask another operator" in refused.text
    with alliance.services.engine.begin() as connection:
        make_user(connection, "second", Scope.OPERATOR)
    other = second_reader(alliance, "second")
    assert "Approved: its nets can be paid." in followed(other, other.post(f"{path}/approve", page=path))
    assert [act.who for act in acts(alliance, "period.")] == ["user:second", "user:operator"]
    assert hub.get("/hub/periods/1999-01").status_code == 404


def test_an_adjustment_takes_two(alliance: Alliance, hub: Reader) -> None:
    form = {"card": WANG, "issuer": "JADE", "points": "-500", "reason": "Booked twice"}
    asked = hub.post("/hub/adjustments/new/points", form)
    assert "−¥5.00" in asked.text and acts(alliance, "adjustment.") == []
    for _ in range(2):
        shown = followed(hub, hub.post("/hub/adjustments/new/points", hidden(asked)))
    [one] = good(alliance.operator.get("/v1/adjustments?status=proposed"))["data"]
    path = f"/hub/adjustments/{one['id']}"
    assert path in shown and "Approve and book" not in hub.get(path).text
    own = hub.post(f"{path}/approve", page=path)
    assert own.status_code == 422 and "ask another operator" in own.text
    with alliance.services.engine.begin() as connection:
        make_user(connection, "second", Scope.OPERATOR)
    other = second_reader(alliance, "second")
    assert "Approved and booked." in followed(other, other.post(f"{path}/approve", page=path))
    wallet = good(alliance.participant("JADE").get(f"/v1/wallets/{alliance.wallet(WANG)}"))
    assert wallet["points"]["available"] == 6000
    assert [act.what for act in acts(alliance, "adjustment.")] == [
        "adjustment.approved",
        "adjustment.proposed",
    ]


def test_the_hub_agrees_to_links_and_rejects_them(alliance: Alliance, hub: Reader) -> None:
    for card, other in ((WANG, LI), (WANG, CHEN)):
        path = f"/v1/wallets/{alliance.wallet(card)}/links"
        good(alliance.participant("JADE").post(path, {"card": other}))
    links = good(alliance.operator.get("/v1/links?status=proposed"))["data"]
    for link, act, said in zip(links, ("approve", "reject"), ("are linked", "is rejected"), strict=True):
        assert link["id"] in hub.get("/hub/links").text
        path = f"/hub/links/{link['id']}/{act}"
        assert said in followed(hub, hub.post(path, page="/hub/links"))
    assert len(acts(alliance, "link.")) == 2
    assert "Nothing waits here." in hub.get("/hub/links").text


def test_the_hub_answers_and_decides_disputes(alliance: Alliance, hub: Reader) -> None:
    closed = Closed(alliance)
    dispute = closed.open("LOTUS", closed.redemption["id"], "wrong_fee")
    path = f"/hub/disputes/{dispute['id']}"
    assert path in hub.get("/hub/disputes").text
    assert hub.post(path, {"act": "reject", "text": ""}).status_code == 422
    form = {"act": "answer", "text": "We look into it", "idempotency_key": "x"}
    for _ in range(2):
        shown = followed(hub, hub.post(path, form))
    assert shown.count("We look into it") == 1
    asked = hub.post(path, {"act": "accept", "text": "Right", "by": "money"})
    assert "Accept this dispute?" in asked.text and "This cannot be undone." in asked.text
    assert good(alliance.operator.get(f"/v1/disputes/{dispute['id']}"))["status"] != "accepted"
    assert "Accepted" in followed(hub, hub.post(path, hidden(asked)))
    assert [act.what for act in acts(alliance, "dispute.")] == ["dispute.accepted", "dispute.answered"]
    closed.adds_up()


def test_a_file_is_imported_and_its_refused_rows_are_shown_and_given_back(
    alliance: Alliance, hub: Reader
) -> None:
    rows = f"card,issuer,asset,quantity,expires_on\n{WANG},JADE,points,10,2037-12-31\nnone,JADE,points,5,\n"

    def send(key: str, **more: Any) -> TestResponse:
        token = hub.token("/hub/imports/new")
        data = {"csrf_token": token, "kind": "balances", "idempotency_key": key, **more}
        return hub.client.post("/hub/imports/new", data=data, headers={"Accept-Language": "en"})

    assert send("0").status_code == 422
    sent = send("1", file=(BytesIO(rows.encode()), "balances.csv"))
    assert sent.status_code == 303
    progress = hub.get(sent.location, **{"HX-Request": "true"}).text
    assert "<html" not in progress
    while "every 1s" in progress:
        progress = hub.get(sent.location, **{"HX-Request": "true"}).text
    shown = hub.get(sent.location).text
    assert "There is no such card" in shown and "Download the refused rows" in shown
    file = hub.get(f"{sent.location}/refused.csv")
    assert f"{WANG},JADE" not in file.text
    assert "none,JADE,points,5" in file.text
    assert "attachment" in file.headers["Content-Disposition"]
    assert "sent already" in followed(hub, send("1", file=(BytesIO(rows.encode()), "balances.csv")))
    [act] = acts(alliance, "import.started")
    assert act.data["file"] == "balances.csv"


def test_what_is_wrong_with_a_file_is_told_in_the_reader_s_language(alliance: Alliance, hub: Reader) -> None:
    content = 'participant,name,phone\nJADE,王\nJADE,"李,13911160001\nJADE,赵,1.39E+10\n'.encode("gb18030")
    done = wait_for_import(alliance.operator, "members", content)
    chinese = hub.client.get(f"/hub/imports/{done['id']}", headers={"Accept-Language": "zh"}).text
    assert "读取编码" in chinese and "GB18030" in chinese
    for told in ("有 2 个单元格", "未闭合的引号", "已把号码缩写成 1.39E+10"):
        assert told in chinese
    assert "JADE,王" in chinese, "the row as it was sent"
    english = hub.get(f"/hub/imports/{done['id']}").text
    assert "has 2 cells and the first line names 3 columns" in english


def test_who_got_which_card_can_be_downloaded(alliance: Alliance, hub: Reader) -> None:
    refused_too = "participant,phone\nJADE,13911160002\nNOBODY,\n"
    done = wait_for_import(alliance.operator, "members", refused_too)
    path = f"/hub/imports/{done['id']}"
    shown = hub.get(path).text
    assert f"{path}/results.csv" in shown
    assert "/hub/imports/new?kind=members&amp;historical=no" in shown
    file = hub.get(f"{path}/results.csv")
    assert "attachment" in file.headers["Content-Disposition"]
    [_, row] = file.data.decode("utf-8-sig").splitlines()
    member = good(alliance.operator.get(f"/v1/members/{row.split(',')[2]}"))
    assert member["card"]["number"] in row
    other = wait_for_import(alliance.operator, "accruals", "card,merchant,amount\n")
    assert "results.csv" not in hub.get(f"/hub/imports/{other['id']}").text


def test_names_of_refused_members_are_for_who_sent_them(alliance: Alliance, hub: Reader) -> None:
    done = wait_for_import(
        alliance.operator, "members", "participant,name,phone\nNOBODY,Zhao Yun,13800000009\n"
    )
    assert "Zhao Yun" in hub.get(f"/hub/imports/{done['id']}").text
    auditor = reader(alliance, "auditor")
    assert "Zhao Yun" not in auditor.get(f"/hub/imports/{done['id']}").text
    assert "Zhao Yun" not in auditor.get(f"/hub/imports/{done['id']}/refused.csv").text


def test_the_overview_tells_the_day(alliance: Alliance, hub: Reader) -> None:
    good(alliance.operator.patch("/v1/participants/JADE", {"net_debit_cap": 2_600}))
    body = {"card": WANG, "merchant": "LOTUS-1"}
    good(alliance.operator.post("/v1/redemptions", {**body, "points": 4000}))
    good(alliance.operator.post("/v1/redemptions", {**body, "points": 100, "capture": False}))
    shown = hub.get("/hub/").text
    assert "¥25.00 of ¥26.00 owed, 96.2%" in shown and "cap-full" in shown
    assert '<p class="figure">1</p>' in shown.partition("Exchanges today")[2]
    assert "the most, 1," in shown and "not yet checked" in shown and "No process runs the jobs" in shown


def test_an_auditor_reads_everything_and_finds_no_button(alliance: Alliance) -> None:
    closed = Closed(alliance)
    dispute = closed.open("LOTUS", closed.redemption["id"], "wrong_fee")
    path = f"/v1/wallets/{alliance.wallet(WANG)}/links"
    good(alliance.participant("JADE").post(path, {"card": LI}))
    money = {"kind": "money", "debtor": "JADE", "creditor": "HUB", "amount": 5, "reason": "x"}
    adjustment = good(alliance.operator.post("/v1/adjustments", money))
    auditor, operator = reader(alliance, "auditor"), reader(alliance, "operator")
    pages = [
        "", "participants", "participants/JADE", "keys", "fees", "settings", "periods",
        f"periods/{closed.period}", f"periods/{closed.open_period()}", "adjustments",
        f"adjustments/{adjustment['id']}", "links", "disputes", f"disputes/{dispute['id']}", "imports",
    ]  # fmt: skip
    for page in pages:
        main = auditor.get(f"/hub/{page}").text.partition('<main id="content"')[2]
        assert main and 'method="post"' not in main and "btn-primary" not in main, page
        assert "/new" not in main and "/edit" not in main, page
        assert operator.get(f"/hub/{page}").status_code == 200, page


@pytest.mark.parametrize(
    ("family", "codes"),
    [
        ("exchange_kind", [kind.label for kind in LegKind]),
        ("place_status", Status),
        ("draw_order", DrawOrder),
        ("expiry", ExpiryKind),
        ("adjustment_status", AdjustmentStatus),
        ("adjustment_kind", AdjustmentKind),
        ("link_status", LinkStatus),
        ("dispute_status", DisputeStatus),
        ("dispute_reason", DisputeReason),
        ("dispute_act", ["open", *Act]),
        ("instrument", Instrument),
        ("job", [job.name for job in LISTED]),
        ("import_kind", KINDS),
        ("key_scope", Scope),
    ],
)
def test_every_code_of_the_hub_has_a_name(family: str, codes: Any) -> None:
    assert {str(code) for code in codes} == set(words.families()[family])


def test_rates_are_shown_exactly() -> None:
    assert [inputs.show_percentage(rate) for rate in ("0.006", "0.02", "1", "0")] == ["0.6", "2", "100", "0"]


@pytest.mark.parametrize(
    ("debit", "cap", "level"),
    [(0, 100, "calm"), (69, 100, "calm"), (70, 100, "raised"), (85, 100, "high"), (95, 100, "full"),
     (120, 100, "full"), (-5, 100, "calm"), (0, 0, "calm"), (1, 0, "full")],
)  # fmt: skip
def test_a_debit_has_the_colour_of_the_line_it_has_reached(debit: int, cap: int, level: str) -> None:
    assert level_of(debit, cap) == level


def test_narrowed_lists_come_in_whole_pages(
    alliance: Alliance, hub: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.hub.keys.SHOWN", 2)
    monkeypatch.setattr("api.pages.hub.participants.SHOWN", 1)
    body = {"scope": "finance", "participant": "JADE", "name": "f"}
    made = [good(alliance.operator.post("/v1/api-keys", body))["id"] for _ in range(6)]
    kept = sorted(made)[-2:]
    for one in set(made) - set(kept):
        good(alliance.operator.delete(f"/v1/api-keys/{one}"))
    shown, seen = hub.get("/hub/keys?participant=JADE"), []
    while True:
        rows = re.findall(r'class="request-id">(\w+)</span></th>', shown.text)
        seen += rows
        onwards = re.search(r'rel="next" href="([^"]+)"', shown.text)
        if onwards is None:
            break
        assert len(rows) == 2
        shown = hub.get(unescape(onwards[1]))
    assert set(kept) <= set(seen) and not (set(made) - set(kept)) & set(seen)
    everything = hub.get("/hub/keys?participant=JADE&revoked=yes").text
    assert everything.count('class="request-id"') >= 2
    good(alliance.operator.patch("/v1/participants/LOTUS", {"status": "suspended"}))
    suspended = hub.get("/hub/participants?status=suspended").text
    assert ">LOTUS</a>" in suspended and 'rel="next"' not in suspended


def test_a_form_that_is_sent_again_later_does_not_undo_what_was_done_since(
    alliance: Alliance, hub: Reader
) -> None:
    page = "/hub/participants/LOTUS"
    merchant = f"{page}/merchants/LOTUS-1"
    for number, at in enumerate((page, merchant)):
        suspend = {"status": "suspended", "idempotency_key": f"{number} first"}
        back = {"status": "active", "idempotency_key": f"{number} second"}
        for form in (suspend, back, suspend):
            followed(hub, hub.post(f"{at}/status", form, page=at))
        acted = acts(alliance, "participant.changed" if at == page else "merchant.changed")
        assert [act.data["status"] for act in acted] == [["suspended", "active"], ["active", "suspended"]]
    assert good(alliance.operator.get("/v1/participants/LOTUS"))["status"] == "active"


def test_a_month_is_paid_out_by_a_file_when_changed_accounts_were_looked_at(
    alliance: Alliance, hub: Reader
) -> None:
    spent = {"card": WANG, "merchant": "PINE-1", "amount": 30_000}
    period = good(alliance.operator.post("/v1/spends", spent))["period"]
    good(alliance.operator.post(f"/v1/periods/{period}/close", {"early": True}))
    page, account = f"/hub/periods/{period}/payment-file", "/v1/participants/PINE/bank-account"
    assert "has not been approved" in hub.get(page).text
    bank = {"account_number": "62220", "clearing_code": "102100099996", "country": "CN"}
    good(alliance.operator.put("/v1/alliance/bank-account", {"holder": "Tongdui", **bank}))
    good(alliance.operator.put(account, {"holder": "Pine", **bank}))
    assert "Pay out" in followed(
        hub, hub.post(f"/hub/periods/{period}/approve", page=f"/hub/periods/{period}")
    )
    shown = hub.get(page).text
    assert "¥298.20" in shown and "Changed since the approval" not in shown
    made = hub.post(page)
    assert made.mimetype == "application/xml" and b"298.20" in made.data
    good(alliance.operator.put(account, {"holder": "Mallory", **bank, "account_number": "99999"}))
    refused = hub.post(page)
    assert refused.status_code == 422 and "Pine" in refused.text and "Mallory" in refused.text
    unseen = {name: value for name, value in hidden(refused).items() if name != "seen"}
    assert hub.post(page, unseen).status_code == 422
    assert b"Mallory" in hub.post(page, unseen | {"seen": "yes"}).data
    wrong = hub.post(page, unseen | {"seen": "yes", "execution_on": "soon"})
    assert wrong.status_code == 422 and "Not a valid date." in wrong.text
    assert [act.what for act in acts(alliance, "payment_file.")] == ["payment_file.made"] * 2
    assert "付款文件" in reader(alliance, "auditor", "zh").get(page).text
    assert hub.get("/hub/periods/x/payment-file").status_code == 400
