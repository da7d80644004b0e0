"""Periods, settlements and statements through the API."""

import csv
import io
import json
from typing import Any

import pytest
from openpyxl import load_workbook

from support.alliance import WANG, Alliance
from support.api import code, detail, good


@pytest.fixture(scope="module")
def closed(shared: Alliance) -> dict[str, Any]:
    """The settlement of a period with the worked example's redemption and one spend, closed early."""
    redeem = {"card": WANG, "merchant": "LOTUS-1", "points": 4000, "reference": "=1+1"}
    posted = good(shared.operator.post("/v1/redemptions", redeem))
    good(shared.operator.post("/v1/spends", {"card": WANG, "merchant": "PINE-1", "amount": 30_000}))
    before = good(shared.operator.get(f"/v1/settlements/{posted['period']}"))
    assert (before["state"], before["closed_at"]) == ("open", None)
    settlement: dict[str, Any] = good(
        shared.operator.post(f"/v1/periods/{posted['period']}/close", {"early": True})
    )
    assert before["participants"] == [one | {"state": "open"} for one in settlement["participants"]]
    assert before["matrix"] == settlement["matrix"]
    return settlement


def test_nets_add_up_and_can_be_recomputed(closed: dict[str, Any]) -> None:
    nets = {one["code"]: one["net"] for one in closed["participants"]}
    assert nets == {"JADE": -32_500, "LOTUS": 2_450, "PINE": 29_820}
    assert closed["hub"] == {"fees": 230, "rebates": 0, "carried_forward": 0, "net": 230}
    assert sum(nets.values()) + closed["hub"]["net"] == 0
    assert closed["checks"] == {"zero_sum": True, "recomputed": True}
    assert (closed["state"], closed["early"]) == ("closed", True)


def test_closing_again_gives_the_same_settlement(shared: Alliance, closed: dict[str, Any]) -> None:
    path = f"/v1/periods/{closed['period']}/close"
    assert good(shared.operator.post(path)) == closed
    assert good(shared.operator.post(path, {"early": True})) == closed
    assert good(shared.operator.get(f"/v1/settlements/{closed['period']}")) == closed


def test_the_next_period_begins_where_the_closed_one_ended(shared: Alliance, closed: dict[str, Any]) -> None:
    periods = good(shared.merchant("JADE-1").get("/v1/periods"))["data"]
    ended = next(number for number, one in enumerate(periods) if one["period"] == closed["period"])
    assert periods[ended]["state"] == "closed"
    assert periods[ended + 1]["state"] == "open"
    assert periods[ended + 1]["starts_at"] == periods[ended]["ends_at"] == closed["ends_at"]
    posted = good(shared.operator.post("/v1/accruals", {"card": WANG, "merchant": "JADE-1", "amount": 100}))
    assert (posted["period"], posted["late"]) == (periods[ended + 1]["period"], False)


def test_a_period_that_runs_is_closed_only_on_purpose(alliance: Alliance) -> None:
    posted = good(alliance.operator.post("/v1/accruals", {"card": WANG, "merchant": "JADE-1", "amount": 100}))
    for body in (None, {}, {"early": False}):
        refused = alliance.operator.post(f"/v1/periods/{posted['period']}/close", body)
        assert (refused.status_code, code(refused)) == (409, "period_not_ended")
        assert '"early": true' in detail(refused)
    assert code(alliance.operator.post("/v1/periods/2199-01/close")) == "not_found"


def test_a_participants_settlement_holds_its_own_rows(shared: Alliance, closed: dict[str, Any]) -> None:
    found = good(shared.finance("LOTUS").get(f"/v1/settlements/{closed['period']}/LOTUS"))
    assert found["participant"]["net"] == 2_450
    assert [(row["debtor"], row["creditor"]) for row in found["matrix"]] == [("JADE", "LOTUS")]
    assert code(shared.operator.get(f"/v1/settlements/{closed['period']}/NOBODY")) == "not_found"
    assert code(shared.operator.get("/v1/settlements/2020-01")) == "not_found"
    assert code(shared.operator.get("/v1/settlements/2020-13")) == "malformed"


def test_statements_are_listed_by_period_and_participant(shared: Alliance, closed: dict[str, Any]) -> None:
    listed = good(shared.operator.get("/v1/statements"))["data"]
    assert {one["participant"] for one in listed} == {"JADE", "LOTUS", "PINE"}
    [own] = good(shared.finance("LOTUS").get("/v1/statements"))["data"]
    assert (own["participant"], own["net"], own["number"]) == ("LOTUS", 2_450, f"{closed['period']}-LOTUS-1")
    assert (own["fees"], own["fees_net"] + own["fees_vat"]) == (50, 50)
    found = good(shared.operator.get(f"/v1/statements?period={closed['period']}&participant=JADE"))["data"]
    assert [one["participant"] for one in found] == ["JADE"]
    for query in ("period=2020-01", "participant=NOBODY"):
        assert good(shared.operator.get(f"/v1/statements?{query}"))["data"] == []
    assert good(shared.finance("LOTUS").get("/v1/statements?participant=JADE"))["data"] == []
    first = good(shared.operator.get("/v1/statements?limit=1"))
    second = good(shared.operator.get(f"/v1/statements?limit=2&cursor={first['next_cursor']}"))
    assert [one["id"] for one in first["data"] + second["data"]] == [one["id"] for one in listed]


def statement(shared: Alliance, participant: str) -> str:
    [found] = good(shared.operator.get(f"/v1/statements?participant={participant}"))["data"]
    return str(found["id"])


def test_a_statement_downloads_in_five_formats_and_always_the_same_bytes(
    shared: Alliance, closed: dict[str, Any]
) -> None:
    finance, statement_id = shared.finance("LOTUS"), statement(shared, "LOTUS")
    bodies = {}
    for extension, media_type in {
        "json": "application/json",
        "csv": "text/csv",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pdf": "application/pdf",
        "beancount": "text/plain",
    }.items():
        response = finance.get(f"/v1/statements/{statement_id}.{extension}")
        assert response.status_code == 200
        assert response.mimetype == media_type
        assert response.headers["Content-Disposition"].startswith("attachment; filename=")
        bodies[extension] = response.get_data()
        assert len(bodies[extension]) == int(response.headers["Content-Length"])
        assert finance.get(f"/v1/statements/{statement_id}.{extension}").get_data() == bodies[extension]
    document = json.loads(bodies["json"])
    assert document["statement"]["net"] == 2_450
    rows = list(csv.DictReader(io.StringIO(bodies["csv"].decode("utf-8-sig"))))
    assert len(rows) == len(document["detail"])
    assert "'=1+1" in {row["reference"] for row in rows}, "no formula for a spreadsheet"
    assert load_workbook(io.BytesIO(bodies["xlsx"]), read_only=True).sheetnames


def test_a_statement_of_another_or_in_another_format_is_not_there(
    shared: Alliance, closed: dict[str, Any]
) -> None:
    of_jade = statement(shared, "JADE")
    assert code(shared.finance("LOTUS").get(f"/v1/statements/{of_jade}.json")) == "not_found"
    refused = shared.finance("JADE").get(f"/v1/statements/{of_jade}.docx")
    assert code(refused) == "not_found"
    assert "xlsx" in detail(refused)
    assert shared.auditor.get(f"/v1/statements/{of_jade}.json").status_code == 200


def test_a_statement_that_does_not_tie_out_is_not_sent(alliance: Alliance) -> None:
    posted = good(
        alliance.operator.post("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 4000})
    )
    good(alliance.operator.post(f"/v1/periods/{posted['period']}/close", {"early": True}))
    with alliance.services.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE legs SET obligation = obligation + 1 WHERE obligation > 0")
    response = alliance.operator.get(f"/v1/statements/{statement(alliance, 'LOTUS')}.json")
    assert (response.status_code, code(response)) == (409, "not_reproduced")


def test_liabilities_are_shown_by_issuer_and_to_each_its_own(
    shared: Alliance, closed: dict[str, Any]
) -> None:
    path = f"/v1/settlements/{closed['period']}/liabilities"
    found = good(shared.operator.get(path))
    assert [one["issuer"] for one in found["issuers"]] == ["JADE", "LOTUS", "PINE"]
    points = found["issuers"][0]["points"]
    assert points["closing"] == points["opened"] - points["redeemed_elsewhere"] == 2_500
    assert sum(one["points"] for one in points["outstanding"]) == points["closing"]
    assert found["issuers"][0]["stored_value"]["spent_elsewhere"] == 30_000
    [own] = good(shared.finance("LOTUS").get(path))["issuers"]
    assert own == found["issuers"][1]
    assert code(shared.operator.get("/v1/settlements/2020-01/liabilities")) == "not_found"


def test_the_hubs_books_are_the_operators_and_auditors(shared: Alliance, closed: dict[str, Any]) -> None:
    path = f"/v1/settlements/{closed['period']}.beancount"
    books = shared.auditor.get(path)
    assert (books.status_code, books.mimetype) == (200, "text/plain")
    assert "balance Assets:Clearing:PINE  -298.20 ~ 0 CNY" in books.get_data(as_text=True)
    assert shared.operator.get(path).get_data() == books.get_data()
    assert code(shared.finance("LOTUS").get(path)) == "forbidden"
    assert code(shared.operator.get("/v1/settlements/2020-01.beancount")) == "not_found"


def test_names_and_addresses_on_statements_are_those_at_closing(alliance: Alliance) -> None:
    hub = {"hub_name": "通兑清算", "hub_address": "上海市", "hub_tax_number": "9131"}
    assert good(alliance.operator.put("/v1/alliance", hub))["hub_name"] == "通兑清算"
    lotus = {"registered_name": "莲花酒店股份有限公司", "address": "杭州市西湖区", "tax_number": "9133"}
    shown = good(alliance.operator.patch("/v1/participants/LOTUS", lotus))
    assert {name: shown[name] for name in lotus} == lotus
    posted = good(
        alliance.operator.post("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 4000})
    )
    good(alliance.operator.post(f"/v1/periods/{posted['period']}/close", {"early": True}))
    good(alliance.operator.patch("/v1/participants/LOTUS", {"address": None, "registered_name": "later"}))
    good(alliance.operator.put("/v1/alliance", {"hub_name": "later"}))
    [found] = good(alliance.operator.get("/v1/statements?participant=LOTUS"))["data"]
    assert {name: found[name] for name in (lotus | hub)} == lotus | hub
    document = json.loads(alliance.operator.get(f"/v1/statements/{found['id']}.json").get_data())
    assert document["statement"]["address"] == "杭州市西湖区"
