"""The payment file: pain.001.001.09 as the schema wants it, with what is still to be paid out."""

from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import Engine

from clearing.core.accounts import HUB
from settlement.bank_accounts import put_account, read_account
from settlement.close import close_and_check
from settlement.core.balance import PaymentDirection
from settlement.judging import NewPayment
from settlement.life import check_and_approve
from settlement.payments import record_payment
from settlement.payout import Payouts, read_payouts
from settlement.references import reference_of
from settlement.refusals import Refusal, Refused
from settlement.render import pain
from support.ledger import Ledger, shanghai

NOVEMBER = 202611
AT = shanghai("2026-12-02 09:30")
NAMES = {"p": pain.NAMESPACE}
CHINESE = {
    "holder": "松竹商贸有限公司 & <Söhne>",
    "account_number": "6222020200112233445",
    "clearing_code": "102100099996",
    "bank_name": "中国工商银行",
    "street": "南京西路 1 号",
    "postal_code": "200040",
    "town": "上海",
    "country": "CN",
}
EUROPEAN = {"holder": "Lotus GmbH", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "country": "DE"}
#: The schema as ISO 20022 publishes it; the package `sepaxml` carries it.
SCHEMA = etree.XMLSchema(etree.fromstring((files("sepaxml") / "schemas/pain.001.001.09.xsd").read_bytes()))


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """The worked example, closed: LOTUS is due 17.70, PINE 298.20."""
    with Ledger(engine) as ledger:
        ledger.worked_example()
        close_and_check(engine, NOVEMBER, at=shanghai("2026-12-01 00:10"), closed_by="anna")
        yield ledger


def put(engine: Engine, who: int, account: dict[str, Any]) -> None:
    with engine.begin() as connection:
        put_account(connection, who, account, "anna")


@pytest.fixture
def ready(ledger: Ledger, engine: Engine) -> Ledger:
    check_and_approve(engine, NOVEMBER, "bert")
    put(engine, HUB, CHINESE | {"holder": "Tongdui"})
    put(engine, ledger.participant_ids["LOTUS"], EUROPEAN)
    put(engine, ledger.participant_ids["PINE"], CHINESE)
    return ledger


def payouts(engine: Engine) -> Payouts:
    with engine.begin() as connection:
        found = read_payouts(connection, NOVEMBER)
    assert isinstance(found, Payouts), found
    return found


def refused(engine: Engine, number: int = NOVEMBER) -> Refusal:
    with engine.begin() as connection:
        found = read_payouts(connection, number)
    assert isinstance(found, Refusal)
    return found


def made(engine: Engine) -> Any:
    document = etree.fromstring(pain.pain_001(payouts(engine), AT, date(2026, 12, 11)))
    SCHEMA.assertValid(document)
    return document


def texts(document: Any, path: str) -> list[str]:
    return [str(one) for one in document.xpath(f"{path}/text()", namespaces=NAMES)]


def test_the_file_keeps_to_the_schema_and_holds_every_payout(ready: Ledger, engine: Engine) -> None:
    document = made(engine)
    assert texts(document, "//p:NbOfTxs") == ["2", "2"]
    assert texts(document, "//p:CtrlSum") == ["315.90", "315.90"]
    assert texts(document, "//p:InstdAmt") == ["17.70", "298.20"]
    assert document.xpath("//p:InstdAmt/@Ccy", namespaces=NAMES) == ["CNY", "CNY"]
    assert texts(document, "//p:Cdtr/p:Nm") == ["Lotus GmbH", "松竹商贸有限公司 & <Söhne>"]
    assert texts(document, "//p:CdtrAcct//p:IBAN") == ["DE89370400440532013000"]
    assert texts(document, "//p:CdtrAcct//p:Othr/p:Id") == ["6222020200112233445"]
    assert texts(document, "//p:CdtrAgt//p:MmbId") == ["102100099996"]
    assert texts(document, "//p:CdtrAgt//p:BICFI") == ["COBADEFFXXX"]
    assert texts(document, "//p:ReqdExctnDt/p:Dt") == ["2026-12-11"]
    ids = ready.participant_ids
    references = [reference_of(NOVEMBER, ids[code]) for code in ("LOTUS", "PINE")]
    assert texts(document, "//p:EndToEndId") == references
    assert texts(document, "//p:Ustrd") == [
        f"{references[0]} 2026-11-LOTUS-1",
        f"{references[1]} 2026-11-PINE-1",
    ]


def test_the_schema_is_one_that_notices_faults(ready: Ledger, engine: Engine) -> None:
    document = made(engine)
    [method] = document.xpath("//p:PmtMtd", namespaces=NAMES)
    method.text = "CASH"
    assert not SCHEMA.validate(document)


def test_the_same_payouts_have_the_same_message_id_and_others_another(ready: Ledger, engine: Engine) -> None:
    [first, _] = texts(made(engine), "//p:MsgId") + texts(made(engine), "//p:PmtInfId")
    assert texts(made(engine), "//p:MsgId") == [first]
    assert pain.filename(payouts(engine)) == f"{first}.xml"
    put(engine, ready.participant_ids["LOTUS"], EUROPEAN | {"iban": "GB29NWBK60161331926819"})
    assert texts(made(engine), "//p:MsgId") != [first]


def test_what_is_paid_already_is_not_paid_again(ready: Ledger, engine: Engine) -> None:
    ids = ready.participant_ids
    for code, amount in (("LOTUS", 1_770), ("PINE", 820)):
        with engine.begin() as connection:
            record_payment(
                connection, NOVEMBER, NewPayment(ids[code], PaymentDirection.OUT, amount, code), "carla"
            )
    assert texts(made(engine), "//p:InstdAmt") == ["290.00"]
    with engine.begin() as connection:
        record_payment(
            connection, NOVEMBER, NewPayment(ids["PINE"], PaymentDirection.OUT, 29_000, "rest"), "carla"
        )
    assert refused(engine).code is Refused.NOTHING_OUTSTANDING


def test_only_an_approved_period_with_all_accounts_is_paid_out(ledger: Ledger, engine: Engine) -> None:
    assert refused(engine, 202612).code is Refused.NOT_FOUND
    assert refused(engine).code is Refused.PERIOD_NOT_APPROVED
    check_and_approve(engine, NOVEMBER, "bert")
    put(engine, ledger.participant_ids["LOTUS"], EUROPEAN)
    missing = refused(engine)
    assert missing.code is Refused.BANK_ACCOUNT_MISSING
    assert "the hub, PINE" in missing.detail


def test_the_newest_account_counts_and_earlier_ones_are_kept(ledger: Ledger, engine: Engine) -> None:
    pine = ledger.participant_ids["PINE"]
    put(engine, pine, CHINESE)
    put(engine, pine, EUROPEAN)
    with engine.connect() as connection:
        found = read_account(connection, pine)
        assert found is not None
        assert (found.iban, found.account_number) == ("DE89370400440532013000", None)
        assert read_account(connection, HUB) is None
        assert connection.exec_driver_sql("SELECT count(*) FROM bank_accounts").scalar() == 2
