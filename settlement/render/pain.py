"""Payouts as an ISO 20022 customer credit transfer initiation, pain.001.001.09, as banks take it.

The same payouts to the same accounts have the same message id, so that a bank notices a file sent twice.
"""

from datetime import date, datetime

from lxml import etree
from sqlalchemy import Row

from settlement.payout import Payout, Payouts

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
MEDIA_TYPE = "application/xml"
#: The Chinese national clearing system, in the external code list of ISO 20022.
_CHINESE_CLEARING = "CNAPS"
_REMITTANCE_CHARACTERS = 140


def pain_001(payouts: Payouts, at: datetime, on: date) -> bytes:
    """The file. `at` is when it is made, `on` the day on which the bank is to pay."""
    document = etree.Element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE})
    initiation = _add(document, "CstmrCdtTrfInitn")
    message_id, count, total = payouts.message_id, str(len(payouts.transfers)), yuan(payouts.total)
    header = _add(initiation, "GrpHdr")
    _add(header, "MsgId", message_id)
    _add(header, "CreDtTm", at.isoformat(timespec="seconds"))
    _add(header, "NbOfTxs", count)
    _add(header, "CtrlSum", total)
    _add(_add(header, "InitgPty"), "Nm", payouts.account.holder)
    batch = _add(initiation, "PmtInf")
    _add(batch, "PmtInfId", message_id)
    _add(batch, "PmtMtd", "TRF")
    _add(batch, "NbOfTxs", count)
    _add(batch, "CtrlSum", total)
    _add(_add(batch, "ReqdExctnDt"), "Dt", on.isoformat())
    _party(batch, "Dbtr", payouts.account)
    _account(batch, "DbtrAcct", payouts.account)
    _agent(batch, "DbtrAgt", payouts.account)
    for payout in payouts.transfers:
        _transfer(batch, payout, payouts.currency)
    content: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return content


def filename(payouts: Payouts) -> str:
    """`TD202611-0123456789abcdef.xml`"""
    return f"{payouts.message_id}.xml"


def yuan(fen: int) -> str:
    """123456 → `1234.56`"""
    return f"{fen // 100}.{fen % 100:02d}"


def _transfer(batch: etree._Element, payout: Payout, currency: str) -> None:
    transfer = _add(batch, "CdtTrfTxInf")
    _add(_add(transfer, "PmtId"), "EndToEndId", payout.reference)
    _add(_add(transfer, "Amt"), "InstdAmt", yuan(payout.amount)).set("Ccy", currency)
    _agent(transfer, "CdtrAgt", payout.account)
    _party(transfer, "Cdtr", payout.account)
    _account(transfer, "CdtrAcct", payout.account)
    text = f"{payout.reference} {payout.statement}"
    _add(_add(transfer, "RmtInf"), "Ustrd", text[:_REMITTANCE_CHARACTERS])


def _party(parent: etree._Element, name: str, account: Row) -> None:
    party = _add(parent, name)
    _add(party, "Nm", account.holder)
    address = _add(party, "PstlAdr")
    for tag, value in (
        ("StrtNm", account.street),
        ("PstCd", account.postal_code),
        ("TwnNm", account.town),
        ("Ctry", account.country),
    ):
        if value is not None:
            _add(address, tag, value)


def _account(parent: etree._Element, name: str, account: Row) -> None:
    identification = _add(_add(parent, name), "Id")
    if account.iban is not None:
        _add(identification, "IBAN", account.iban)
    else:
        _add(_add(identification, "Othr"), "Id", account.account_number)


def _agent(parent: etree._Element, name: str, account: Row) -> None:
    institution = _add(_add(parent, name), "FinInstnId")
    if account.bic is not None:
        _add(institution, "BICFI", account.bic)
    if account.clearing_code is not None:
        member = _add(institution, "ClrSysMmbId")
        if account.country == "CN":
            _add(_add(member, "ClrSysId"), "Cd", _CHINESE_CLEARING)
        _add(member, "MmbId", account.clearing_code)
    if account.bank_name is not None:
        _add(institution, "Nm", account.bank_name)


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child
