"""Whatever is asked for, under any address, the answer is a problem document and nothing has changed."""

import pytest

from support.alliance import WANG, Alliance
from support.api import pointers, refused

pytestmark = pytest.mark.usefixtures("unchanged")

LISTS = [
    "/v1/participants",
    "/v1/participants/JADE/merchants",
    "/v1/fee-rules",
    "/v1/api-keys",
    "/v1/alliance/history",
    "/v1/transactions",
    "/v1/statements",
]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", "201", "1.5", "ten", "", "1e3", "9" * 5000, "%00", "true"])
def test_a_limit_is_a_number_from_1_to_200(shared: Alliance, path: str, limit: str) -> None:
    found = refused(shared.operator.get(f"{path}?limit={limit}"))
    assert pointers(found) == ["?limit"]


CURSORS = ["", "!", "x", "AA", "%00", "LTE", "MS41", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "_____w", "é", "%ff"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("cursor", CURSORS)
def test_a_cursor_that_is_not_ours_is_refused_or_finds_nothing_new(
    shared: Alliance, path: str, cursor: str
) -> None:
    response = shared.operator.get(f"{path}?cursor={cursor}")
    if response.status_code != 200:
        assert pointers(refused(response)) == ["?cursor"]


@pytest.mark.parametrize("path", LISTS)
def test_a_query_parameter_nobody_knows_is_named(shared: Alliance, path: str) -> None:
    assert pointers(refused(shared.operator.get(f"{path}?limti=5"))) == ["?limti"]


WEIRD = [
    "%00", "%FF", "%ED%A0%80", "..", "%2e%2e%2f", "'", '"', "%20", "%0A", "%25", "a" * 5000, "JADE%00", "0",
    "-1", "\u7389", "{}", "null", "zzzzzzzzzzzzz", "txn_zzzzzzzzzzzzzzzzzzzzzzzzzz", "txn_" + "7" * 26,
    "mem_zzzzzzzzzzzzz", "mem_7zzzzzzzzzzzz", "imp_7zzzzzzzzzzzz", "wal_7zzzzzzzzzzzz", "stm_7zzzzzzzzzzzz",
    "9999-12", "0000-01", "0001-01", "2026-00", "2026-13", "2026-1", "２０２６-11", "202611",
]  # fmt: skip

IDS = [
    "/v1/participants/{}",
    "/v1/participants/{}/merchants",
    "/v1/transactions/{}",
    "/v1/wallets/{}",
    "/v1/wallets/{}/lots",
    "/v1/wallets/{}/transactions",
    "/v1/members/{}",
    "/v1/members/{}/export",
    "/v1/imports/{}",
    "/v1/imports/{}/errors.csv",
    "/v1/imports/{}/results.csv",
    "/v1/settlements/{}",
    "/v1/settlements/{}/JADE",
    "/v1/settlements/2026-11/{}",
    "/v1/statements/{}.csv",
    "/v1/statements/{}.pdf",
    "/v1/statements/x.{}",
    "/v1/{}",
    "/{}",
]


@pytest.mark.parametrize("template", IDS)
def test_an_id_that_is_none_is_not_found(shared: Alliance, template: str) -> None:
    for weird in WEIRD:
        response = shared.operator.get(template.format(weird))
        refused(response, "not_found", "malformed", "transaction_unknown")


@pytest.mark.parametrize("weird", WEIRD)
def test_a_card_number_that_is_none_is_unknown(shared: Alliance, weird: str) -> None:
    response = shared.operator.get(f"/v1/cards/{weird}?merchant=JADE-1")
    if response.status_code == 200:
        assert response.json["status"] == "unknown"  # type: ignore[index]
    else:
        refused(response, "not_found", "malformed")


@pytest.mark.parametrize("weird", WEIRD)
def test_changes_of_what_does_not_exist_are_refused(shared: Alliance, weird: str) -> None:
    operator = shared.operator
    for response in (
        operator.patch(f"/v1/participants/{weird}", {"name": "X"}),
        operator.patch(f"/v1/participants/JADE/merchants/{weird}", {"name": "X"}),
        operator.patch(f"/v1/participants/{weird}/merchants/JADE-1", {"name": "X"}),
        operator.post(f"/v1/participants/{weird}/merchants", {"code": "X", "name": "X"}),
        operator.post(f"/v1/api-keys/{weird}/rotate"),
        operator.delete(f"/v1/api-keys/{weird}"),
        operator.post(f"/v1/periods/{weird}/close"),
        operator.patch(f"/v1/cards/{weird}", {"status": "blocked"}),
        operator.post(f"/v1/cards/{weird}/replacement"),
        operator.post(f"/v1/members/{weird}/erasure", {"reason": "asked"}),
    ):
        refused(response, "not_found", "malformed", "method_not_allowed", "card_unknown")


@pytest.mark.parametrize(
    "query",
    ["period=2026-13", "period=November", "period=", "card=", "merchant=%00", "reference=" + "x" * 300],
)
def test_wrong_filters_are_pointed_at(shared: Alliance, query: str) -> None:
    found = refused(shared.operator.get(f"/v1/transactions?{query}"))
    assert pointers(found) == ["?" + query.partition("=")[0]]


def test_a_card_check_without_a_merchant_says_what_to_add(shared: Alliance) -> None:
    found = refused(shared.operator.get(f"/v1/cards/{WANG}"))
    assert "?merchant=" in found["detail"]
    assert pointers(found) == ["?merchant"]


def test_other_methods_are_answered_with_those_allowed(shared: Alliance) -> None:
    response = shared.operator.delete("/v1/alliance")
    refused(response, "method_not_allowed")
    assert {"GET", "PUT"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "\u00fc", "../../etc"])
def test_a_request_id_that_is_not_one_is_replaced(shared: Alliance, given: str) -> None:
    client = shared.app.test_client()
    response = client.get("/v1/alliance", headers={"X-Request-ID": given.encode().decode("latin-1")})
    assert response.headers["X-Request-ID"] not in (given, "")
    kept = client.get("/v1/alliance", headers={"X-Request-ID": "till-7.42"})
    assert kept.headers["X-Request-ID"] == kept.json["request_id"] == "till-7.42"  # type: ignore[index]


IMPORTS = [
    ("", "malformed"),
    ("?kind=", "malformed"),
    ("?kind=gifts", "malformed"),
    ("?kind=accruals&historical=perhaps", "malformed"),
    ("?kind=accruals&history=true", "malformed"),
]


@pytest.mark.parametrize(("query", "code"), IMPORTS)
def test_an_import_of_no_known_kind_is_refused(shared: Alliance, query: str, code: str) -> None:
    found = refused(shared.operator.send_file(f"/v1/imports{query}", b"card\n1\n"), code)
    assert pointers(found)[0].startswith("?")


@pytest.mark.parametrize("media_type", ["application/json", "application/pdf", "multipart/form-data"])
def test_an_import_of_another_content_type_is_refused(shared: Alliance, media_type: str) -> None:
    response = shared.operator.send_file("/v1/imports?kind=accruals", b"card\n1\n", media_type)
    found = refused(response, "unsupported_media_type")
    assert "text/csv" in found["detail"]


def test_a_participant_does_not_load_history(shared: Alliance) -> None:
    jade = shared.participant("JADE")
    response = jade.send_file("/v1/imports?kind=accruals&historical=true", b"card\n1\n")
    assert "operator" in refused(response, "forbidden")["detail"]
