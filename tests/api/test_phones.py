"""One phone is one person, however it is written and by whatever way it comes."""

import pytest

from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import Alliance
from support.api import code, good, problem, wait_for_import

PHONE = "15400200002"
WRITTEN = [
    "15400200002", "8615400200002", "+86 154-0020-0002", "008615400200002", "+86 (0)154 0020 0002",
    "+86（0）15400200002", "0154 0020 0002", "１５４００２００００２", "\u202a+86 154 0020 0002\u202c",
]  # fmt: skip


@pytest.fixture(scope="module")
def enrolled(shared: Alliance) -> Alliance:
    made = good(
        shared.participant("JADE").post("/v1/members", {"participant": "JADE", "phone": "+86 154-0020-0002"})
    )
    assert made["phone"] == PHONE
    return shared


@pytest.mark.parametrize("phone", WRITTEN)
def test_nobody_enrols_anothers_member_by_writing_the_phone_otherwise(enrolled: Alliance, phone: str) -> None:
    body = {"participant": "LOTUS", "phone": phone}
    assert code(enrolled.participant("LOTUS").post("/v1/members", body)) == "enrolled_elsewhere"
    again = {"participant": "JADE", "phone": phone}
    assert code(enrolled.participant("JADE").post("/v1/members", again)) == "already_exists"


@pytest.mark.parametrize("media_type", ["text/csv", "application/x-ndjson"])
def test_nor_by_a_file(enrolled: Alliance, media_type: str) -> None:
    if media_type == "text/csv":
        content = "participant,phone\n" + "".join(f"LOTUS,{phone}\n" for phone in WRITTEN)
    else:
        content = "".join(f'{{"participant": "LOTUS", "phone": "{phone}"}}\n' for phone in WRITTEN)
    done = wait_for_import(enrolled.participant("LOTUS"), "members", content, media_type=media_type)
    assert (done["accepted"], done["refused"]) == (0, len(WRITTEN))
    told = enrolled.participant("LOTUS").get(f"/v1/imports/{done['id']}/errors.csv").text
    assert told.count("enrolled_elsewhere") == len(WRITTEN)
    with frozen(enrolled.services.engine) as connection:
        assert list(verify(connection)) == []


@pytest.mark.parametrize(
    ("phone", "in_a_file"),
    [
        ("15400200003.0", "phone: This phone has a decimal point"),
        ("1.54E+10", "A spreadsheet has shortened a number to 1.54E+10; its digits are lost."),
    ],
)
def test_what_a_spreadsheet_made_of_a_phone_is_refused_with_what_to_do(
    shared: Alliance, phone: str, in_a_file: str
) -> None:
    found = problem(shared.operator.post("/v1/members", {"participant": "JADE", "phone": phone}))
    assert found["errors"][0]["pointer"] == "/phone"
    assert "as text" in found["detail"]
    done = wait_for_import(shared.operator, "members", f"participant,phone\nJADE,{phone}\n")
    told = shared.operator.get(f"/v1/imports/{done['id']}/errors.csv").text
    assert in_a_file in told
