"""Real files: stray quotes, missing cells, encodings, spreadsheets, and the list that is sent back."""

import csv
import gzip
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from api.imports import kinds
from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import LI, NOBODY, WANG, Alliance
from support.api import Caller, good, wait_for_import

NDJSON = "application/x-ndjson"


@pytest.fixture(autouse=True)
def adds_up(shared: Alliance) -> Iterator[None]:
    yield
    with frozen(shared.services.engine) as connection:
        assert list(verify(connection)) == []


def send(caller: Caller, kind: str, content: str | bytes, media_type: str = "text/csv") -> dict[str, Any]:
    data = content.encode() if isinstance(content, str) else content
    done: dict[str, Any] = wait_for_import(caller, kind, data, media_type=media_type)
    assert done["rows"] == done["accepted"] + done["replayed"] + done["refused"]
    return done


def counts(done: dict[str, Any]) -> tuple[str, int, int, int]:
    return done["status"], done["accepted"], done["replayed"], done["refused"]


def listed(caller: Caller, done: dict[str, Any]) -> list[dict[str, str]]:
    text = caller.get(f"/v1/imports/{done['id']}/errors.csv").get_data().decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def booked(alliance: Alliance, reference: str) -> list[dict[str, Any]]:
    path = f"/v1/transactions?reference={quote(reference)}"
    found: list[dict[str, Any]] = good(alliance.operator.get(path))["data"]
    return found


# ---- Rows that cannot be read -----------------------------------------------------------------------------


@pytest.mark.parametrize("stray", ['"{card}"y,JADE-1,100', '{card},JADE-1,"100', "{card},JADE-1,{long}"])
def test_a_row_that_cannot_be_read_is_refused_alone_and_the_counts_are_true(
    shared: Alliance, stray: str
) -> None:
    rows = [f"{LI},JADE-1,{100 + number}" for number in range(1503)]
    rows.insert(1200, stray.format(card=LI, long="1" * 200_000))
    done = send(shared.operator, "accruals", "\n".join(["card,merchant,amount", *rows]))
    assert counts(done) == ("done", 1503, 0, 1)
    [row] = listed(shared.operator, done)
    assert (row["row"], row["code"], row["card"]) == ("1201", "malformed", "")
    assert row["line"][:100] == rows[1200][:100]
    assert "ine 1202" in row["detail"], "the line in the file, under its names"
    # The same file again does nothing; the mended row alone does the rest.
    again = send(shared.operator, "accruals", "\n".join(["card,merchant,amount", *rows]))
    assert counts(again) == ("done", 0, 1503, 1)


def test_a_broken_line_of_json_is_refused_alone_whatever_its_length(shared: Alliance) -> None:
    line = json.dumps({"card": LI, "merchant": "JADE-1", "amount": 100})
    lines = [line, "{" + "x" * 3_000_000, line, line[:-5], line, '{"card": "' + "\x00" * 9 + '"}', line]
    done = send(shared.operator, "accruals", "\n".join(lines), NDJSON)
    assert counts(done) == ("done", 4, 0, 3)
    assert [row["row"] for row in listed(shared.operator, done)] == ["2", "4", "6"]


def test_what_was_read_before_a_fault_of_ours_is_posted_and_counted(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading runs ahead of posting: what it has in hand is neither lost nor counted before it is done."""
    checked, seen = kinds.checked, iter(range(10_000))

    def fail_late(kind: str, content: dict[str, Any]) -> Any:
        if next(seen) == 1500:
            raise ZeroDivisionError
        return checked(kind, content)

    content = "card,merchant,amount\n" + f"{LI},JADE-1,7\n" * 1504
    with monkeypatch.context() as patch:
        patch.setattr(kinds, "checked", fail_late)
        done = send(shared.operator, "accruals", content)
    assert counts(done) == ("failed", 1500, 0, 0)
    assert "Rows counted so far are done" in done["error"]
    assert counts(send(shared.operator, "accruals", content)) == ("done", 4, 1500, 0)


# ---- Cells that are missing, and that are none ------------------------------------------------------------


def test_a_row_with_fewer_cells_posts_nothing(shared: Alliance) -> None:
    header = "card,merchant,amount,occurred_at,reference\n"
    done = send(shared.operator, "accruals", f"{header}{LI},JADE-1,680\n{LI},JADE-1,681,,\n")
    assert counts(done) == ("done", 1, 0, 1)
    [row] = listed(shared.operator, done)
    assert row["line"] == f"{LI},JADE-1,680"
    assert "3 cells and the first line names 5 columns" in row["detail"]


def test_fewer_cells_are_refused_for_members_too(shared: Alliance) -> None:
    done = send(shared.operator, "members", "participant,name,phone,card\nJADE,Zhao,13911120001\n")
    assert counts(done) == ("done", 0, 0, 1)


def test_commas_alone_are_no_row_but_keep_the_others_numbers(shared: Alliance) -> None:
    content = f"card,merchant,amount,,\n,,,,\n{LI},JADE-1,1x,,\n ,,\n,,,,,,,,\n{LI},JADE-1,682,,\n"
    done = send(shared.operator, "accruals", content)
    assert counts(done) == ("done", 1, 0, 1)
    assert [row["row"] for row in listed(shared.operator, done)] == ["2"]


def test_what_stands_under_no_name_is_refused(shared: Alliance) -> None:
    done = send(shared.operator, "accruals", f"card,merchant,amount,,\n{LI},JADE-1,683,,x\n")
    assert counts(done) == ("done", 0, 0, 1)


@pytest.mark.parametrize(("delimiter", "codec"), [("\t", "utf-16"), (";", "utf-8-sig"), ("\t", "gb18030")])
def test_what_spreadsheets_save_with_tabs_or_semicolons_is_read(
    shared: Alliance, delimiter: str, codec: str
) -> None:
    columns = ("card", "merchant", "amount", "metadata")
    rows = [(LI, "JADE-1", "691", '"{""till"":""王, 1""}"'), (LI, "JADE-1", ""), ("", "", "", "")]
    text = "\r\n".join(delimiter.join(row) for row in (columns, *rows))
    done = send(shared.operator, "accruals", text.encode(codec))
    assert counts(done) == ("done", 1, 0, 1)
    [row] = listed(shared.operator, done)
    assert row["detail"].startswith("Line 3 has 3 cells and the first line names 4 columns.")


def test_a_zipped_file_and_a_broken_line_say_what_is_wrong(shared: Alliance) -> None:
    done = send(shared.operator, "accruals", gzip.compress(b"card,merchant,amount\n"))
    assert (done["status"], done["error"]) == (
        "failed",
        "This is a gzip file. Unpack it first, or send it with `Content-Encoding: gzip`.",
    )
    done = send(shared.operator, "accruals", '{"card" 1}\n{"card": 1} 2\n{"card": 1, "card": 1}\n', NDJSON)
    assert [row["detail"] for row in listed(shared.operator, done)] == [
        "The line is not JSON: Expecting ':' delimiter, at character 9 of it.",
        "The line is not JSON: Extra data, at character 13 of it.",
        "The line is not JSON: the name 'card' stands twice in one object; send each name once.",
    ]


def test_a_column_is_known_also_with_what_cannot_be_seen_in_its_name(shared: Alliance) -> None:
    done = send(shared.operator, "accruals", f"card\u200b,\ufeffmerchant\u00a0,amount\n{LI},JADE-1,684\n")
    assert counts(done) == ("done", 1, 0, 0)


def test_a_number_that_a_program_guards_against_spreadsheets_is_that_number(shared: Alliance) -> None:
    done = send(
        shared.operator, "accruals", f'card,merchant,amount\n="{LI}",JADE-1,685\n"=""{LI}""",JADE-1,686\n'
    )
    assert counts(done) == ("done", 2, 0, 0)


# ---- Encodings --------------------------------------------------------------------------------------------

ENCODED = {"UTF-8": ("utf-8", "utf-8-sig"), "UTF-16": ("utf-16",), "GB18030": ("gb18030",)}


@pytest.mark.parametrize(
    ("told", "codec"), [(told, codec) for told, codecs in ENCODED.items() for codec in codecs]
)
@pytest.mark.parametrize("media_type", ["text/csv", NDJSON])
def test_a_file_is_read_in_the_encoding_it_was_saved_in(
    shared: Alliance, told: str, codec: str, media_type: str
) -> None:
    reference = f"翡翠-{codec}-{media_type[-3:]}"
    rows = {
        "text/csv": f"card,merchant,amount,reference\n{LI},JADE-1,100,{reference}\n",
        NDJSON: json.dumps(
            {"card": LI, "merchant": "JADE-1", "amount": 100, "reference": reference}, ensure_ascii=False
        ),
    }
    done = send(shared.operator, "accruals", rows[media_type].encode(codec), media_type)
    assert counts(done) == ("done", 1, 0, 0)
    assert done["encoding"] == told
    assert len(booked(shared, reference)) == 1


def test_a_name_cut_in_the_middle_of_a_character_is_refused_alone(shared: Alliance) -> None:
    rows = [f"JADE,王小明,{13911130000 + number}".encode("gb18030") for number in range(1100)]
    rows[1050] = "JADE,李小".encode("gb18030")[:-1] + b",13911131050"
    done = send(shared.operator, "members", b"participant,name,phone\n" + b"\n".join(rows))
    assert (*counts(done), done["encoding"]) == ("done", 1099, 0, 1, "GB18030")
    [row] = listed(shared.operator, done)
    assert (row["row"], row["field"]) == ("1051", "name")
    assert "cannot be read as GB18030" in row["detail"]


# ---- The list of refused rows -----------------------------------------------------------------------------


def sent_back(alliance: Alliance, kind: str, done: dict[str, Any], mend: dict[str, str]) -> dict[str, Any]:
    """The list as a spreadsheet would save it, with texts in it replaced."""
    content = alliance.operator.get(f"/v1/imports/{done['id']}/errors.csv").get_data()
    assert content.startswith(b"\xef\xbb\xbf"), "or a spreadsheet shows Chinese as rubbish"
    for before, after in mend.items():
        assert before.encode() in content
        content = content.replace(before.encode(), after.encode())
    return send(alliance.operator, kind, content)


def test_formulas_are_neutral_in_the_list_and_themselves_when_it_comes_back(shared: Alliance) -> None:
    references = ["=1+1", "+86", "-5", "@SUM(A1)", "'=quoted", "'plain", '="a,b"', "王"]
    rows = [
        {"card": NOBODY, "merchant": "JADE-1", "amount": 100, "reference": f"{reference}#"}
        for reference in references
    ]
    done = send(shared.operator, "accruals", "\n".join(map(json.dumps, rows)), NDJSON)
    assert done["refused"] == len(references)
    cells = [row["reference"] for row in listed(shared.operator, done)]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    again = sent_back(shared, "accruals", done, {NOBODY: LI})
    assert counts(again) == ("done", len(references), 0, 0)
    for reference in references:
        assert len(booked(shared, f"{reference}#")) == 1, reference


def test_an_apostrophe_of_somebody_elses_file_is_left_alone(shared: Alliance) -> None:
    send(shared.operator, "accruals", f"card,merchant,amount,reference\n{LI},JADE-1,100,'=kept\n")
    assert len(booked(shared, "'=kept")) == 1


def test_all_that_a_row_of_json_said_is_in_the_list_and_comes_back(shared: Alliance) -> None:
    row = {
        "card": NOBODY,
        "merchant": "LOTUS-1",
        "points": 10,
        "capture": False,
        "purpose": "茶",
        "metadata": {"till": "7", "=x": '"'},
        "reference": "J-1",
        "occurred_at": "2026-11-20T10:00:00.123456+08:00",
        "key": "of json",
    }
    done = send(shared.operator, "redemptions", json.dumps(row), NDJSON)
    [shown] = listed(shared.operator, done)
    assert (shown["capture"], json.loads(shown["metadata"])) == ("false", row["metadata"])
    again = sent_back(shared, "redemptions", done, {NOBODY: WANG, "of json": "of json 2"})
    assert counts(again) == ("done", 1, 0, 0)
    # What the list said is what the row said: the same request under the same key is known.
    mended = json.dumps(row | {"card": WANG, "key": "of json 2"})
    assert counts(send(shared.operator, "redemptions", mended, NDJSON)) == ("done", 0, 1, 0)


@pytest.mark.parametrize(
    "content",
    [
        f"card,merchant,amount,occurred_at,reference\n{LI},JADE-1,680\n",
        f'card,merchant,amount\n"{LI}"y,JADE-1,100\n',
        f"card,merchant,amount\n{LI},JADE-1,8.80E+15\n",
        b"card,merchant,amount,reference\n" + f"{LI},JADE-1,100,".encode() + b"B\xe4r\n",
    ],
)
def test_a_row_that_was_not_mended_is_refused_again(shared: Alliance, content: str | bytes) -> None:
    first = send(shared.operator, "accruals", content)
    again = sent_back(shared, "accruals", first, {})
    assert counts(again) == ("done", 0, 0, 1)
    kept = {"row", "code", "detail", "field"}
    [before], [after] = listed(shared.operator, first), listed(shared.operator, again)
    assert {name: cell for name, cell in before.items() if name not in kept} == {
        name: cell for name, cell in after.items() if name not in kept
    }


def test_a_name_of_json_that_there_is_not_does_not_get_lost_on_the_way(shared: Alliance) -> None:
    row = {"card": LI, "merchant": "JADE-1", "amount": 100, "pionts": 5}
    done = send(shared.operator, "accruals", json.dumps(row), NDJSON)
    [shown] = listed(shared.operator, done)
    assert json.loads(shown["line"]) == row
    assert counts(sent_back(shared, "accruals", done, {})) == ("done", 0, 0, 1)


def test_a_row_in_one_piece_is_not_for_who_may_not_see_names(shared: Alliance) -> None:
    jade, auditor = shared.participant("JADE"), shared.auditor
    done = send(jade, "members", 'participant,name,phone\nJADE,"Zhao,13911120002\n')
    assert "Zhao" in listed(jade, done)[0]["line"]
    assert listed(auditor, done)[0]["line"] == ""
    lines = json.dumps({"participant": "JADE", "telephone": "13911120003"}), "{Zhao"
    done = send(jade, "members", "\n".join(lines), NDJSON)
    assert "13911120003" in listed(jade, done)[0]["line"]
    text = auditor.get(f"/v1/imports/{done['id']}/errors.csv").get_data(as_text=True)
    assert "13911120003" not in text
    assert "Zhao" not in text


# ---- Numbers and dates ------------------------------------------------------------------------------------


def test_a_balance_is_not_loaded_twice_under_one_number(shared: Alliance) -> None:
    header = "card,issuer,asset,quantity,reference\n"
    rows = [f"{LI},JADE,points,30,B-1", f"{LI},JADE,stored_value,40,B-2"]
    assert send(shared.operator, "balances", header + "\n".join(rows))["accepted"] == 2
    # Another file, so another import, perhaps of another day: what the rows are called is what counts.
    more = [*rows, f"{WANG},JADE,points,99,B-1", f"{LI},LOTUS,points,1,B-1", f"{LI},JADE,points,1,B-3"]
    done = send(shared.operator, "balances", header + "\n".join(more) + f"\n{more[-1]}\n")
    assert counts(done) == ("done", 2, 0, 4)
    assert [(row["row"], row["code"], row["field"]) for row in listed(shared.operator, done)] == [
        (row, "duplicate_reference", "reference") for row in ("1", "2", "3", "6")
    ]
    lines = "\n".join(
        json.dumps({"card": LI, "issuer": "JADE", "asset": "points", "quantity": 30, "reference": reference})
        for reference in ("B-1", "B-4", "B-4")
    )
    assert counts(send(shared.operator, "balances", lines, NDJSON)) == ("done", 1, 0, 2)


AT_MIDNIGHT = "{}T00:00:00Z"
DATES = [
    ("members", "participant,card_expires_on\nJADE,{}\n", "card_expires_on"),
    ("balances", f"card,issuer,asset,quantity,expires_on\n{LI},JADE,points,5,{{}}\n", "expires_on"),
    (
        "balances",
        f"card,issuer,asset,quantity,occurred_at\n{LI},JADE,points,5,{AT_MIDNIGHT}\n",
        "occurred_at",
    ),
    ("accruals", f"card,merchant,amount,occurred_at\n{LI},JADE-1,100,{AT_MIDNIGHT}\n", "occurred_at"),
    ("redemptions", f"card,merchant,points,expires_at\n{LI},JADE-1,1,{AT_MIDNIGHT}\n", "expires_at"),
]


@pytest.mark.parametrize(("kind", "content", "field"), DATES)
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2200-01-01", "1969-12-31"])
def test_a_date_of_no_time_of_ours_records_nothing(
    shared: Alliance, kind: str, content: str, field: str, day: str
) -> None:
    before = {name: count for name, count in shared.row_counts().items() if not name.startswith("import")}
    done = send(shared.operator, kind, content.format(day))
    assert counts(done) == ("done", 0, 0, 1)
    [row] = listed(shared.operator, done)
    assert (row["code"], row["field"]) == ("malformed", field)
    assert "between 1970 and 2199" in row["detail"]
    after = {name: count for name, count in shared.row_counts().items() if not name.startswith("import")}
    assert after == before


# ---- Results ----------------------------------------------------------------------------------------------


def results(caller: Caller, done: dict[str, Any]) -> list[dict[str, str]]:
    response = caller.get(f"/v1/imports/{done['id']}/results.csv")
    assert response.mimetype == "text/csv"
    return list(csv.DictReader(response.get_data().decode("utf-8-sig").splitlines()))


def test_a_member_whose_row_has_no_card_learns_his_number(shared: Alliance) -> None:
    jade = shared.participant("JADE")
    rows = [
        "JADE,=王小明,13911150001,Gold,,",
        "JADE,,phone,,,",
        ",,,,,",
        "JADE,李,13911150002,,63000777,of li",
    ]
    content = "participant,name,phone,tier,card,key\n" + "\n".join(rows)
    done = send(jade, "members", content)
    assert counts(done) == ("done", 2, 0, 1)
    [wang, li] = results(jade, done)
    assert (wang["row"], wang["name"], wang["tier"]) == ("1", "'=王小明", "Gold")
    assert (li["row"], li["card"], li["status"], li["name"]) == ("4", "63000777", "active", "李")
    member = good(jade.get(f"/v1/members/{wang['member']}"))
    assert member["card"]["number"] == wang["card"]
    assert (member["wallet"], member["participant"]) == (wang["wallet"], "JADE")
    accrual = {"card": wang["card"], "merchant": "JADE-1", "amount": 100}
    good(shared.merchant("JADE-1").post("/v1/accruals", accrual))
    # Whoever sends the same file again learns the same.
    again = send(jade, "members", content)
    assert counts(again) == ("done", 0, 2, 1)
    assert results(jade, again) == [wang, li]


def test_names_and_cards_of_results_are_for_who_sent_them(shared: Alliance) -> None:
    jade = shared.participant("JADE")
    done = send(jade, "members", "participant,name,card\nJADE,Zhao Min,6300000000000888\n")
    for other in (shared.operator, shared.auditor):
        [row] = results(other, done)
        assert (row["name"], row["card"][-4:]) == ("", "0888")
        assert "6300" not in row["card"]
    path = f"/v1/imports/{done['id']}/results.csv"
    assert shared.participant("LOTUS").get(path).status_code == 404
    assert shared.merchant("JADE-1").get(path).status_code == 403


def test_a_card_that_was_replaced_is_the_new_one_in_the_results(shared: Alliance) -> None:
    jade = shared.participant("JADE")
    done = send(jade, "members", "participant,card\nJADE,63000999\n")
    good(jade.post("/v1/cards/63000999/replacement", {"number": "63000998"}))
    assert [row["card"] for row in results(jade, done)] == ["63000998"]


def test_other_imports_have_no_results(shared: Alliance) -> None:
    done = send(shared.operator, "accruals", f"card,merchant,amount\n{LI},JADE-1,100\n")
    response = shared.operator.get(f"/v1/imports/{done['id']}/results.csv")
    assert response.status_code == 404
    assert "look transactions up by their reference" in response.get_json()["detail"]


def test_yuan_instead_of_fen_are_told_apart_by_call_and_by_file(shared: Alliance) -> None:
    """Who was told no more than "a whole number" would send 13 for 12.50."""
    done = send(shared.operator, "accruals", f"card,merchant,amount\n{LI},JADE-1,12.50\n{LI},JADE-1,1e3\n")
    told = "Must be fen, a whole number without quotes or fraction: 1250 is 12.50 yuan."
    assert [row["detail"] for row in listed(shared.operator, done)] == [f"amount: {told}"] * 2
    for path, more in (("accruals", {}), ("loads", {}), ("spends", {"capture": False})):
        body = {"card": LI, "merchant": "JADE-1", "amount": 12.5, **more}
        refused = shared.operator.post(f"/v1/{path}", body).get_json()
        assert refused["errors"] == [{"pointer": "/amount", "detail": told}]
