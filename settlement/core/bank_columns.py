"""The columns of bank statements: which of them hold what, in our own names and in those that banks use.

A name counts only if it can mean one thing. `amount` is none of them: it may be fen or yuan. `debit` (借方)
is money that left the account and `credit` (贷方) money that came in, as banks state them to a customer.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Role(StrEnum):
    """What a column holds."""

    REFERENCE = "bank_reference"
    DATE = "paid_on"
    AMOUNT = "amount_yuan"
    TEXT = "text"
    DEBIT = "debit"
    CREDIT = "credit"
    SIGN = "debit or credit"
    KIND = "kind"
    CURRENCY = "currency"


#: Without blanks, brackets and case. Of dates the first that is there counts; texts are read together.
NAMES: Mapping[Role, Sequence[str]] = MappingProxyType(
    {
        Role.REFERENCE: (
            "bank_reference", "bankreference", "交易流水号", "交易流水", "流水号", "银行流水号", "核心流水号",
            "账户明细编号-交易流水号", "银行参考号", "交易参考号", "transactionreferencenumber",
            "transactionreference",
        ),
        Role.DATE: (
            "paid_on", "交易日期", "交易日", "记账日期", "记账日", "入账日期", "入账日", "交易时间",
            "入账时间", "transactiondate", "bookingdate", "postingdate",
        ),
        Role.AMOUNT: ("amount_yuan", "金额", "交易金额", "发生额"),
        Role.TEXT: (
            "text", "附言", "交易附言", "摘要", "交易摘要", "业务摘要", "其它摘要", "其他摘要", "用途",
            "交易用途", "备注", "remark", "remarks", "remittanceinformation", "purpose", "description",
        ),
        Role.DEBIT: (
            "debit", "debitamount", "借方", "借方金额", "借方发生额", "支出", "支出金额", "支取", "支取金额",
            "withdrawal", "withdrawals",
        ),
        Role.CREDIT: (
            "credit", "creditamount", "贷方", "贷方金额", "贷方发生额", "收入", "收入金额", "存入",
            "存入金额", "deposit", "deposits",
        ),
        Role.SIGN: (
            "借贷标志", "借贷标识", "借贷方向", "借贷", "借/贷", "收支", "收/支", "收支标志",
            "收支类型", "收支方向", "收付标志", "debit/credit", "dr/cr",
        ),
        # Of some banks only it says which way the money went (来账, 往账), beside a sign or in its place.
        Role.KIND: ("交易类型", "transactiontype"),
        Role.CURRENCY: ("currency", "币种", "币别", "货币"),
    }
)  # fmt: skip
_ROLES = {name: role for role, names in NAMES.items() for name in names}
_NEEDED = (Role.REFERENCE, Role.DATE, Role.AMOUNT, Role.TEXT)
#: Of these a file may have several; of all others two are one too many.
_SEVERAL = frozenset({Role.DATE, Role.TEXT})

#: At the end of a name, which holds no line end.
_BRACKETS = re.compile(r"[(\[][^()\[\]]*[)\]]\Z")
#: What the first cell of a row of totals begins with.
_TOTAL = re.compile(
    r"(?:本页|本期|本日|本月|当日|借方|贷方|收入|支出|总|累计)*(?:合计|总计|小计|累计|总额|总笔数|合計|總計|小計)"
    r"|(?:sub-?\s?|grand\s)?totals?\b"
)


class Columns(NamedTuple):
    """Where each role stands in a row; `width` cells have a name."""

    places: Mapping[Role, tuple[int, ...]]
    width: int


class Faulty(NamedTuple):
    """A row that is no heading, or not a good one: the roles that are `missing`, or a sentence on `twice`."""

    found: int
    missing: tuple[Role, ...] = ()
    twice: str | None = None


def readable(text: str) -> str:
    """Full-width letters and digits as plain ones, other blanks as spaces, without what cannot be seen."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(" " if letter.isspace() else letter for letter in plain if not _unseen(letter)).strip()


def read_heading(cells: Sequence[str]) -> Columns | Faulty:
    """The columns that a row names, if it names all that are needed."""
    names = [_plain(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    places: dict[Role, tuple[int, ...]] = {}
    for place, name in enumerate(names):
        role = _ROLES.get(name)
        if role is not None:
            places[role] = (*places.get(role, ()), place)
    found = len(places)
    sides = [role for role in (Role.DEBIT, Role.CREDIT) if role in places]
    by_side = bool(sides) and Role.AMOUNT not in places
    needed = (Role.REFERENCE, Role.DATE, Role.DEBIT, Role.CREDIT, Role.TEXT) if by_side else _NEEDED
    missing = tuple(role for role in needed if role not in places)
    if missing:
        return Faulty(found, missing)
    twice = _twice(cells, names, places)
    if twice is not None:
        return Faulty(found, twice=twice)
    first_date = min(places[Role.DATE], key=lambda place: NAMES[Role.DATE].index(names[place]))
    return Columns(MappingProxyType(places | {Role.DATE: (first_date,)}), len(names))


def is_total(cell: str) -> bool:
    """Whether a cell is what a row of totals begins with: 合计, 总计, Total …"""
    return _TOTAL.match(readable(cell).casefold()) is not None


def _twice(cells: Sequence[str], names: Sequence[str], places: Mapping[Role, tuple[int, ...]]) -> str | None:
    for name in names:
        if name and names.count(name) > 1:
            return f"The heading names the column {readable(cells[names.index(name)])!r} twice"
    for role, where in places.items():
        if len(where) > 1 and role not in _SEVERAL:
            listed = ", ".join(readable(cells[place]) for place in where)
            return f"The heading has several columns for {role} ({listed})"
    if Role.AMOUNT in places and (Role.DEBIT in places or Role.CREDIT in places):
        return f"The heading has several columns for {Role.AMOUNT}: an amount, and debit or credit"
    return None


def _plain(name: str) -> str:
    """`借方发生额/元(支取)` → `借方发生额`"""
    plain = "".join(readable(name).casefold().split())
    while (shorter := _BRACKETS.sub("", plain).removesuffix("/元")) != plain:
        plain = shorter
    return plain


def _unseen(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf") and not letter.isspace()
