"""From closing to the bank and back, through the API: approval, payments, files, ageing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from lxml import etree

from settlement.bank_days import is_bank_day, next_bank_day
from settlement.render import pain
from support.alliance import WANG, Alliance
from support.api import Caller, code, detail, good, pointers, problem, refused

ACCOUNT = {"holder": "Pine Ltd", "iban": "DE89 3704 0044 0532 0130 00", "bic": "COBADEFFXXX", "country": "DE"}


def post(caller: Caller, path: str, body: Any = None) -> Any:
    return good(caller.post(path, body))


@pytest.fixture
def closed(alliance: Alliance) -> str:
    """The name of a period in which JADE comes to owe 300.00 and PINE is due 298.20, closed early."""
    posted = post(alliance.operator, "/v1/spends", {"card": WANG, "merchant": "PINE-1", "amount": 30_000})
    period: str = posted["period"]
    post(alliance.operator, f"/v1/periods/{period}/close", {"early": True})
    return period


def net(alliance: Alliance, period: str, participant: str) -> dict[str, Any]:
    lines = good(alliance.operator.get(f"/v1/settlements/{period}"))["participants"]
    return next(line for line in lines if line["code"] == participant)


def payment(participant: str, direction: str, amount: int, reference: str) -> dict[str, Any]:
    return {
        "participant": participant,
        "direction": direction,
        "amount": amount,
        "bank_reference": reference,
    }


def test_a_period_goes_from_closed_to_settled(alliance: Alliance, closed: str) -> None:
    operator, path = alliance.operator, f"/v1/settlements/{closed}/payments"
    assert net(alliance, closed, "PINE")["payment"] == "unpaid"
    assert code(operator.post(path, payment("PINE", "out", 29_820, "b1"))) == "period_not_approved"
    approved = post(operator, f"/v1/periods/{closed}/approve")
    assert (approved["state"], approved["approved_by"]) == ("approved", approved["closed_by"])
    assert post(operator, f"/v1/periods/{closed}/approve") == approved
    first = operator.post(path, payment("JADE", "in", 10_000, "b2"))
    assert first.status_code == 201
    again = operator.post(path, payment("JADE", "in", 10_000, "b2"))
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.json == first.json
    assert code(operator.post(path, payment("JADE", "in", 10_001, "b2"))) == "duplicate_reference"
    line = net(alliance, closed, "JADE")
    assert (line["paid"], line["outstanding"], line["payment"], line["state"]) == (
        10_000,
        -20_000,
        "partly_paid",
        "approved",
    )
    post(operator, path, payment("PINE", "out", 29_820, "b1"))
    carried = post(operator, f"/v1/settlements/{closed}/JADE/carry-forward", {"reason": "agreed by phone"})
    assert (carried["amount"], carried["payment"]) == (-20_000, "carried_forward")
    settled = good(operator.get(f"/v1/settlements/{closed}"))
    assert settled["state"] == "settled"
    assert settled["settled_at"] is not None
    assert {one["state"] for one in settled["participants"]} == {"settled"}
    assert code(operator.post(f"/v1/settlements/{closed}/PINE/carry-forward", {"reason": "x"})) == (
        "nothing_outstanding"
    )


def test_dual_control_takes_the_key_of_another_operator(alliance: Alliance, closed: str) -> None:
    assert good(alliance.operator.put("/v1/alliance", {"dual_control": True}))["dual_control"] is True
    refusal = alliance.operator.post(f"/v1/periods/{closed}/approve")
    assert (refusal.status_code, code(refusal)) == (403, "forbidden")
    assert "another operator" in detail(refusal)
    made = post(alliance.operator, "/v1/api-keys", {"scope": "operator", "name": "second"})
    approved = post(alliance.caller(made["key"]), f"/v1/periods/{closed}/approve")
    assert approved["approved_by"] == made["id"]


def test_an_open_period_is_not_approved_nor_paid(alliance: Alliance, closed: str) -> None:
    posted = post(alliance.operator, "/v1/accruals", {"card": WANG, "merchant": "JADE-1", "amount": 100})
    open_ = posted["period"]
    for path, body in (
        (f"/v1/periods/{open_}/approve", None),
        (f"/v1/settlements/{open_}/payments", payment("JADE", "in", 1, "b1")),
        (f"/v1/settlements/{open_}/JADE/carry-forward", {"reason": "x"}),
    ):
        assert code(alliance.operator.post(path, body)) == "period_not_closed"
    assert code(alliance.operator.get(f"/v1/settlements/{open_}/payments.xml")) == "period_not_closed"
    assert code(alliance.operator.post("/v1/periods/2199-01/approve")) == "not_found"


def test_a_payment_is_taken_back(alliance: Alliance, closed: str) -> None:
    path = f"/v1/settlements/{closed}/payments"
    wrong = post(alliance.operator, path, payment("LOTUS", "in", 30_000, "b1") | {"confirmed": True})
    undo = f"{path}/{wrong['id']}/reversals"
    first = alliance.operator.post(undo, {"reason": "was JADE's"})
    assert first.status_code == 201
    taken_back = good(first)
    assert (taken_back["reverses"], taken_back["direction"], taken_back["note"]) == (
        wrong["id"],
        "out",
        "was JADE's",
    )
    assert alliance.operator.post(undo, {"reason": "again"}).headers["Idempotency-Replayed"] == "true"
    assert (
        code(alliance.operator.post(f"{path}/{taken_back['id']}/reversals", {"reason": "x"}))
        == "not_reversible"
    )
    assert code(alliance.operator.post(f"{path}/pay_none/reversals", {"reason": "x"})) == "not_found"
    right = post(alliance.operator, path, payment("JADE", "in", 30_000, "b1"))
    listed = good(alliance.operator.get(path))["data"]
    assert [one["id"] for one in listed] == [wrong["id"], taken_back["id"], right["id"]]


def test_each_sees_its_own_payments(alliance: Alliance, closed: str) -> None:
    path = f"/v1/settlements/{closed}/payments"
    post(alliance.operator, path, payment("JADE", "in", 1, "b1"))
    post(alliance.operator, path, payment("PINE", "in", 2, "b2") | {"confirmed": True})
    [own] = good(alliance.finance("PINE").get(path))["data"]
    assert (own["participant"], own["amount"], own["recorded_by"]) == ("PINE", 2, None)
    assert good(alliance.finance("PINE").get(f"{path}?participant=JADE"))["data"] == []
    [of_jade] = good(alliance.operator.get(f"{path}?participant=JADE"))["data"]
    assert of_jade["recorded_by"] is not None
    assert good(alliance.operator.get(f"{path}?participant=NOBODY"))["data"] == []
    [told] = good(alliance.finance("PINE").get("/v1/events?type=payment.recorded"))["data"]
    assert told["data"]["payment"] == own["id"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"amount": 0}, "/amount"),
        ({"amount": -1}, "/amount"),
        ({"direction": "sideways"}, "/direction"),
        ({"bank_reference": ""}, "/bank_reference"),
        ({"participant": "NOBODY"}, "/participant"),
        ({"paid_at": "yesterday"}, "/paid_at"),
        ({"signed": True}, "/signed"),
    ],
)
def test_a_wrong_payment_is_pointed_at(shared: Alliance, changes: dict[str, Any], pointer: str) -> None:
    body = payment("JADE", "in", 1, "b1") | changes
    assert pointers(refused(shared.operator.post("/v1/settlements/2026-11/payments", body))) == [pointer]


def test_the_payment_file_is_downloaded_when_all_accounts_are_known(alliance: Alliance, closed: str) -> None:
    operator, path = alliance.operator, f"/v1/settlements/{closed}/payments.xml"
    assert code(operator.get(path)) == "period_not_approved"
    post(operator, f"/v1/periods/{closed}/approve")
    missing = operator.get(path)
    assert code(missing) == "bank_account_missing"
    assert "the hub, PINE" in detail(missing)
    good(operator.put("/v1/alliance/bank-account", ACCOUNT | {"holder": "Tongdui"}))
    put = good(operator.put("/v1/participants/PINE/bank-account", ACCOUNT))
    assert (put["participant"], put["iban"]) == ("PINE", "DE89370400440532013000")
    response = operator.get(path)
    assert response.mimetype == "application/xml"
    amounts = etree.fromstring(response.data).findall(f".//{{{pain.NAMESPACE}}}InstdAmt")
    assert [one.text for one in amounts] == ["298.20"]


def test_bank_accounts_are_shown_to_their_owners(alliance: Alliance) -> None:
    path = "/v1/participants/PINE/bank-account"
    assert code(alliance.finance("PINE").get(path)) == "not_found"
    good(alliance.operator.put(path, ACCOUNT))
    assert good(alliance.finance("PINE").get(path))["made_by"] is None
    assert good(alliance.operator.get(path))["made_by"] is not None
    assert code(alliance.finance("JADE").get(path)) == "forbidden"
    good(alliance.operator.put("/v1/alliance/bank-account", ACCOUNT))
    assert good(alliance.finance("JADE").get("/v1/alliance/bank-account"))["participant"] == "HUB"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"iban": "DE89 3704 0044 0532 0130 01"}, "/iban"),
        ({"iban": None}, "/iban"),
        ({"account_number": "12345"}, "/iban"),
        ({"iban": None, "account_number": "1 2"}, "/account_number"),
        ({"bic": None}, "/bic"),
        ({"bic": "X"}, "/bic"),
        ({"bic": None, "clearing_code": "a b"}, "/clearing_code"),
        ({"country": "Germany"}, "/country"),
        ({"country": "XX"}, "/country"),
        ({"country": "cn"}, "/country"),
        ({"country": "CN\n"}, "/country"),
        ({"holder": ""}, "/holder"),
        ({"holder": "\u3000"}, "/holder"),
        ({"holder": "Pine\uffff"}, "/holder"),
        ({"holder": "Pine\U0001fffe"}, "/holder"),
        ({"holder": "Pine\ufdd0"}, "/holder"),
        ({"holder": "Pine\u202egnp"}, "/holder"),
        ({"holder": "P\u200bine"}, "/holder"),
        ({"bank_name": "Bank\u2066"}, "/bank_name"),
        ({"town": "Bonn\u2028"}, "/town"),
        ({"iban": None, "account_number": "12345\n"}, "/account_number"),
        ({"iban": None, "account_number": "１２３"}, "/account_number"),
        ({"bic": "COBAXXFFXXX"}, "/bic"),
        ({"bic": None, "clearing_code": "37040044\n"}, "/clearing_code"),
        ({"country": "CN", "clearing_code": "10210009999"}, "/clearing_code"),
        ({"country": "CN", "clearing_code": "102100099997"}, "/clearing_code"),
        ({"country": "CN", "clearing_code": "120100099996"}, "/clearing_code"),
    ],
)
def test_a_wrong_account_is_pointed_at(shared: Alliance, changes: dict[str, Any], pointer: str) -> None:
    found = refused(shared.operator.put("/v1/participants/JADE/bank-account", ACCOUNT | changes))
    assert pointers(found) == [pointer]


def test_accounts_changed_after_the_approval_are_shown_and_confirmed(alliance: Alliance, closed: str) -> None:
    operator, path = alliance.operator, f"/v1/settlements/{closed}/payments.xml"
    pine = "/v1/participants/PINE/bank-account"
    good(operator.put("/v1/alliance/bank-account", ACCOUNT | {"holder": "Tongdui"}))
    good(operator.put(pine, ACCOUNT))
    post(operator, f"/v1/periods/{closed}/approve")
    assert operator.get(path).status_code == 200
    good(operator.put(pine, ACCOUNT))  # the same again is no change
    assert operator.get(path).status_code == 200
    good(operator.put(pine, ACCOUNT | {"iban": "GB29NWBK60161331926819"}))
    refusal = refused(operator.get(path), "accounts_changed")
    assert (refusal["status"], refusal["code"]) == (409, "accounts_changed")
    [shown] = [one["detail"] for one in refusal["errors"]]
    assert "DE89370400440532013000" in shown
    assert "GB29NWBK60161331926819" in shown
    confirmed = refusal["detail"].partition("accounts_confirmed=")[2].rstrip(".")
    assert operator.get(f"{path}?accounts_confirmed={confirmed}").status_code == 200
    good(operator.put(pine, ACCOUNT | {"iban": "FR1420041010050500013M02606"}))
    assert code(operator.get(f"{path}?accounts_confirmed={confirmed}")) == "accounts_changed"
    good(operator.put(pine, ACCOUNT))  # what it was when it was approved
    assert operator.get(path).status_code == 200


def test_the_bank_pays_on_a_bank_day(alliance: Alliance, closed: str) -> None:
    operator, path = alliance.operator, f"/v1/settlements/{closed}/payments.xml"
    chinese = {"holder": "通兑", "account_number": "1", "clearing_code": "102100099996", "country": "CN"}
    good(operator.put("/v1/alliance/bank-account", chinese))
    good(operator.put("/v1/participants/PINE/bank-account", ACCOUNT))
    post(operator, f"/v1/periods/{closed}/approve")

    def pays_on(query: str = "") -> date:
        [day] = etree.fromstring(operator.get(f"{path}{query}").data).findall(f".//{{{pain.NAMESPACE}}}Dt")
        return date.fromisoformat(day.text)

    assert is_bank_day(pays_on(), "CN")
    today = datetime.now(UTC).date()
    wanted = next_bank_day(today + timedelta(days=20), "CN")
    assert pays_on(f"?execution_on={wanted}") == wanted
    saturday = today + timedelta(days=(5 - today.weekday()) % 7 + 14)
    while is_bank_day(saturday, "CN"):  # worked, to make up for holidays
        saturday += timedelta(days=7)
    assert code(operator.get(f"{path}?execution_on={saturday}")) == "not_a_bank_day"
    past, never = today - timedelta(days=2), (date(9999, 12, 31), date(1, 1, 1))
    for day, expected in ((past, "date_out_of_bounds"), *((day, "malformed") for day in never)):
        refusal = refused(operator.get(f"{path}?execution_on={day.isoformat()}"), expected)
        assert (refusal["code"], pointers(refusal)) == (expected, ["?execution_on"])


def test_a_doubtful_payment_is_recorded_when_it_is_confirmed(alliance: Alliance, closed: str) -> None:
    path = f"/v1/settlements/{closed}/payments"
    for body, expected in (
        (payment("PINE", "in", 1, "b1"), "wrong_direction"),
        (payment("JADE", "in", 60_001, "b2"), "to_be_confirmed"),
        (payment("LOTUS", "in", 1, "b3"), "to_be_confirmed"),
    ):
        refusal = alliance.operator.post(path, body)
        assert (refusal.status_code, code(refusal)) == (409, expected)
        assert "with confirmed: true" in detail(refusal)
        assert post(alliance.operator, path, body | {"confirmed": True})["amount"] == body["amount"]
    for body, expected in (
        (payment("JADE", "in", 1, "2.02612E+17"), "reference_rounded"),
        (payment("JADE", "in", 1, "b4") | {"paid_at": "1970-01-01T00:00:00+08:00"}, "date_out_of_bounds"),
    ):
        assert code(alliance.operator.post(path, body | {"confirmed": True})) == expected


def test_a_bank_file_is_matched_and_lists_the_rest(alliance: Alliance, closed: str) -> None:
    reference = net(alliance, closed, "JADE")["payment_reference"]
    content = (
        "bank_reference,paid_on,amount_yuan,text\n"
        f"N1,2026-11-20,100.00,{reference}\nN2,2026-11-20,5.00,rent\n"
    ).encode()
    done = good(alliance.operator.send_file("/v1/bank-files", content))
    assert (done["rows"], done["matched"], done["replayed"], done["encoding"]) == (2, 1, 0, "UTF-8")
    assert done["payments"][0]["participant"] == "JADE"
    [left] = done["unmatched"]
    assert (left["row"], left["code"], left["bank_reference"], left["text"]) == (
        2,
        "no_reference",
        "N2",
        "rent",
    )
    again = good(alliance.operator.send_file("/v1/bank-files", content))
    assert (again["matched"], again["replayed"], again["unmatched"]) == (0, 1, done["unmatched"])
    assert net(alliance, closed, "JADE")["outstanding"] == -20_000
    assert code(alliance.operator.send_file("/v1/bank-files", b"a,b\n")) == "malformed"
    for encoding, name in (("gb18030", "GB18030"), ("utf-16", "UTF-16"), ("utf-8-sig", "UTF-8")):
        saved = (content.decode() + "N3,2026-11-20,7.00,\u623f\u79df\n").encode(encoding)
        told = good(alliance.operator.send_file("/v1/bank-files", saved))
        assert (told["encoding"], told["unmatched"][1]["text"]) == (name, "\u623f\u79df")
    wrong_type = alliance.operator.send_file("/v1/bank-files", content, "application/json")
    assert code(wrong_type) == "unsupported_media_type"
    assert code(alliance.operator.send_file("/v1/bank-files", b"x" * 10_000_001)) == "too_large"


def test_ageing_shows_who_owes_what_for_how_long(alliance: Alliance, closed: str) -> None:
    due_on = good(alliance.operator.get(f"/v1/settlements/{closed}"))["due_on"]
    report = good(alliance.operator.get("/v1/ageing?on=2199-01-01"))
    [jade, pine] = report["participants"]
    assert (jade["participant"], jade["direction"], jade["over_90"], jade["current"]) == (
        "JADE",
        "in",
        30_000,
        0,
    )
    assert (pine["direction"], pine["total"]) == ("out", 29_820)
    assert report["totals"]["in"]["total"] == 30_000
    assert [(one["participant"], one["due_on"]) for one in report["nets"]] == [
        ("JADE", due_on),
        ("PINE", due_on),
    ]
    today = good(alliance.finance("PINE").get("/v1/ageing"))
    [own] = today["participants"]
    assert (own["participant"], own["current"]) == ("PINE", 29_820)
    assert code(alliance.operator.get("/v1/ageing?on=soon")) == "malformed"


def test_what_others_nets_become_without_one(alliance: Alliance, closed: str) -> None:
    before = alliance.row_counts()
    found = good(alliance.operator.get(f"/v1/settlements/{closed}/without/JADE"))
    assert (found["left_out"], found["net"], found["state"]) == ("JADE", -30_000, "closed")
    assert found["participants"] == [
        {"code": "LOTUS", "net": 0, "without": 0, "difference": 0},
        {"code": "PINE", "net": 29_820, "without": 0, "difference": -29_820},
    ]
    assert found["hub"] == {"code": "HUB", "net": 180, "without": 0, "difference": -180}
    assert alliance.row_counts() == before
    assert problem(alliance.operator.get(f"/v1/settlements/{closed}/without/NOBODY"))["status"] == 404
    assert problem(alliance.operator.get("/v1/settlements/2199-01/without/JADE"))["status"] == 404


def test_volume_tiers_give_back_what_they_save(alliance: Alliance) -> None:
    rule = {"kind": "spend", "rate": "0.01", "tiers": [{"above": 10_000, "rate": "0.005"}]}
    made = post(alliance.operator, "/v1/fee-rules", rule)
    assert made["tiers"] == rule["tiers"]
    assert made in good(alliance.operator.get("/v1/fee-rules"))["data"]
    posted = post(alliance.operator, "/v1/spends", {"card": WANG, "merchant": "PINE-1", "amount": 30_000})
    assert posted["legs"][0]["fee"] == 300
    settlement = post(alliance.operator, f"/v1/periods/{posted['period']}/close", {"early": True})
    [row] = settlement["rebates"]
    assert (row["participant"], row["rule"], row["volume"], row["rebate"]) == (
        "PINE",
        made["id"],
        30_000,
        100,
    )
    assert settlement["hub"] == {"fees": 300, "rebates": 100, "carried_forward": 0, "net": 200}
    assert settlement["checks"] == {"zero_sum": True, "recomputed": True}
    own = good(alliance.finance("PINE").get(f"/v1/settlements/{posted['period']}/PINE"))
    assert own["rebates"] == [row]
