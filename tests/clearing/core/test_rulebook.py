"""Which fee rule prices an exchange."""

from datetime import date

import pytest

from clearing.core.rulebook import ExchangeKind
from support.core import alliance

GIVEN = [
    "redemption 1%",  # 1
    "redemption 2% issuer=JADE",  # 2
    "redemption 3% acceptor=LOTUS",  # 3
    "redemption 4% issuer=JADE acceptor=LOTUS",  # 4
    "spend 5% issuer=JADE acceptor=LOTUS",  # 5
]
SPECIFIC = [
    ("redemption", "JADE", "LOTUS", 4),  # both named
    ("redemption", "PINE", "LOTUS", 3),  # acceptor named
    ("redemption", "JADE", "PINE", 2),  # issuer named
    ("redemption", "LOTUS", "JADE", 1),  # anyone; a rule for JADE → LOTUS is not one for LOTUS → JADE
    ("spend", "JADE", "LOTUS", 5),
    ("spend", "LOTUS", "JADE", None),
    ("load", "JADE", "LOTUS", None),
    ("visit", "JADE", "LOTUS", None),
]


def _rule(fees: list[str], kind: str, issuer: str, acceptor: str, on: str) -> int | None:
    directory = alliance("JADE", "LOTUS", "PINE", fees=fees)
    ids = {found.code: found.id for found in directory.participants.values()}
    rule = directory.rulebook.fee_rule(
        ExchangeKind[kind.upper()], ids[issuer], ids[acceptor], date.fromisoformat(on)
    )
    return rule.id if rule else None


@pytest.mark.parametrize(("kind", "issuer", "acceptor", "rule"), SPECIFIC)
def test_the_most_specific_rule_wins(kind: str, issuer: str, acceptor: str, rule: int | None) -> None:
    assert _rule(GIVEN, kind, issuer, acceptor, "2026-11-15") == rule


def test_a_rule_for_the_acceptor_is_more_specific_than_one_for_the_issuer() -> None:
    for fees in (
        ["visit 1% issuer=JADE", "visit 2% acceptor=LOTUS"],
        ["visit 2% acceptor=LOTUS", "visit 1% issuer=JADE"],
    ):
        rule = _rule(fees, "visit", "JADE", "LOTUS", "2026-11-15")
        assert rule is not None
        assert fees[rule - 1] == "visit 2% acceptor=LOTUS"


def test_the_order_in_which_rules_were_made_does_not_change_which_is_more_specific() -> None:
    assert _rule(GIVEN[3::-1], "redemption", "JADE", "LOTUS", "2026-11-15") == 1


DATED = [
    # rules, day, the one in force
    (["visit 1%", "visit 2% from=2026-12-01"], "2026-11-30", 1),
    (["visit 1%", "visit 2% from=2026-12-01"], "2026-12-01", 2),
    (["visit 2% from=2026-12-01", "visit 1%"], "2026-12-01", 1),  # made later is not in force later
    (["visit 1% from=2026-11-01", "visit 2% from=2026-10-01"], "2026-11-15", 1),  # the newer date
    (["visit 1% from=2026-11-01", "visit 2% from=2026-11-01"], "2026-11-15", 2),  # the version made last
    (["visit 1%", "visit 2%"], "2026-11-15", 2),
    (["visit 1% from=2026-12-01"], "2026-11-30", None),
    (["visit 1%", "visit 2% acceptor=LOTUS from=2026-12-01"], "2026-11-30", 1),  # specific, not in force yet
    (["visit 1% from=2026-12-01", "visit 2% acceptor=LOTUS"], "2026-12-01", 2),  # specific, though older
]


@pytest.mark.parametrize(("rules", "day", "rule"), DATED)
def test_a_rule_holds_from_its_date(rules: list[str], day: str, rule: int | None) -> None:
    assert _rule(rules, "visit", "JADE", "LOTUS", day) == rule
