"""What is sealed of a transaction, byte by byte: the forms are for ever, so they are written out here."""

import importlib.util
from datetime import UTC, datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import pytest

from clearing.core import leaf
from clearing.core.leaf import ENTRY, HEAD, LEG, PRIVATE, Form

#: How PostgreSQL numbers its types (pg_type.oid).
OID = {"bool": 16, "int8": 20, "int2": 21, "int4": 23, "text": 25, "timestamptz": 1184, "jsonb": 3802}
SECRET = bytes(range(32))
BEIJING = timezone(timedelta(hours=8))
NO_ZONE = datetime(2026, 11, 15, tzinfo=UTC).replace(tzinfo=None)


def sent(*cells: str) -> bytes:
    """A row as PostgreSQL sends it: of each cell `type hex`, `text 'words'` or `type NULL`."""
    row = len(cells).to_bytes(4, "big")
    for cell in cells:
        type_, value = cell.split(maxsplit=1)
        row += OID[type_].to_bytes(4, "big")
        if value == "NULL":
            row += b"\xff\xff\xff\xff"
        else:
            content = value[1:-1].encode() if value.startswith("'") else bytes.fromhex(value)
            row += len(content).to_bytes(4, "big") + content
    return row


def anew() -> ModuleType:
    """The module loaded once more: its forms and types are made while the test looks."""
    spec = importlib.util.find_spec("clearing.core.leaf")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- forms --------------------------------------------------------------------------------------

FORMS = [
    (
        "tongdui.transaction.1 of transactions",
        "period int4, wallet_id int8, id int8, kind int2, merchant_id int4, acceptor_id int4, occurred_at"
        " timestamptz, booked_at timestamptz, late bool, rule_version int4, reference text, original_id int8,"
        " original_period int4, original_wallet_id int8",
    ),
    (
        "tongdui.private.1 of transactions",
        "card_number text, points int8, amount int8, posted_by text, purpose text, metadata jsonb",
    ),
    (
        "tongdui.leg.1 of legs",
        "period int4, wallet_id int8, transaction_id int8, number int2, kind int2, reason int2, issuer_id"
        " int4, acceptor_id int4, fee_rule_id int4, points int8, amount int8, obligation int8, acceptor_fee"
        " int8, issuer_fee int8",
    ),
    (
        "tongdui.entry.1 of entries",
        "period int4, wallet_id int8, transaction_id int8, number int2, kind int2, debit int8, credit int8,"
        " quantity int8",
    ),
]


def test_the_forms_stay_what_they_were() -> None:
    found = anew().FORMS
    assert [
        (f"{form.name} of {form.table}", ", ".join(f"{name} {type_}" for name, type_ in form.columns))
        for form in found
    ] == FORMS


def test_parts_are_numbered_form_by_form() -> None:
    assert [form.order for form in (HEAD, PRIVATE, LEG, ENTRY)] == [0, 65_536, 131_072, 196_608]


# ---- rows ---------------------------------------------------------------------------------------

OF_TRANSACTION: dict[str, Any] = {
    "period": 202611,
    "wallet_id": 5,
    "id": 2**40 + 7,
    "kind": 2,
    "merchant_id": 201,
    "acceptor_id": 2,
    "occurred_at": datetime(2026, 11, 15, 10, 0, 3, 250_001, BEIJING),
    "booked_at": datetime(2026, 11, 15, 10, 0, 4, tzinfo=BEIJING),
    "late": True,
    "rule_version": 7,
    "reference": "单 1",
    "original_id": None,
    "original_period": None,
    "original_wallet_id": None,
    "card_number": "J-1",
    "points": 300,
    "amount": -1,
    "posted_by": None,
    "purpose": "",
    "metadata": {"till": "3"},
    "beside_the_form": 1,
}
OF_LEG = {
    "period": 202611,
    "wallet_id": 5,
    "transaction_id": 9,
    "number": 258,
    "kind": 2,
    "reason": 2,
    "issuer_id": 1,
    "acceptor_id": 2,
    "fee_rule_id": None,
    "points": -300,
    "amount": -300,
    "obligation": -270,
    "acceptor_fee": -6,
    "issuer_fee": 0,
}

ROWS: list[tuple[Form, dict[str, Any], bytes]] = [
    (
        HEAD,
        OF_TRANSACTION,
        sent(
            "text 'tongdui.transaction.1'",
            "int4 00031773",
            "int8 0000000000000005",
            "int8 0000010000000007",
            "int2 0002",
            "int4 000000c9",
            "int4 00000002",
            # 02:00:03.250001 UTC is 848,023,203,250,001 µs after the beginning of 2000.
            "timestamptz 00030345c9ca7f51",
            "timestamptz 00030345c9d5f100",
            "bool 01",
            "int4 00000007",
            "text e58d952031",
            "int8 NULL",
            "int4 NULL",
            "int8 NULL",
        ),
    ),
    (
        PRIVATE,
        OF_TRANSACTION,
        sent(
            "text 'tongdui.private.1'",
            "text 'J-1'",
            "int8 000000000000012c",
            "int8 ffffffffffffffff",
            "text NULL",
            "text ''",
            "jsonb 017b2274696c6c223a202233227d",
        ),
    ),
    (
        LEG,
        OF_LEG,
        sent(
            "text 'tongdui.leg.1'",
            "int4 00031773",
            "int8 0000000000000005",
            "int8 0000000000000009",
            "int2 0102",
            "int2 0002",
            "int2 0002",
            "int4 00000001",
            "int4 00000002",
            "int4 NULL",
            "int8 fffffffffffffed4",
            "int8 fffffffffffffed4",
            "int8 fffffffffffffef2",
            "int8 fffffffffffffffa",
            "int8 0000000000000000",
        ),
    ),
]


@pytest.mark.parametrize(("form", "values", "row"), ROWS, ids=lambda value: getattr(value, "name", ""))
def test_a_row_is_what_postgresql_sends(form: Form, values: dict[str, Any], row: bytes) -> None:
    assert leaf.row_bytes(form, values).hex() == row.hex()
    assert anew().row_bytes(form, values) == row


def test_an_entry_in_full() -> None:
    values = {
        "period": 202611,
        "wallet_id": 1,
        "transaction_id": 2,
        "number": 1,
        "kind": 7,
        "debit": 1,
        "credit": 2,
        "quantity": 2_500,
    }
    assert leaf.row_bytes(ENTRY, values).hex(" ", -4) == (
        "00000009 00000019 0000000f 746f6e67 6475692e 656e7472 792e3100 00001700 00000400 03177300 00001400"
        " 00000800 00000000 00000100 00001400 00000800 00000000 00000200 00001500 00000200 01000000 15000000"
        " 02000700 00001400 00000800 00000000 00000100 00001400 00000800 00000000 00000200 00001400 00000800"
        " 00000000 0009c4"
    )


@pytest.mark.parametrize(
    ("at", "microseconds"),
    [
        (datetime(2000, 1, 1, tzinfo=UTC), 0),
        (datetime(2000, 1, 1, 8, 0, 1, 1, BEIJING), 1_000_001),
        (datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC), -1),
        (datetime(2126, 11, 15, 0, 0, 0, 999_999, UTC), 4_003_689_600_999_999),
    ],
)
def test_a_time_is_counted_in_microseconds_from_2000(at: datetime, microseconds: int) -> None:
    found = leaf.row_bytes(HEAD, OF_TRANSACTION | {"booked_at": at})
    assert b"\0\0\4\xa0\0\0\0\x08" + microseconds.to_bytes(8, "big", signed=True) + b"\0\0\0\x10" in found


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({}, "{}"),
        # By length, then by bytes: capitals before small letters; é takes two bytes.
        (
            {"bb": "1", "c": "2", "B": "3", "é": "4", "ba": "5"},
            '{"B": "3", "c": "2", "ba": "5", "bb": "1", "é": "4"}',
        ),
        ({"桌": 'a"b\n', "till": "三"}, '{"桌": "a\\"b\\n", "till": "三"}'),
    ],
)
def test_metadata_are_the_text_of_jsonb(metadata: dict[str, str], text: str) -> None:
    content = b"\1" + text.encode()
    found = leaf.row_bytes(PRIVATE, OF_TRANSACTION | {"metadata": metadata})
    assert found.endswith(b"\0\0\x0e\xda" + len(content).to_bytes(4, "big") + content)


@pytest.mark.parametrize(
    ("form", "values", "said"),
    [
        (LEG, OF_LEG | {"number": 2**15}, "^legs: .*format"),
        (LEG, OF_LEG | {"points": 2**63}, "^legs: .*(int too large|format)"),
        (LEG, OF_LEG | {"points": "300"}, "^legs: .*integer"),
        (HEAD, OF_TRANSACTION | {"booked_at": NO_ZONE}, "^transactions: .*offset-naive"),
        (PRIVATE, OF_TRANSACTION | {"purpose": 5}, "^transactions: .*'encode'"),
        (PRIVATE, OF_TRANSACTION | {"metadata": {5: "x"}}, "^transactions: .*'encode'"),
    ],
)
def test_what_does_not_fit_its_column_is_told_with_its_table(
    form: Form, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        leaf.row_bytes(form, values)


def test_a_column_that_is_missing_is_told() -> None:
    with pytest.raises(KeyError, match="card_number"):
        leaf.row_bytes(PRIVATE, OF_LEG)


# ---- salts and commitments ----------------------------------------------------------------------


def test_a_salt_opens_one_row_only() -> None:
    # printf of the 52 bytes, through sha256sum
    assert (
        leaf.salt(SECRET, 5, 2**40 + 7, 131_073).hex()
        == "269b3da85d5652038cf6ee239543394adc5fec7c352553171176b0b0f451f438"
    )
    others = {leaf.salt(SECRET, *row) for row in ((5, 7, 1), (7, 5, 1), (5, 7, 2), (5, 8, 1))}
    assert len(others) == 4


def test_a_commitment_is_the_hash_of_salt_and_row() -> None:
    assert (
        leaf.commitment(b"salt", b"row").hex()
        == "ee4043644b0c14abad128690b54e3614a4a2ef20b8ca08cd836bb6727289c39c"
    )
