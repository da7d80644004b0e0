"""Imports: every row is posted or listed as refused, and sending a file again posts nothing twice."""

import csv
import json
import time
from typing import Any

import pytest
from sqlalchemy import func, select

from clearing.tables import transactions
from support.alliance import CHEN, LI, NOBODY, WANG, Alliance
from support.api import Caller, code, detail, good, wait_for_import


def send(caller: Caller, kind: str, content: str | bytes, media_type: str = "text/csv") -> Any:
    """The finished import; its counts add up."""
    data = content.encode() if isinstance(content, str) else content
    done = wait_for_import(caller, kind, data, media_type=media_type)
    assert done["rows"] == done["accepted"] + done["replayed"] + done["refused"]
    assert done["bytes_total"] == len(data)
    if done["status"] == "done":
        assert (done["bytes_read"], done["error"]) == (done["bytes_total"], None)
    return done


def counts(done: dict[str, Any]) -> tuple[str, int, int, int]:
    return done["status"], done["accepted"], done["replayed"], done["refused"]


def refused(caller: Caller, done: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(row, code, field) of every refused row."""
    response = caller.get(f"/v1/imports/{done['id']}/errors.csv")
    assert response.mimetype == "text/csv"
    rows = csv.DictReader(response.get_data().decode("utf-8-sig").splitlines())
    return [(row["row"], row["code"], row["field"]) for row in rows]


def posted(alliance: Alliance) -> int:
    with alliance.services.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(transactions)).scalar_one()


KINDS = {
    "members": "participant,name,phone,tier,card,card_expires_on\n"
    "JADE,Zhao,13911110001,Gold,63000001,2030-12-31\nLOTUS,,,,,\n",
    "balances": f"card,issuer,asset,quantity,expires_on\n{LI},LOTUS,points,500,2037-12-31\n"
    f"{LI},LOTUS,stored_value,900,\n",
    "accruals": f"card,merchant,amount,points,reference,occurred_at\n"
    f"{LI},JADE-1,12300,,A-1,2026-11-20T10:00:00+08:00\n{LI},JADE-1,100,7,A-2,\n",
    "redemptions": f"card,merchant,points,amount,purpose\n{WANG},LOTUS-1,10,,tea\n{WANG},LOTUS-1,,20,\n",
    "loads": f"card,merchant,issuer,amount\n{WANG},LOTUS-1,JADE,100\n{WANG},LOTUS-1,,100\n",
    "spends": f"card,merchant,issuer,amount\n{WANG},JADE-1,,100\n{WANG},LOTUS-1,JADE,100\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_taken_as_csv_and_sent_again_posts_nothing(shared: Alliance, kind: str) -> None:
    assert counts(send(shared.operator, kind, KINDS[kind])) == ("done", 2, 0, 0)
    before = posted(shared)
    assert counts(send(shared.operator, kind, KINDS[kind])) == ("done", 0, 2, 0)
    assert posted(shared) == before


NDJSON: dict[str, list[dict[str, Any]]] = {
    "members": [{"participant": "JADE", "name": "Qian", "phone": "13911110002"}, {"participant": "PINE"}],
    "balances": [{"card": CHEN, "issuer": "PINE", "asset": "points", "quantity": 5, "expires_on": None}] * 2,
    "accruals": [{"card": CHEN, "merchant": "PINE-1", "amount": 100, "metadata": {"till": "7"}}] * 2,
    "redemptions": [{"card": WANG, "merchant": "PINE-1", "points": 10, "amount": None}] * 2,
    "loads": [{"card": CHEN, "merchant": "PINE-1", "amount": 100}] * 2,
    "spends": [{"card": WANG, "merchant": "PINE-1", "amount": 100}] * 2,
}


@pytest.mark.parametrize("kind", NDJSON)
@pytest.mark.parametrize("media_type", ["application/x-ndjson", "application/jsonl; charset=utf-8"])
def test_every_kind_is_taken_as_ndjson(shared: Alliance, kind: str, media_type: str) -> None:
    rows = [row | {"key": f"{media_type} {kind} {number}"} for number, row in enumerate(NDJSON[kind])]
    if kind == "members":
        rows[0]["phone"] = f"1391111{len(media_type):04d}"
    lines = "\n\n".join(map(json.dumps, rows))
    assert counts(send(shared.operator, kind, lines, media_type)) == ("done", 2, 0, 0)


ROWS = f"card,merchant,amount\n{LI},JADE-1,100\n"
VARIANTS = {
    "a byte order mark": ("\ufeff" + ROWS).encode(),
    "line ends of Windows": ROWS.replace("\n", "\r\n").encode(),
    "no last line end": ROWS.rstrip().encode(),
    "empty lines": (ROWS + "\n\n\n").encode(),
    "spaces": f"card , merchant,amount\n {LI},JADE-1 , 101 \n".encode(),
    "quotes": f'"card","merchant","amount"\n"{LI}","JADE-1","102"\n'.encode(),
    "another order": f"amount,merchant,card\n103,JADE-1,{LI}\n".encode(),
    "columns of our list": f"row,code,detail,field,card,merchant,amount\n1,x,y,z,{LI},JADE-1,104\n".encode(),
    "rows of nothing but commas": (ROWS + ",,\n , ,\n").encode(),
    "commas behind the columns": f"card,merchant,amount,,\n{LI},JADE-1,106,,\n".encode(),
    "commas behind the names alone": f"card,merchant,amount,,\n{LI},JADE-1,107\n".encode(),
    "a line end in a cell": f'card,merchant,amount\n{LI},JADE-1,"108\r\n"\n'.encode(),
    "an empty first line": ("\n" + ROWS.replace("100", "109")).encode(),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_file_may_have(shared: Alliance, name: str) -> None:
    done = send(shared.operator, "accruals", VARIANTS[name])
    assert (done["status"], done["rows"], done["refused"]) == ("done", 1, 0), done


UNREADABLE = {
    "nothing in it": (b"", "empty"),
    "empty lines alone": (b"\n\r\n", "empty"),
    "nothing but commas": (b",,,\n", "missing: 'amount', 'card', 'merchant'"),
    "a nameless column in the middle": (b"card,,merchant,amount\n", "unknown: ''"),
    "a stray quote in the names": (b'card,"merchant" ,amount\n', "Line 1 has a quotation mark"),
    "bars": (ROWS.replace(",", "|").encode(), "missing: 'amount', 'card', 'merchant'"),
    "no header": (f"{LI},JADE-1,100\n".encode(), f"unknown: '{LI}'"),
    "an unknown column": (b"card,merchant,amonut\n", "unknown: 'amonut'; missing: 'amount'"),
    "a missing column": (b"card,amount\n", "missing: 'merchant'"),
    "a column twice": (b"card,merchant,amount,card\n", "named twice: 'card'"),
    "columns of another kind": (b"card,issuer,asset,quantity\n", "Known columns"),
    "UTF-16 without its mark": (ROWS.encode("utf-16-le"), "byte order mark"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00", "Save it as CSV UTF-8"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_is_refused_as_a_whole_with(shared: Alliance, name: str) -> None:
    content, told = UNREADABLE[name]
    before = posted(shared)
    done = send(shared.operator, "accruals", content)
    assert (done["status"], done["rows"]) == ("failed", 0)
    assert told in done["error"]
    assert done["ended_at"] is not None
    assert posted(shared) == before


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "application/octet-stream", "text/plain", ""]
)
def test_what_curl_and_others_call_a_csv_file_is_taken_as_one(shared: Alliance, media_type: str) -> None:
    content = f"card,merchant,amount,reference\n{WANG},LOTUS-1,100,as {media_type}\n"
    assert counts(send(shared.operator, "accruals", content, media_type)) == ("done", 1, 0, 0)


def test_a_header_alone_is_a_file_without_rows(shared: Alliance) -> None:
    assert counts(send(shared.operator, "accruals", "card,merchant,amount\n")) == ("done", 0, 0, 0)


ACCRUAL = "card,merchant,amount,points,occurred_at,reference,key\n"
BAD_ROWS: list[tuple[bytes, str, str]] = [
    # row, code, field
    (f"{LI},JADE-1,1.5,,,,".encode(), "malformed", "amount"),
    (f"{LI},JADE-1,,,,,".encode(), "malformed", "amount"),
    (f'{LI},JADE-1,"1,000",,,,'.encode(), "malformed", "amount"),
    (f"{LI},JADE-1,¥10,,,,".encode(), "malformed", "amount"),
    (f"{LI},JADE-1,１００,,,,".encode(), "malformed", "amount"),
    (f"{LI},JADE-1,{'9' * 25},,,,".encode(), "malformed", "amount"),
    (f"{LI},JADE-1,{'9' * 5000},,,,".encode(), "malformed", "amount"),
    (f"{LI},JADE-1,-5,,,,".encode(), "amount_invalid", "amount"),
    (f"{LI},JADE-1,0,,,,".encode(), "amount_invalid", "amount"),
    (f"{LI},JADE-1,100,-1,,,".encode(), "amount_invalid", "points"),
    (f"{LI},JADE-1,100,,2026-11-20,,".encode(), "malformed", "occurred_at"),
    (f"{LI},JADE-1,100,,2026-11-20 10:00,,".encode(), "malformed", "occurred_at"),
    (f"{LI},JADE-1,100,,2150-01-01T00:00:00Z,,".encode(), "occurred_in_future", "occurred_at"),
    (f"{NOBODY},JADE-1,100,,,,".encode(), "card_unknown", "card"),
    (f"{LI},NOWHERE,100,,,,".encode(), "merchant_unknown", "merchant"),
    (f"{LI},JADE-1,100,,,{'r' * 101},".encode(), "malformed", "reference"),
    (f"{LI},JADE-1,100,,,,{'k' * 256}".encode(), "malformed", "key"),
    (f"{LI},JADE-1,100,,,,,,,".encode(), "malformed", ""),
    (f"{LI},JADE-1,680".encode(), "malformed", ""),
    (f"{LI},JADE-1,100,,,".encode(), "malformed", ""),
    (f'"{LI}"x,JADE-1,100,,,,'.encode(), "malformed", ""),
    (f'{LI},JADE-1,100,,,"R-1,'.encode(), "malformed", ""),
    (f"{LI},JADE-1,100,,,{'r' * 200_000},".encode(), "malformed", ""),
    (b"8.80E+15,JADE-1,100,,,,", "malformed", "card"),
    (f"{LI},JADE-1,100,,,2.0261E+11,".encode(), "malformed", "reference"),
    (f"{LI},JADE-1,100,,,,8.8e+15".encode(), "malformed", "key"),
    (f"{LI},JADE-1,1.00E+06,,,,".encode(), "malformed", "amount"),
    (f"{LI},J\x00DE-1,100,,,,".encode(), "malformed", "merchant"),
    (f"{LI},JADE-1,100,,,".encode() + "Bär".encode("latin-1") + b",", "malformed", "reference"),
    (f"{LI},JADE-1,100,,,,".encode() + "Schlüssel".encode("latin-1"), "malformed", "key"),
    (b",,,,,,x", "malformed", "card"),
]


def test_a_bad_row_is_listed_with_its_reason_and_harms_no_neighbour(shared: Alliance) -> None:
    good_row = f"{LI},JADE-1,100,,,,\n".encode()
    content = ACCRUAL.encode() + b"".join(good_row + row + b"\n" for row, _, _ in BAD_ROWS)
    done = send(shared.operator, "accruals", content)
    assert counts(done) == ("done", len(BAD_ROWS), 0, len(BAD_ROWS))
    expected = [(str(2 * number), code, field) for number, (_, code, field) in enumerate(BAD_ROWS, 1)]
    assert refused(shared.operator, done) == expected


BAD_LINES: list[tuple[str, str]] = [
    ("{", ""),
    ("[1]", ""),
    ("null", ""),
    ("[" * 100_000, ""),
    ('{"card": "' + LI + '", "merchant": "JADE-1", "amount": NaN}', "amount"),
    ('{"card": "' + LI + '", "merchant": "JADE-1", "amount": 1e400}', "amount"),
    ('{"card": "' + LI + '", "merchant": "JADE-1", "amount": ' + "9" * 5000 + "}", ""),
    ('{"card": "' + LI + '", "merchant": "JADE-1", "amount": 100.0}', "amount"),
    ('{"card": "' + LI + '", "merchant": "JADE-1", "amount": true}', "amount"),
    ('{"card": ' + LI + ', "merchant": "JADE-1", "amount": 100}', "card"),
    ('{"card": "\\ud800", "merchant": "JADE-1", "amount": 100}', "card"),
    ('{"card": "\\u0000", "merchant": "JADE-1", "amount": 100}', "card"),
    ('{"card": "' + LI + '", "merchant": "JADE-1", "amount": 100, "key": 7}', "key"),
    ('{"card": "' + LI + '", "merchant": "JADE-1", "amount": 100, "colour": "red"}', "colour"),
    (
        '{"card": "' + LI + '", "merchant": "JADE-1", "amount": 100, "\\u0000": {"\\u0000": "\\ud800"}}',
        "\ufffd",
    ),
    (
        '{"card": "' + LI + '", "merchant": "JADE-1", "amount": 100, "metadata": {"a": "\\u0000"}}',
        "metadata/a",
    ),
    ('{"card": ' + "[" * 900 + "]" * 900 + ', "merchant": "JADE-1", "amount": 100}', "card"),
]


def test_a_bad_line_of_ndjson_is_listed_and_harms_no_neighbour(shared: Alliance) -> None:
    good_line = json.dumps({"card": LI, "merchant": "JADE-1", "amount": 100}) + "\n"
    content = "".join(good_line + line + "\n" for line, _ in BAD_LINES)
    done = send(shared.operator, "accruals", content, "application/x-ndjson")
    assert counts(done) == ("done", len(BAD_LINES), 0, len(BAD_LINES))
    expected = [(str(2 * number), "malformed", field) for number, (_, field) in enumerate(BAD_LINES, 1)]
    assert refused(shared.operator, done) == expected


def test_a_line_without_end_is_refused_alone(shared: Alliance) -> None:
    good_line = json.dumps({"card": LI, "merchant": "JADE-1", "amount": 100}) + "\n"
    content = good_line + '{"card": "' + "x" * 1_100_000 + '"}\n' + good_line
    done = send(shared.operator, "accruals", content, "application/x-ndjson")
    assert counts(done) == ("done", 2, 0, 1)
    assert refused(shared.operator, done) == [("2", "malformed", "")]


def test_a_key_twice_in_one_file_is_posted_once(shared: Alliance) -> None:
    row = f"{LI},JADE-1,100,twice-1\n"
    other = f"{LI},JADE-1,200,twice-1\n"
    done = send(shared.operator, "accruals", f"card,merchant,amount,key\n{row}{row}{other}")
    assert counts(done) == ("done", 1, 1, 1)
    assert refused(shared.operator, done) == [("3", "idempotency_key_reused", "")]


def test_a_key_is_one_act_whichever_way_it_comes(shared: Alliance) -> None:
    body = {"card": LI, "merchant": "JADE-1", "amount": 123}
    good(shared.operator.post("/v1/accruals", body, idempotency_key="by request"))
    done = send(shared.operator, "accruals", f"card,merchant,amount,key\n{LI},JADE-1,123,by request\n")
    assert counts(done) == ("done", 0, 1, 0)
    send(shared.operator, "accruals", f"card,merchant,amount,key\n{LI},JADE-1,124,by file\n")
    again = shared.operator.post("/v1/accruals", body | {"amount": 124}, idempotency_key="by file")
    assert again.headers["Idempotency-Replayed"] == "true"


def test_rows_without_a_key_that_are_the_same_are_two_acts(shared: Alliance) -> None:
    row = f"{LI},JADE-1,777\n"
    done = send(shared.operator, "accruals", f"card,merchant,amount\n{row}{row}")
    assert counts(done) == ("done", 2, 0, 0)


def test_the_list_of_refused_rows_can_be_mended_and_sent_back(shared: Alliance) -> None:
    rows = f"{LI},JADE-1,1,M-1\n{LI},JADE-1,1.5,M-2\n{NOBODY},JADE-1,3,M-3\n"
    done = send(shared.operator, "accruals", f"card,merchant,amount,reference\n{rows}")
    assert counts(done) == ("done", 1, 0, 2)
    listed = shared.operator.get(f"/v1/imports/{done['id']}/errors.csv").get_data(as_text=True)
    assert "whole number" in listed
    mended = listed.replace("1.5", "2").replace(NOBODY, LI)
    assert counts(send(shared.operator, "accruals", mended)) == ("done", 2, 0, 0)


def test_a_refused_row_sent_again_is_refused_again_and_listed_again(shared: Alliance) -> None:
    content = f"card,merchant,points,key\n{LI},JADE-1,99999999,too many\n"
    for _ in range(2):
        done = send(shared.operator, "redemptions", content)
        assert counts(done) == ("done", 0, 0, 1)
        assert refused(shared.operator, done) == [("1", "insufficient_points", "points")]


def test_members_enrolled_elsewhere_or_already_are_refused(shared: Alliance) -> None:
    rows = [
        "JADE,13922220001,64000001",
        "LOTUS,13922220001,64000002",  # enrolled by JADE in this very file
        "JADE,139 2222 0001,",  # already, written otherwise
        "LOTUS,13800000001,",  # Wang
        "LOTUS,13922220002,64000001",  # the number is taken
        "NOBODY,,",
        "PINE,phone,",
    ]
    done = send(shared.operator, "members", "participant,phone,card\n" + "\n".join(rows))
    assert [row[1:] for row in refused(shared.operator, done)] == [
        ("enrolled_elsewhere", "phone"),
        ("already_exists", "phone"),
        ("enrolled_elsewhere", "phone"),
        ("already_exists", "card"),
        ("malformed", "participant"),
        ("malformed", "phone"),
    ]


def test_an_upload_that_is_cut_off_leaves_nothing_behind(shared: Alliance) -> None:
    before, files = shared.row_counts(), sorted(shared.services.files.iterdir())
    content = ROWS.encode()
    response = shared.app.test_client().post(
        "/v1/imports?kind=accruals",
        data=content,
        content_type="text/csv",
        headers={"Authorization": f"Bearer {shared.operator.key}"},
        environ_overrides={"CONTENT_LENGTH": str(len(content) + 10)},
    )
    assert response.status_code == 400
    assert code(response) == "malformed"
    assert "Send it again" in detail(response)
    assert shared.row_counts() == before
    assert sorted(shared.services.files.iterdir()) == files


def test_a_file_beyond_the_limit_is_refused_and_leaves_nothing_behind(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.v1.imports.BYTES_MAX", 100)
    before = shared.row_counts()
    response = shared.operator.send_file("/v1/imports?kind=accruals", b"x" * 101)
    assert (response.status_code, code(response)) == (413, "too_large")
    assert shared.row_counts() == before
    assert list(shared.services.files.iterdir()) == []


def test_a_file_that_is_done_is_not_kept(shared: Alliance) -> None:
    send(shared.operator, "accruals", "card,merchant,amount\n")
    assert list(shared.services.files.iterdir()) == []


def test_the_answer_to_a_file_says_where_to_look(shared: Alliance) -> None:
    response = shared.operator.send_file("/v1/imports?kind=accruals", ROWS.encode())
    assert response.status_code == 202
    path = response.headers["Location"]
    assert path == f"/v1/imports/{good(response)['id']}"
    while good(shared.operator.get(path))["status"] == "running":
        time.sleep(0.01)
