"""Load: stored value is sold at a desk; of another issuer, the desk owes it the money taken."""

from decimal import Decimal

import pytest

from support.core import Books, alliance, load

LEGS = [
    # issuer given, fee rule, leg
    (None, "load 1% payer=issuer", "load of LOTUS: ¥100.00; own_system"),
    ("LOTUS", "load 1% payer=issuer", "load of LOTUS: ¥100.00; own_system"),
    (
        "JADE",
        "load 1% payer=issuer",
        "load of JADE: ¥100.00; LOTUS owes JADE ¥100.00; JADE pays ¥1.00; exchange",
    ),
    (
        "JADE",
        "load 1% payer=0.25",
        "load of JADE: ¥100.00; LOTUS owes JADE ¥100.00; LOTUS pays ¥0.25; JADE pays ¥0.75; exchange",
    ),
    ("JADE", "load 0%", "load of JADE: ¥100.00; LOTUS owes JADE ¥100.00; waived"),
    ("JADE", "visit 1%", "load of JADE: ¥100.00; LOTUS owes JADE ¥100.00; no_fee_rule"),
]


@pytest.mark.parametrize(("issuer", "rule", "leg"), LEGS)
def test_the_desk_owes_the_issuer_the_money_taken(issuer: str | None, rule: str, leg: str) -> None:
    books = Books(alliance("JADE enabled", "LOTUS", fees=[rule]))
    assert books.legs(books.book(load("¥100.00", "LOTUS-1", issuer))) == [leg]


def test_the_entries_of_a_load_across_participants() -> None:
    books = Books(alliance("JADE enabled", "LOTUS", fees=["load 1% payer=issuer"]))
    booked = books.book(load("¥100.00", "LOTUS-1", "JADE"))
    assert books.entries(booked) == [
        "float JADE → lot JADE never: ¥100.00",
        "clearing LOTUS → clearing JADE: ¥100.00",
        "clearing JADE → fee_income HUB: ¥1.00",
    ]
    assert books.nets() == {"JADE": "¥99.00", "LOTUS": "¥-100.00", "HUB": "¥1.00"}
    assert books.position(202611, "load", "JADE", "LOTUS") == (1, 0, 100_00, 100_00, 0, 1_00)


def test_a_fee_that_both_pay_is_an_entry_for_each() -> None:
    books = Books(alliance("JADE enabled", "LOTUS", fees=["load 1% payer=0.25"]))
    booked = books.book(load("¥100.00", "LOTUS-1", "JADE"))
    assert books.entries(booked)[2:] == [
        "clearing LOTUS → fee_income HUB: ¥0.25",
        "clearing JADE → fee_income HUB: ¥0.75",
    ]
    assert books.nets() == {"JADE": "¥99.25", "LOTUS": "¥-100.25", "HUB": "¥1.00"}


def test_the_whole_amount_is_owed_whatever_the_reimbursement_rate() -> None:
    books = Books(alliance("JADE enabled", "LOTUS", reimbursement_rate=Decimal("0.8")))
    [leg] = books.book(load("¥100.00", "LOTUS-1", "JADE")).legs
    assert leg.obligation == 100_00


def test_stored_value_never_ends_and_joins_what_is_there() -> None:
    books = Books(alliance("JADE"), lots={"Wang": ["JADE ¥5.00 never", "JADE ¥1.00 2026-12-31"]})
    books.book(load("¥100.00", "JADE-1"))
    assert books.left("Wang") == ["JADE ¥105.00 never", "JADE ¥1.00 2026-12-31"]


def test_another_issuers_value_is_sold_only_where_it_is_enabled() -> None:
    books = Books(alliance("JADE", "LOTUS enabled"))
    assert books.refuse(load("¥100.00", "LOTUS-1", "JADE")) == "not_enabled"
    books.book(load("¥100.00", "JADE-1", "LOTUS"))
    books.book(load("¥100.00", "JADE-1", "JADE"))


def test_an_issuer_that_takes_no_part_is_malformed() -> None:
    assert Books(alliance("JADE")).refuse(load("¥100.00", "JADE-1", "NOBODY")) == "malformed"
