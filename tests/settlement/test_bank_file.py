"""Bank statements as CSV: what is matched, and why the rest is not."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from clearing.verify import frozen
from settlement import bank_file
from settlement.bank_file import BankFile, NotABankFile, import_bank_file
from settlement.close import close_and_check
from settlement.core.balance import PaymentDirection
from settlement.life import check_and_approve
from settlement.payments import NewPayment, record_payment
from settlement.query import Settlement, read_settlement
from settlement.references import reference_of
from settlement.verify import verify
from support.ledger import Ledger, shanghai

NOVEMBER = 202611
HEADING = "bank_reference,paid_on,amount_yuan,text"


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """The worked example, closed: JADE owes 325.00, LOTUS is due 17.70, PINE 298.20."""
    with Ledger(engine) as ledger:
        ledger.worked_example()
        done = close_and_check(engine, NOVEMBER, at=shanghai("2026-12-01 00:10"), closed_by="anna")
        assert isinstance(done, Settlement)
        yield ledger


def sent(engine: Engine, *rows: str, encoding: str = "utf-8") -> BankFile:
    return import_bank_file(engine, "\n".join((HEADING, *rows, "")).encode(encoding), "carla")


def outstanding(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        settlement = read_settlement(connection, NOVEMBER)
    assert settlement is not None
    return {settlement.codes[who]: one.outstanding for who, one in settlement.balances.items()}


def test_payments_are_matched_by_payment_reference_and_by_statement_number(
    ledger: Ledger, engine: Engine
) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    reference = reference_of(NOVEMBER, ledger.participant_ids["JADE"])
    done = sent(
        engine,
        f"N1,2026-11-20,300.00,{reference} 结算",
        '=N2,2026-11-21,25.00,"settlement 2026-11-jade-1, rest"',
        "N3,2026-11-21T09:30:00+08:00,-298.20,2026-11-PINE-1",
    )
    assert (done.rows, len(done.payments), done.replayed, done.unmatched) == (3, 3, 0, [])
    assert outstanding(engine) == {"JADE": 0, "LOTUS": 1_770, "PINE": 0}
    first, _, third = done.payments
    assert (first.direction, first.amount, first.note) == ("in", 30_000, f"{reference} 结算")
    assert first.paid_at == shanghai("2026-11-20 00:00")
    assert third.direction == "out"


def test_references_are_one_however_they_are_padded_or_pasted(ledger: Ledger, engine: Engine) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    reference = reference_of(NOVEMBER, ledger.participant_ids["JADE"])
    with engine.begin() as connection:
        first = NewPayment(
            ledger.participant_ids["JADE"],
            PaymentDirection.IN,
            30_000,
            "Caf\u00e9 1",
            shanghai("2026-11-20 00:00"),
        )
        record_payment(connection, NOVEMBER, first, "anna")
    done = sent(
        engine,
        f"  Cafe\u0301\u00a01 ,2026-11-20,300.00,{reference}",
        f"N2,2026-11-20,25.00,{reference[:6]}\u200b{reference[6:]}",
        f"N\u200b3,2026-11-20,1.00,{reference}",
        f"N4\ufffe,2026-11-20,1.00,{reference}",
    )
    assert (done.replayed, [row.bank_reference for row in done.payments]) == (1, ["N2"])
    assert [(one.row, one.code, one.detail) for one in done.unmatched] == [
        (3, "malformed", "bank_reference: character 2 (U+200B) cannot be in it; write it without that."),
        (4, "malformed", "bank_reference: character 3 (U+FFFE) cannot be in it; write it without that."),
    ]
    assert outstanding(engine)["JADE"] == 0
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_a_file_sent_again_records_nothing_twice(ledger: Ledger, engine: Engine) -> None:
    rows = ("N1,2026-11-20,300.00,2026-11-JADE-1", "N2,2026-11-20,1.00,rent")
    first, again = sent(engine, *rows), sent(engine, *rows)
    assert (len(first.payments), first.replayed, len(first.unmatched)) == (1, 0, 1)
    assert (len(again.payments), again.replayed, again.unmatched) == (0, 1, first.unmatched)
    assert outstanding(engine)["JADE"] == -2_500


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("N1,2026-11-20,1.00,rent", "no_reference"),
        ("N1,2026-11-20,1.00,", "no_reference"),
        ("N1,2026-11-20,1.00,2026-11-NOBODY-1", "no_reference"),
        ("N1,2026-11-20,1.00,2026-11-JADE-1 and 2026-11-PINE-1", "several_references"),
        ("N1,2026-11-20,-1.00,2026-11-PINE-1", "period_not_approved"),
        ("N1,2199-11-20,1.00,2026-11-JADE-1", "occurred_in_future"),
        ("USED,2026-11-20,1.00,2026-11-JADE-1", "duplicate_reference"),
        (",2026-11-20,1.00,2026-11-JADE-1", "malformed"),
        ("N1,20.11.2026,1.00,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20T10:00,1.00,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,1,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,1.005,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,0.00,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,1e3,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,99999999999.00,2026-11-JADE-1", "malformed"),
        ("N1", "malformed"),
    ],
)
def test_what_is_not_matched_is_listed_with_its_reason(
    ledger: Ledger, engine: Engine, row: str, code: str
) -> None:
    sent(engine, "USED,2026-11-20,2.00,2026-11-JADE-1")
    before = outstanding(engine)
    done = sent(engine, row)
    assert [(one.row, one.code) for one in done.unmatched] == [(1, code)]
    assert len(done.unmatched[0].detail) > 10, "a sentence"
    assert outstanding(engine) == before


def test_a_bad_row_does_not_harm_its_neighbours(ledger: Ledger, engine: Engine) -> None:
    done = sent(engine, "x", 'N2,2026-11-20,"1,234.56",2026-11-JADE-1', "N3,,,")
    assert [row.amount for row in done.payments] == [123_456]
    assert [one.row for one in done.unmatched] == [1, 3]


def test_a_reference_of_a_period_that_is_open_or_unknown_is_told(ledger: Ledger, engine: Engine) -> None:
    ledger.now = shanghai("2026-12-05 10:00")
    ledger.book(ledger.pays_cash("JADE-1001", "PINE", 1_000))
    jade = ledger.participant_ids["JADE"]
    done = sent(
        engine,
        f"N1,2026-11-20,1.00,{reference_of(202612, jade)}",
        f"N2,2026-11-20,1.00,{reference_of(209901, jade)}",
        f"N3,2026-11-20,1.00,{reference_of(NOVEMBER, 999_999_999)}",
    )
    assert [one.code for one in done.unmatched] == ["period_not_closed", "not_found", "not_found"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_of_chinese_banks_are_read(ledger: Ledger, engine: Engine, encoding: str) -> None:
    done = sent(engine, "N1,2026-11-20,1.00,结算款 2026-11-JADE-1", encoding=encoding)
    assert [row.note for row in done.payments] == ["结算款 2026-11-JADE-1"]


def test_control_characters_in_a_text_do_no_harm(ledger: Ledger, engine: Engine) -> None:
    done = sent(engine, "N1,2026-11-20,1.00,\0\x072026-11-JADE-1")
    assert [row.note for row in done.payments] == ["2026-11-JADE-1"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "bank_reference, paid_on, amount_yuan, text is missing"),
        (b"bank_reference,paid_on,amount,text\n", "amount_yuan is missing"),
        (b"\xff\xff\xff", "UTF-8"),
        (f'{HEADING}\nN1,2026-11-20,1.00,"x'.encode(), "not CSV"),
    ],
)
def test_what_is_no_bank_file_is_refused_whole(
    ledger: Ledger, engine: Engine, content: bytes, reason: str
) -> None:
    with pytest.raises(NotABankFile, match=reason):
        import_bank_file(engine, content, "carla")


def test_a_file_that_is_too_long_is_refused_before_anything_is_recorded(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_file, "ROWS_MAX", 1)
    with pytest.raises(NotABankFile, match="at most 1 rows"):
        sent(engine, "N1,2026-11-20,1.00,2026-11-JADE-1", "N2,2026-11-20,1.00,2026-11-JADE-1")
    assert outstanding(engine)["JADE"] == -32_500
