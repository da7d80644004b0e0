"""The cells of bank statements: amounts, days and references, read where they can mean one thing only."""

import re
import unicodedata
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.texts import Fault, read_line
from settlement.core.balance import PaymentDirection
from settlement.core.bank_columns import readable

REFERENCE_CHARACTERS_MAX = 140
#: No payment of an alliance can be of another year; what a spreadsheet or a typing error makes of a day can.
YEARS = range(2000, 2200)

_AMOUNT = re.compile(r"([+-]?)[¥]?([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3})+)\.([0-9]{2})")
_NOTHING = re.compile(r"-|[+-]?0+(?:\.0+)?")
_DAY = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日)")
_DIGITS = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}(?:Z|[+-][0-9]{2}:?[0-9]{2})")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,6})?)?")
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)

_OUT = frozenset({"借", "借方", "支", "支出", "付", "付款", "往账", "d", "dr", "debit"})
_IN = frozenset({"贷", "贷方", "收", "收入", "收款", "来账", "c", "cr", "credit"})
#: As banks write it, also by the numbers that some have for it.
_YUAN = frozenset({"", "cny", "rmb", "人民币", "人民币元", "156", "01", "001", "10"})


class Unreadable(ValueError):
    """A cell that cannot be read, or could mean several things; says what to do."""


def read_reference(cell: str) -> str:
    """The bank's reference as one that is recorded by hand is kept, so that the two are one payment;
    full-width letters and digits as plain ones. Raises Unreadable.
    """
    text = read_line(unicodedata.normalize("NFKC", cell).strip())
    if isinstance(text, Fault):
        raise Unreadable(
            f"bank_reference: character {text.place} ({text.code}) cannot be in it; write it without that."
        )
    if not 1 <= len(text) <= REFERENCE_CHARACTERS_MAX or not text.isprintable():
        raise Unreadable(f"bank_reference must have 1 to {REFERENCE_CHARACTERS_MAX} printable characters.")
    return text


def is_rounded(reference: str) -> bool:
    """Whether a spreadsheet has made a rounded number of it: `1.23E+15`."""
    return _ROUNDED.fullmatch(reference.strip()) is not None


def read_day(cell: str, zone: ZoneInfo) -> datetime:
    """A day stands for its first instant in the alliance's zone, and the clock of a bank is of that zone.

    A time in the form of ISO 8601 needs its offset. Raises Unreadable.
    """
    text = readable(cell)
    day, _, clock = text.partition(" ")
    match = _DAY.fullmatch(day) or _DIGITS.fullmatch(day)
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
        if match is None:
            raise ValueError(text)
        year, month, of_month = [int(part) for part in match.groups() if part and part.isdigit()]
        return datetime.combine(date(year, month, of_month), _clock(clock.strip()), zone)
    except ValueError as error:
        raise Unreadable(
            "paid_on must be a day, such as 2026-12-08 or 2026/12/8, or a time with its offset."
        ) from error


def read_amount(cell: str) -> int:
    """Fen, below zero if it was paid out. Raises Unreadable."""
    match = _AMOUNT.fullmatch(readable(cell).replace("\N{MINUS SIGN}", "-"))
    if match is None:
        raise Unreadable(
            "amount_yuan must be yuan with two decimals, such as 1234.56; below zero if paid out."
        )
    fen = int(Decimal(match[2].replace(",", "")) * 100) + int(match[3])
    if not 0 < fen <= MAX_QUANTITY:
        raise Unreadable("amount_yuan must not be zero, nor beyond what a net can be.")
    return -fen if match[1] == "-" else fen


def read_sides(debit: str, credit: str) -> int:
    """The same from debit (paid out) and credit (came in), of which one is empty. Raises Unreadable."""
    filled = [cell for cell in (debit, credit) if readable(cell) and not _NOTHING.fullmatch(readable(cell))]
    if len(filled) != 1:
        raise Unreadable("Of debit and credit one must hold an amount and the other none.")
    fen = read_amount(filled[0])
    if fen < 0:
        raise Unreadable(
            "A debit or credit below zero is a correction of the bank's; look at what it corrects, and record"
            " it by hand."
        )
    return -fen if filled[0] is debit else fen


def read_sign(cell: str) -> PaymentDirection:
    """What a column of debit or credit says of its row. Raises Unreadable."""
    word = readable(cell).casefold()
    if word not in _OUT | _IN:
        raise Unreadable("The column of debit or credit must say 借 or 贷, 收 or 支, D or C.")
    return PaymentDirection.OUT if word in _OUT else PaymentDirection.IN


def read_kind(cell: str) -> PaymentDirection | None:
    """What a column of kinds of transfers says of the way the money went; None if it says something else."""
    try:
        return read_sign(cell)
    except Unreadable:
        return None


def is_yuan(cell: str) -> bool:
    """Whether a column of currencies says that the row is in yuan, or nothing."""
    return readable(cell).casefold() in _YUAN


def _clock(text: str) -> time:
    if not text:
        return time()
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return time(int(match[1]), int(match[2]), int(match[3] or 0))
