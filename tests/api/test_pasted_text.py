"""References, names and cards that were padded, pasted or scanned: one rule for calls, files and quotes."""

import csv
import json
from typing import Any
from urllib.parse import quote

import pytest

from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import LI, WANG, Alliance
from support.api import good, pointers, refused, wait_for_import

ACT = {"card": LI, "merchant": "JADE-1", "amount": 12300}
NDJSON = "application/x-ndjson"
BLANKS = ("", " ", "\u3000 ", "\u00a0")
COMPOSED, TAKEN_APART = "Caf\u00e9-1", "Cafe\u0301-1"


def imported(alliance: Alliance, kind: str, content: str, media_type: str = "text/csv") -> dict[str, Any]:
    found: dict[str, Any] = wait_for_import(alliance.operator, kind, content.encode(), media_type=media_type)
    return found


def counts(done: dict[str, Any]) -> tuple[int, int]:
    return done["accepted"], done["refused"]


def faults(alliance: Alliance, done: dict[str, Any]) -> list[tuple[str, str, str]]:
    text = alliance.operator.get(f"/v1/imports/{done['id']}/errors.csv").get_data(as_text=True)
    rows = csv.DictReader(text.removeprefix("\ufeff").splitlines())
    return [(row["code"], row["field"], row["detail"]) for row in rows]


def references(alliance: Alliance, asked: str) -> list[str]:
    found = good(alliance.operator.get(f"/v1/transactions?reference={quote(asked)}"))
    return [one["reference"] for one in found["data"]]


def holds_together(alliance: Alliance) -> None:
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


def test_a_blank_reference_is_none_by_call_and_by_file(alliance: Alliance) -> None:
    """It was a reference of spaces by call, none in a CSV file, and a second one was a duplicate."""
    for blank in BLANKS:
        assert good(alliance.operator.post("/v1/accruals", ACT | {"reference": blank}))["reference"] is None
    rows = "".join(f'{LI},JADE-1,100,"{blank}"\n' for blank in BLANKS)
    assert counts(imported(alliance, "accruals", f"card,merchant,amount,reference\n{rows}")) == (4, 0)
    lines = "\n".join(json.dumps(ACT | {"reference": blank}) for blank in BLANKS)
    assert counts(imported(alliance, "accruals", lines, NDJSON)) == (4, 0)
    found = good(alliance.operator.get(f"/v1/transactions?card={LI}"))["data"]
    assert {one["reference"] for one in found if one["kind"] == "accrual"} == {None}
    holds_together(alliance)


@pytest.mark.parametrize(
    ("first", "again"), [("POS-1", "  POS-1 "), ("\u3000POS-1", "POS-1\u00a0"), (COMPOSED, TAKEN_APART)]
)
def test_one_reference_is_one_however_it_is_padded_or_written(
    alliance: Alliance, first: str, again: str
) -> None:
    kept = good(alliance.operator.post("/v1/accruals", ACT | {"reference": first}))["reference"]
    assert kept in ("POS-1", COMPOSED)
    sent = ACT | {"reference": again}
    refused(alliance.operator.post("/v1/accruals", sent), "duplicate_reference")
    refused(alliance.operator.post("/v1/quotes", sent | {"kind": "accrual"}), "duplicate_reference")
    lines = json.dumps(sent)
    cells = f"card,merchant,amount,reference\n{LI},JADE-1,100,{again}\n"
    for content, media_type in ((lines, NDJSON), (cells, "text/csv")):
        done = imported(alliance, "accruals", content, media_type)
        assert [code for code, _, _ in faults(alliance, done)] == ["duplicate_reference"]
    assert references(alliance, first) == references(alliance, again) == [kept]
    holds_together(alliance)


def test_a_blank_filter_is_a_slip_and_shows_nothing(shared: Alliance) -> None:
    for name in ("reference", "card", "merchant"):
        found = refused(shared.operator.get(f"/v1/transactions?{name}=%20%20"))
        assert pointers(found) == [f"?{name}"] or pointers(found) == [f"/{name}"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("path", "name", "value", "place", "letter"),
    [
        ("/v1/accruals", "reference", "POS\u200b-1", 4, "U+200B"),
        ("/v1/accruals", "card", f"{LI}\u200d", 9, "U+200D"),
        ("/v1/accruals", "merchant", "\u2060JADE-1", 1, "U+2060"),
        ("/v1/quotes", "reference", "POS-\u00ad1", 5, "U+00AD"),
        ("/v1/members", "name", "王\ufe0f", 2, "U+FE0F"),
        ("/v1/members", "card", "6300\u202d0001", 5, "U+202D"),
        ("/v1/participants", "name", "Oak\u2066", 4, "U+2066"),
        ("/v1/participants", "registered_name", "Oak\ufeff Ltd", 4, "U+FEFF"),
        ("/v1/participants/JADE/merchants", "name", "Jade\u115fOne", 5, "U+115F"),
        ("/v1/api-keys", "name", "till\u200e 3", 5, "U+200E"),
    ],
)
def test_what_cannot_be_seen_is_refused_in_names_and_numbers_and_its_place_is_told(
    shared: Alliance, path: str, name: str, value: str, place: int, letter: str
) -> None:
    good_bodies: dict[str, dict[str, Any]] = {
        "/v1/accruals": ACT,
        "/v1/quotes": ACT | {"kind": "accrual"},
        "/v1/members": {"participant": "JADE"},
        "/v1/participants": {"code": "OAK", "name": "Oak"},
        "/v1/participants/JADE/merchants": {"code": "JADE-9", "name": "Nine"},
        "/v1/api-keys": {"scope": "participant", "participant": "JADE"},
    }
    found = refused(shared.operator.post(path, good_bodies[path] | {name: value}))
    assert [(one["pointer"], one["detail"]) for one in found["errors"]] == [
        (f"/{name}", f"Character {place} of it cannot be seen ({letter}); write it without that.")
    ]


def test_a_row_with_what_cannot_be_seen_is_refused_alone(alliance: Alliance) -> None:
    lines = f"{LI},JADE-1,100,A\u200b1\n{LI},JADE-1,100,A2\n{LI}\ufeff,JADE-1,1,A3\n"
    cells = f"card,merchant,amount,reference\n{lines}"
    without = "cannot be seen (U+%s); write it without that."
    told = [
        ("malformed", "reference", f"reference: Character 2 of it {without % '200B'}"),
        ("malformed", "card", f"card: Character 9 of it {without % 'FEFF'}"),
    ]
    done = imported(alliance, "accruals", cells)
    assert (counts(done), faults(alliance, done)) == ((1, 2), told)
    rows = [ACT | {"reference": "B\u200b1"}, ACT | {"reference": "B2"}, ACT | {"card": f"{LI}\ufeff"}]
    done = imported(alliance, "accruals", "\n".join(map(json.dumps, rows)), NDJSON)
    assert (counts(done), faults(alliance, done)) == ((1, 2), told)
    holds_together(alliance)


def test_a_remark_is_kept_without_what_cannot_be_seen(alliance: Alliance) -> None:
    sent = {"card": WANG, "merchant": "LOTUS-1", "points": 10, "purpose": "late\u200b check-out\r\nfor two"}
    made = good(alliance.operator.post("/v1/redemptions", sent | {"metadata": {" till ": " 7\ufeff "}}))
    assert made["purpose"] == "late check-out for two"
    assert made["metadata"] == {"till": "7"}
    path = f"/v1/transactions/{made['id']}/reversals"
    good(alliance.operator.post(path, {"reason": "\u200bwrong\tguest\n"}))
    for bad in ("", " \n", "\u200b", "wrong\x07", "wrong\ufffe"):
        refused(alliance.operator.post(path, {"reason": bad}))
    holds_together(alliance)


def test_a_scanned_card_is_understood_by_call_and_file(alliance: Alliance) -> None:
    for scanned in (f"]C1{LI}", f"*{LI}*"):
        assert good(alliance.operator.post("/v1/accruals", ACT | {"card": scanned}))["card"] == LI
    cells = f"card,merchant,amount\n]C1{LI},JADE-1,100\n"
    assert counts(imported(alliance, "accruals", cells)) == (1, 0)
    holds_together(alliance)


def test_a_key_in_a_row_is_one_however_it_is_padded(alliance: Alliance) -> None:
    rows = [ACT | {"key": key} for key in ("k-1", " k-1 ", "\u3000k-1")]
    done = imported(alliance, "accruals", "\n".join(map(json.dumps, rows)), NDJSON)
    assert (done["accepted"], done["replayed"], done["refused"]) == (1, 2, 0)
    blank = imported(alliance, "accruals", json.dumps(ACT | {"key": "  "}), NDJSON)
    assert [(code, field) for code, field, _ in faults(alliance, blank)] == [("malformed", "key")]
    holds_together(alliance)


def test_names_are_kept_in_one_spelling(alliance: Alliance) -> None:
    made = good(
        alliance.operator.post("/v1/participants", {"code": " OAK ", "name": "  Cafe\u0301\u3000Oak "})
    )
    assert (made["code"], made["name"]) == ("OAK", "Caf\u00e9 Oak")
    cells = "participant,name,card\nOAK,\u3000Cafe\u0301 ,63000007\n"
    assert counts(imported(alliance, "members", cells)) == (1, 0)
    own = alliance.participant("OAK")
    made = good(own.post("/v1/members", {"participant": " OAK", "name": " Cafe\u0301\u00a0"}))
    assert made["name"] == "Caf\u00e9"
    good(alliance.operator.post("/v1/members", {"participant": "OAK", "name": "  ", "phone": " "}))
