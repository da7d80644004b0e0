"""An alliance in which everything has happened once, and the addresses of pages in every state they have."""

from collections.abc import Callable
from typing import Any, NamedTuple

from playwright.sync_api import Page

from support.alliance import LI, NOBODY, WANG, Alliance
from support.api import good, wait_for_import
from support.disputes import Closed, path
from support.people import ensure_people

BLOCKED, EXPIRED = "62000021", "62000022"


class View(NamedTuple):
    """A page as `who` sees it; `acts` are done on it before it is looked at."""

    name: str
    who: str | None
    path: str
    acts: Callable[[Page], Any] | None = None


def live_in(alliance: Alliance) -> list[View]:
    """Two months have been closed, one of them is settled in part; what can wait, waits; names are as long as
    they are in life.
    """
    ensure_people(alliance)
    operator = alliance.operator
    _name(alliance)
    closed = Closed(alliance)
    disputes = _disputes(closed)
    month = f"/v1/settlements/{closed.period}/payments"
    good(operator.post(f"/v1/periods/{closed.period}/approve"))
    for who, way, amount, reference in (("JADE", "in", 10_000, "B-1"), ("PINE", "out", 29_820, "B-2")):
        body = {"participant": who, "direction": way, "amount": amount, "bank_reference": reference}
        good(operator.post(month, body | {"note": "工商银行对公账户转入"}))
    _post(alliance, "redemptions", "LOTUS-1", points=600, reference="翡翠-2026-11-000123")
    _post(alliance, "spends", "PINE-1", amount=1_234)
    second = closed.open_period()
    closed.close(second)
    good(operator.patch("/v1/participants/JADE", {"net_debit_cap": 11_000, "address": "杭州市湖滨路 1 号"}))
    good(operator.patch("/v1/participants/PINE", {"net_debit_cap": 1_000_000}))
    good(operator.patch("/v1/participants/LOTUS", {"net_debit_cap": 0}))
    for amount in (3_000, 4_500):
        _post(alliance, "spends", "LOTUS-1", amount=amount)
    _post(alliance, "redemptions", "JADE-1", points=200, reference="POS-77")
    undoable = _post(alliance, "redemptions", "JADE-1", points=120, reference="POS-78")
    used = _post(alliance, "redemptions", "JADE-1", points=150)
    good(operator.post(f"/v1/transactions/{used['id']}/reversals", {"reason": "mistake"}))
    _post(alliance, "redemptions", "JADE-1", points=50, capture=False, reference="房间 808")
    held = good(operator.get("/v1/holds"))["data"][0]
    good(alliance.participant("JADE").post(f"/v1/wallets/{alliance.wallet(WANG)}/links", {"card": LI}))
    adjustments = _adjustments(alliance)
    good(operator.put("/v1/alliance", {"grace_days": 45, "hub_name": "通兑平台有限公司"}))
    wide = {"kind": "redemption", "payer": "acceptor", "acceptor": "LOTUS", "issuer": "JADE"}
    good(operator.post("/v1/fee-rules", wide | {"rate": "0.025", "min": 10, "max": 5_000}))
    key = good(operator.post("/v1/api-keys", {"scope": "merchant", "merchant": "LOTUS-1", "name": "till 3"}))
    gone = good(operator.post("/v1/api-keys", {"scope": "participant", "participant": "PINE"}))
    good(operator.delete(f"/v1/api-keys/{gone['id']}"))
    rows = (
        f"card,merchant,amount\n{WANG},LOTUS-1,88800\nnone,LOTUS-1,100\n{WANG},NOWHERE,5\n{WANG},JADE-1,x\n"
    )
    refused = wait_for_import(operator, "accruals", rows)
    clean = wait_for_import(operator, "accruals", f"card,merchant,amount\n{WANG},LOTUS-1,1000\n")
    statement, other = closed.statement("JADE"), closed.statement("JADE", second)
    line = closed.line("JADE", closed.load["id"])["line"]
    open_month = closed.open_period()
    lines = f"/finance/statements/{statement}/lines"
    found = [
        View("card", "desk", f"/desk/?number={WANG}"),
        View("card-own", "desk", f"/desk/?number={LI}"),
        View("card-blocked", "desk", f"/desk/?number={BLOCKED}"),
        View("card-expired", "desk", f"/desk/?number={EXPIRED}"),
        View("card-unknown", "desk", f"/desk/?number={NOBODY}"),
        View("today", "desk", "/desk/transactions"),
        View("by-bill", "desk", "/desk/transactions?reference=POS-77"),
        View("holds", "desk", "/desk/holds"),
        View("hold", "desk", f"/desk/holds/{held['id']}"),
        View("capture", "desk", f"/desk/holds/{held['id']}/capture?points=30"),
        View("release", "desk", f"/desk/holds/{held['id']}/release"),
        View("receipt-80", "desk", f"/desk/transactions/{used['id']}?paper=80"),
        View("receipt-a4", "desk", f"/desk/transactions/{used['id']}?paper=a4"),
        View("undo", "desk", f"/desk/transactions/{undoable['id']}/undo"),
        View("quote", "desk", f"/desk/acts/spend?card={WANG}&amount=12.50"),
        View("months", "finance", "/finance/"),
        View("months-all", "operator", "/finance/"),
        View("nets", "operator", f"/finance/?period={closed.period}"),
        View("statement", "finance", f"/finance/statements/{statement}"),
        View("statement-second", "finance", f"/finance/statements/{other}"),
        View("lines", "finance", lines),
        View("lines-payable", "finance", f"{lines}?direction=payable&only=exchanges"),
        View("lines-none", "finance", f"{lines}?reference=none"),
        View("payments", "finance", "/finance/payments"),
        View("payments-all", "operator", "/finance/payments"),
        View("disputes", "finance", "/finance/disputes"),
        View("dispute-new", "finance", f"/finance/disputes/new?statement={statement}&line={line}"),
        View(
            "dispute-look",
            "finance",
            f"/finance/disputes/new?statement={statement}&line={line}",
            lambda page: _sent(page, {"#field-text": "同一张账单入账两次"}, {"#field-reason": "duplicate"}),
        ),
        *(
            View(f"dispute-{state}", "operator", f"/finance/disputes/{one}")
            for state, one in disputes.items()
        ),
        View("dispute-own", "finance", f"/finance/disputes/{disputes['rejected']}"),
        View("dispute-our-turn", "finance", f"/finance/disputes/{disputes['needs_response']}"),
        View("transaction", "finance", f"/finance/transactions/{closed.redemption['id']}"),
        View("search-card", "finance", f"/finance/search?q={WANG}"),
        View("search-none", "finance", "/finance/search?q=nothing-of-this-name"),
        View("flows", "operator", f"/finance/flows?period={closed.period}"),
        View("liability", "finance", "/finance/liability"),
        View("waiting", "finance", f"/finance/statements/{statement}/files/pdf"),
        View("overview", "operator", "/hub/"),
        View("periods", "operator", "/hub/periods"),
        View("period-approved", "operator", f"/hub/periods/{closed.period}"),
        View("period-closed", "operator", f"/hub/periods/{second}"),
        View("period-open", "operator", f"/hub/periods/{open_month}"),
        View("period-close", "operator", f"/hub/periods/{open_month}/close"),
        View("participants", "operator", "/hub/participants"),
        View("participant", "operator", "/hub/participants/JADE"),
        View("participant-cap-0", "operator", "/hub/participants/LOTUS"),
        View("participant-edit", "operator", "/hub/participants/JADE/edit"),
        View("merchant", "operator", "/hub/participants/JADE/merchants/JADE-1"),
        View("keys", "operator", "/hub/keys"),
        View("keys-revoked", "operator", "/hub/keys?revoked=yes"),
        View("key-rotate", "operator", f"/hub/keys/{key['id']}/rotate"),
        View("key-made", "operator", "/hub/keys/new?merchant=JADE-1", _sent),
        View("fees", "operator", "/hub/fees"),
        View(
            "fee-preview",
            "operator",
            "/hub/fees/new",
            lambda page: _sent(page, {"#field-rate": "4"}, {"#field-acceptor": "LOTUS"}),
        ),
        View("fee-wrong", "operator", "/hub/fees/new", lambda page: _sent(page, {"#field-rate": "much"})),
        View("settings", "operator", "/hub/settings"),
        View(
            "settings-change",
            "operator",
            "/hub/settings/edit",
            lambda page: _sent(page, {"#field-grace_days": "30"}),
        ),
        View("adjustments", "operator", "/hub/adjustments"),
        *(
            View(f"adjustment-{name}", "operator", f"/hub/adjustments/{one}")
            for name, one in adjustments.items()
        ),
        View("adjustments-rejected", "operator", "/hub/adjustments?status=rejected"),
        View("adjustment-money", "operator", "/hub/adjustments/new/money"),
        View("links", "operator", "/hub/links"),
        View("hub-disputes", "operator", "/hub/disputes"),
        View("hub-dispute", "operator", f"/hub/disputes/{disputes['open']}"),
        View("imports", "operator", "/hub/imports"),
        View("import-new", "operator", "/hub/imports/new"),
        View("import-refused", "operator", f"/hub/imports/{refused['id']}"),
        View("import-clean", "operator", f"/hub/imports/{clean['id']}"),
        View("users", "operator", "/users/"),
        View("user", "operator", "/users/desk"),
        View("user-new", "operator", "/users/new"),
        View("audit", "operator", "/users/audit-log"),
        View("audit-none", "operator", "/users/audit-log?who=user:nobody"),
        View("auditor-overview", "auditor", "/hub/"),
        View("auditor-links", "auditor", "/hub/links"),
        View("account", "desk", "/account/"),
        View("password", "desk", "/account/password"),
        View("forbidden", "desk", "/hub/"),
        View("missing", "desk", "/desk/transactions/txn_none"),
        View("no-such-page", None, "/no-such-page"),
        View("login", None, "/login"),
        View("login-refused", None, "/login", _refused),
        View("login-expired", None, "/login", _expired),
    ]
    return found


def fresh_views() -> list[View]:
    """What the people of an alliance see in which nothing has happened."""
    found = [
        View("desk", "desk", "/desk/"),
        View("today", "desk", "/desk/transactions"),
        View("holds", "desk", "/desk/holds"),
        *(
            View(name or "months", "finance", f"/finance/{name}")
            for name in ("", "payments", "disputes", "flows", "liability", "search")
        ),
        *(
            View(name or "overview", "operator", f"/hub/{name}")
            for name in ("", "periods", "participants", "keys", "fees", "settings", "imports")
        ),
        *(View(name, "operator", f"/hub/{name}") for name in ("adjustments", "disputes", "links")),
        View("participant", "operator", "/hub/participants/PINE"),
        View("users", "operator", "/users/?q=nobody-of-this-name"),
    ]
    return [view._replace(name=f"fresh-{view.name}") for view in found]


def _name(alliance: Alliance) -> None:
    for code, name in (("JADE", "翡翠湖畔酒店管理（杭州）集团"), ("LOTUS", "莲花百货"), ("PINE", "松林旅馆")):
        good(alliance.operator.patch(f"/v1/participants/{code}", {"name": name}))
        place = f"/v1/participants/{code}/merchants/{code}-1"
        good(alliance.operator.patch(place, {"name": f"{name}·西湖文化广场店"}))
    alliance.enrol("JADE", BLOCKED, name="赵小兰")
    good(alliance.participant("JADE").patch(f"/v1/cards/{BLOCKED}", {"status": "blocked"}))
    alliance.enrol("PINE", EXPIRED, name="钱多多", card_expires_on="2026-01-31")


def _post(alliance: Alliance, kind: str, merchant: str, **body: Any) -> Any:
    return good(alliance.operator.post(f"/v1/{kind}", {"card": WANG, "merchant": merchant, **body}))


def _disputes(closed: Closed) -> dict[str, str]:
    """One in each state, by it."""
    redemption, visit, load, spend = (
        one["id"] for one in (closed.redemption, closed.visit, closed.load, closed.spend)
    )
    made = {
        "accepted": closed.open("JADE", redemption, "duplicate"),
        "rejected": closed.open("LOTUS", load, "other"),
        "withdrawn": closed.open("LOTUS", visit, "not_ours", text="客人说没有来过；请发来入住登记单。"),
    }
    good(closed.lotus.post(path(made["accepted"], "accept"), {"text": "是我们的错"}))
    good(closed.jade.post(path(made["rejected"], "answers"), {"text": "There is a slip."}))
    good(closed.operator.post(path(made["rejected"], "reject"), {"text": "The slip is signed."}))
    good(closed.lotus.post(path(made["withdrawn"], "withdraw"), {"text": "找到了"}))
    made["needs_response"] = closed.open("PINE", spend, "duplicate")
    made["open"] = closed.open("LOTUS", visit, "wrong_amount")
    return {state: one["id"] for state, one in made.items()}


def _adjustments(alliance: Alliance) -> dict[str, str]:
    def proposed(**body: Any) -> str:
        return str(good(alliance.operator.post("/v1/adjustments", body))["id"])

    points = {"kind": "points", "card": WANG, "issuer": "JADE", "points": -200}
    money = {"kind": "money", "debtor": "JADE", "creditor": "PINE", "amount": 1_234_567}
    made = {
        "proposed": proposed(**points, reason="Earned twice"),
        "money": proposed(**money, reason="联合促销活动的场地费，按十月份的合同第三条分摊"),
        "rejected": proposed(**points, reason="Earned three times"),
    }
    good(alliance.operator.post(f"/v1/adjustments/{made['rejected']}/reject", {"reason": "Twice only"}))
    return made


def _sent(page: Page, typed: dict[str, str] = {}, chosen: dict[str, str] = {}) -> None:  # noqa: B006  only read
    """The form of the page, filled in and sent."""
    for selector, text in typed.items():
        page.fill(selector, text)
    for selector, value in chosen.items():
        page.select_option(selector, value)
    with page.expect_navigation():
        page.locator("main form[method=post] .btn-primary").last.click()


def _refused(page: Page) -> None:
    page.fill("#field-name", "nobody")
    page.fill("#field-password", "not this one")
    with page.expect_navigation():
        page.press("#field-password", "Enter")


def _expired(page: Page) -> None:
    """A form whose secret is of another session."""
    page.evaluate("document.querySelectorAll('[name=csrf_token]').forEach((one) => (one.value = 'old'))")
    _refused(page)
