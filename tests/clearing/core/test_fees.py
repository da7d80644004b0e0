"""The fee on one leg, and who pays it."""

from datetime import date

import pytest

from clearing.core.fees import price
from clearing.core.rulebook import ExchangeKind
from support.core import alliance, fen

ON = date(2026, 11, 15)

PRICES = [
    # rule, amount, acceptor pays, issuer pays
    ("2%", "¥25.00", "0.50", "0"),
    ("2%", "¥0.24", "0", "0"),  # 0.48 fen
    ("2%", "¥0.25", "0.01", "0"),  # 0.50 fen, half up
    ("2%", "¥1.25", "0.03", "0"),  # 2.50 fen
    ("0.6%", "¥300.00", "1.80", "0"),
    ("0% flat=¥0.30", "¥25.00", "0.30", "0"),
    ("1% flat=¥0.30", "¥25.50", "0.56", "0"),  # 25.5 + 30 fen
    ("1% min=¥0.50", "¥25.00", "0.50", "0"),
    ("1% min=¥0.50", "¥50.01", "0.50", "0"),
    ("1% min=¥0.50", "¥50.50", "0.51", "0"),
    ("0% min=¥0.50", "¥25.00", "0.50", "0"),
    ("1% max=¥2.00", "¥199.00", "1.99", "0"),
    ("1% max=¥2.00", "¥999.00", "2.00", "0"),
    ("1% flat=¥1.00 max=¥2.00", "¥150.00", "2.00", "0"),  # the flat part is inside the maximum
    ("1% flat=¥1.00 min=¥1.20", "¥10.00", "1.20", "0"),  # … and inside the minimum
    ("2% payer=issuer", "¥25.00", "0", "0.50"),
    ("2% payer=0.5", "¥25.50", "0.26", "0.25"),  # 51 fen: a tie goes to the acceptor
    ("2% payer=0.3", "¥25.50", "0.15", "0.36"),  # 15.3 and 35.7
    ("2% payer=0.7", "¥25.50", "0.36", "0.15"),
    ("2% payer=0.333", "¥0.50", "0", "0.01"),
    ("2% payer=0.5 min=¥0.01", "¥0.10", "0.01", "0"),
    ("2% payer=0.5 max=¥0.33", "¥100.00", "0.17", "0.16"),
]


@pytest.mark.parametrize(("rule", "amount", "acceptor", "issuer"), PRICES)
def test_an_exchange_is_priced_by_its_rule(rule: str, amount: str, acceptor: str, issuer: str) -> None:
    rulebook = alliance("JADE", "LOTUS", fees=[f"redemption {rule}"]).rulebook
    fee = price(rulebook, ExchangeKind.REDEMPTION, 1, 2, fen(amount), ON)
    assert (fee.acceptor, fee.issuer) == (fen(acceptor), fen(issuer))
    assert fee.total == fen(acceptor) + fen(issuer)
    assert (fee.rule_id, fee.reason.label) == (1, "exchange")


FREE = [
    # rules, issuer, reason, rule
    (["redemption 2%"], 2, "own_system", None),
    (["redemption 0%"], 1, "waived", 1),
    (["redemption 2%", "redemption 0% acceptor=LOTUS"], 1, "waived", 2),
    (["redemption 0% max=¥9.00"], 1, "waived", 1),
    (["redemption 0% min=¥0"], 1, "waived", 1),
    (["spend 2%"], 1, "no_fee_rule", None),
    (["redemption 2% from=2026-11-16"], 1, "no_fee_rule", None),
    ([], 1, "no_fee_rule", None),
]


@pytest.mark.parametrize(("rules", "issuer", "reason", "rule"), FREE)
def test_what_is_free_says_why(rules: list[str], issuer: int, reason: str, rule: int | None) -> None:
    rulebook = alliance("JADE", "LOTUS", fees=rules).rulebook
    fee = price(rulebook, ExchangeKind.REDEMPTION, issuer, 2, fen("¥25.00"), ON)
    assert (fee.total, fee.reason.label, fee.rule_id) == (0, reason, rule)


def test_an_exchange_too_small_to_cost_a_fen_is_still_an_exchange() -> None:
    rulebook = alliance("JADE", "LOTUS", fees=["redemption 2%"]).rulebook
    fee = price(rulebook, ExchangeKind.REDEMPTION, 1, 2, 10, ON)
    assert (fee.total, fee.reason.label, fee.rule_id) == (0, "exchange", 1)
