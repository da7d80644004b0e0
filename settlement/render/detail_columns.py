"""The columns of the detail as people see them, by the names they have in JSON and CSV."""

from settlement.render.book import Column, column_letter

DETAIL = {
    "line": Column("Line 行号", 10, "count"),
    "transaction": Column("Transaction 交易号", 34),
    "reference": Column("Reference 商户单号", 20),
    "occurred_at": Column("Occurred 发生时间", 29),
    "booked_at": Column("Booked 入账时间", 29),
    "merchant": Column("Merchant 商户", 20),
    "transaction_kind": Column("Transaction kind 交易类型", 24),
    "kind": Column("Kind 类型", 20),
    "issuer": Column("Issuer 发行方", 14),
    "acceptor": Column("Acceptor 受理方", 16),
    "member": Column("Member 会员", 18),
    "lots": Column("Lots 批次", 40),
    "points": Column("Points 积分", 14, "count"),
    "amount": Column("Amount 金额", 16, "money"),
    "obligation": Column("Obligation 应结金额", 20, "money"),
    "direction": Column("Direction 方向", 20),
    "fee_rate": Column("Fee rate 费率", 14),
    "fee": Column("Fee 服务费", 14, "money"),
    "fee_payer": Column("Fee payer 付费方", 18),
    "rule_version": Column("Rule version 规则版本", 22, "count"),
    "reason": Column("Reason 原因", 32),
    "prior_period": Column("Prior period 前期", 18),
    "reverses": Column("Reverses 冲正原交易", 36),
}
LETTERS = {name: column_letter(index) for index, name in enumerate(DETAIL)}
