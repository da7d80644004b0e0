"""What the codes of a statement are called where people read it: Chinese beside the code, which is English.

Every member of the enumerations that stand on a statement has its label here; a test asks for each of them in
each format. A code that is newer than this table is shown as it is: a document is not withheld for a word.
"""

from collections.abc import Mapping
from types import MappingProxyType

from clearing.core.journal import LegKind, Reason, TransactionKind
from settlement.core.statement import Direction

KINDS: Mapping[str, str] = MappingProxyType(
    {
        LegKind.VISIT.label: "到访",
        LegKind.REDEMPTION.label: "兑换",
        LegKind.SPEND.label: "消费",
        LegKind.LOAD.label: "充值",
        LegKind.ISSUE.label: "发放",
        LegKind.OPENING.label: "转入",
        LegKind.EXPIRY.label: "失效",
        LegKind.ADJUSTMENT.label: "调整",
        LegKind.TRANSFER.label: "卡间划转",
    }
)
TRANSACTION_KINDS: Mapping[str, str] = MappingProxyType(
    {
        TransactionKind.ACCRUAL.label: "消费返积分",
        TransactionKind.REDEMPTION.label: "积分兑换",
        TransactionKind.LOAD.label: "储值充值",
        TransactionKind.SPEND.label: "储值消费",
        TransactionKind.OPENING.label: "期初转入",
        TransactionKind.REVERSAL.label: "冲正",
        TransactionKind.EXPIRY.label: "失效",
        TransactionKind.ADJUSTMENT.label: "调整",
        TransactionKind.TRANSFER.label: "卡间划转",
    }
)
DIRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        Direction.RECEIVABLE.value: "应收",
        Direction.PAYABLE.value: "应付",
        Direction.NONE.value: "无债权债务",
    }
)
REASONS: Mapping[str, str] = MappingProxyType(
    {
        Reason.OWN_SYSTEM.label: "本系统，免费",
        Reason.EXCHANGE.label: "交换，已计费",
        Reason.WAIVED.label: "交换，免收",
        Reason.NO_FEE_RULE.label: "交换，无收费规则",
        Reason.ADJUSTMENT.label: "人工调整",
        Reason.CORRECTED.label: "已通过争议退还",
    }
)
#: By the column of the detail in which they stand.
COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "transaction_kind": TRANSACTION_KINDS,
        "kind": KINDS,
        "direction": DIRECTIONS,
        "reason": REASONS,
    }
)


def chinese_first(code: str, labels: Mapping[str, str]) -> str:
    """`兑换 redemption`, as the document has it."""
    return f"{labels[code]} {code}" if code in labels else code


def english_first(code: str, labels: Mapping[str, str]) -> str:
    """`redemption 兑换`, as the workbook has it."""
    return f"{code} {labels[code]}" if code in labels else code
