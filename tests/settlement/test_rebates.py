"""Rebates by volume at closing, from postings to the statement."""

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event, text, update

from clearing.tables import fee_rules
from clearing.verify import frozen
from settlement.close import close_period
from settlement.present import settlement_json
from settlement.query import Settlement, list_statements, read_settlement
from settlement.render import render
from settlement.statement import DoesNotTieOut, open_statement
from settlement.verify import verify
from support.ledger import Ledger, shanghai

NOVEMBER = 202611


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """Spends cost 0.6 %, and 0.3 % on what exceeds ¥100 a month; the fee is shared 3 to 1."""
    with Ledger(engine) as ledger:
        tiers = [{"above": 10_000, "rate": "0.003"}]
        with engine.begin() as connection:
            connection.execute(
                update(fee_rules)
                .where(fee_rules.c.kind == 3)
                .values(tiers=tiers, acceptor_share=Decimal("0.75"))
            )
        yield ledger


def business(ledger: Ledger) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.opens(wang, "JADE", 100_000), ledger.opens(wang, "JADE", 9_000, "2027-12-31"))
    [first, *_] = ledger.book(*(ledger.spends(wang, at, 15_000) for at in ("PINE", "PINE", "LOTUS")))
    ledger.book(ledger.redeems(wang, "PINE", 1_000), ledger.reverses(first))


def closed(engine: Engine) -> Settlement:
    with engine.begin() as connection:
        settlement = close_period(connection, NOVEMBER, at=shanghai("2026-12-01 00:10"), closed_by="tests")
    assert isinstance(settlement, Settlement)
    return settlement


def statement(engine: Engine, code: str) -> dict[str, Any]:
    out = io.BytesIO()
    with engine.connect() as connection:
        [header] = [one for one in list_statements(connection) if one.participant_code == code]
        opened = open_statement(connection, header.id)
        assert opened is not None
        render(connection, opened, {"json": out})
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_each_payer_gets_back_what_the_tiers_save_on_its_volume(ledger: Ledger, engine: Engine) -> None:
    business(ledger)
    document = settlement_json(closed(engine))
    shown = ("participant", "role", "volume", "fees", "rebate")
    # PINE spent-at 30,000 less the 15,000 undone; 90 fen of fee on each spend, 67 or 68 of it the acceptor's.
    assert [tuple(row[name] for name in shown) for row in document["rebates"]] == [
        ("JADE", "issuer", 30_000, 44, 15),
        ("LOTUS", "acceptor", 15_000, 68, 11),
        ("PINE", "acceptor", 15_000, 68, 11),
    ]
    lines = {line["code"]: line for line in document["participants"]}
    assert lines["JADE"]["rebates"] == 15
    assert lines["PINE"]["net"] == 15_000 + 1_000 - (68 + 20) + 11
    hub = document["hub"]
    assert (hub["fees"], hub["rebates"], hub["net"]) == (180 + 20, 37, 163)
    assert sum(line["net"] for line in document["participants"]) + hub["net"] == 0
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_the_open_period_shows_the_rebates_so_far(ledger: Ledger, engine: Engine) -> None:
    business(ledger)
    with engine.connect() as connection:
        before = read_settlement(connection, NOVEMBER)
    assert before is not None
    assert closed(engine).netting == before.netting


def test_the_statement_tells_them_rule_by_rule_and_taxes_what_remains(ledger: Ledger, engine: Engine) -> None:
    business(ledger)
    closed(engine)
    document = statement(engine, "PINE")
    head = document["statement"]
    assert (head["fees"], head["rebates"], head["fees_less_rebates"]) == (88, 11, 77)
    assert (head["fees_net"], head["fees_vat"]) == (73, 4)
    [row] = document["rebates"]
    assert (row["kind"], row["role"], row["volume"], row["rebate"]) == ("spend", "acceptor", 15_000, 11)


def test_a_rebate_that_is_not_the_settled_one_makes_no_statement(ledger: Ledger, engine: Engine) -> None:
    business(ledger)
    closed(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE settlement_rebates SET rebate = rebate + 1"))
    with pytest.raises(DoesNotTieOut, match="rebates"):
        statement(engine, "PINE")


def test_only_batches_under_a_rule_with_tiers_write_volumes(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.opens(wang, "JADE", 100_000), ledger.opens(wang, "JADE", 9_000, "2027-12-31"))
    seen: list[str] = []

    def note(*args: Any) -> None:
        seen.append(args[2])

    event.listen(engine, "before_cursor_execute", note)
    ledger.book(ledger.redeems(wang, "PINE", 1_000))
    assert not any("fee_volumes" in statement for statement in seen)
    ledger.book(ledger.spends(wang, "PINE", 1_000), ledger.spends(wang, "PINE", 1_000))
    assert sum("fee_volumes" in statement for statement in seen) == 1
    event.remove(engine, "before_cursor_execute", note)


TAMPERING = [
    ("UPDATE fee_volumes SET amount = amount + 1", {"fee_volumes"}),
    (
        "UPDATE settlement_rebates SET rebate = rebate + 1 WHERE volume = 30000",
        {"rebates", "rebates_in_nets", "zero_sum"},
    ),
    ("UPDATE settlement_rebates SET volume = volume + 1 WHERE volume = 30000", {"rebates"}),
    ("DELETE FROM settlement_rebates WHERE volume = 30000", {"rebates", "rebates_in_nets", "zero_sum"}),
    (
        "UPDATE settlement_nets SET rebates = rebates + 1, net = net + 1 WHERE rebates = 15",
        {"rebates_in_nets", "zero_sum"},
    ),
    ('UPDATE fee_rules SET tiers = \'[{"above": 10000, "rate": "0.002"}]\' WHERE kind = 3', {"rebates"}),
]


@pytest.mark.parametrize(("statement", "found_by"), TAMPERING)
def test_tampering_is_found(ledger: Ledger, engine: Engine, statement: str, found_by: set[str]) -> None:
    business(ledger)
    closed(engine)
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0
    with frozen(engine) as connection:
        assert {difference.check for difference in verify(connection)} == found_by
