"""Beancount accepts the books of every participant and of the hub, and they end where the statements end."""

import io
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from beancount import loader
from sqlalchemy import Engine

from settlement.close import close_period
from settlement.hub_books import hub_books
from settlement.query import list_statements
from settlement.render import render
from settlement.statement import open_statement
from support.ledger import CODES, Ledger, shanghai

NOVEMBER, DECEMBER, JANUARY = 202611, 202612, 202701


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


def close(engine: Engine, number: int, at: str) -> None:
    with engine.begin() as connection:
        close_period(connection, number, at=shanghai(at), closed_by="tests")


def books(engine: Engine, number: int) -> dict[str, str]:
    """By the code of the participant, and the hub's."""
    found = {}
    with engine.begin() as connection:
        for header in list_statements(connection, number):
            out = io.BytesIO()
            statement = open_statement(connection, header.id)
            assert statement is not None
            render(connection, statement, {"beancount": out})
            found[header.participant_code] = out.getvalue().decode()
        of_hub = hub_books(connection, number)
    assert of_hub is not None
    return found | {"HUB": of_hub}


def faults(text: str) -> list[str]:
    _, errors, _ = loader.load_string(text)
    return [error.message for error in errors]


def test_bean_check_accepts_the_worked_example(ledger: Ledger, engine: Engine, tmp_path: Path) -> None:
    ledger.worked_example()
    close(engine, NOVEMBER, "2026-12-01 00:10")
    for code, text in books(engine, NOVEMBER).items():
        path = tmp_path / f"{code}.beancount"
        path.write_text(text, encoding="utf-8")
        checked = subprocess.run(
            [Path(sys.executable).with_name("bean-check"), path], capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, ""), code


def test_the_worked_example_reads_as_an_accountant_expects(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    close(engine, NOVEMBER, "2026-12-01 00:10")
    found = books(engine, NOVEMBER)
    assert "2026-12-01 balance Assets:Tongdui:Clearing  -325.00 ~ 0 CNY" in found["JADE"]
    assert "2026-12-01 balance Liabilities:Points  -2000 ~ 0 POINTS" in found["JADE"]
    assert "2026-12-01 balance Liabilities:StoredValue  -200.00 ~ 0 CNY" in found["JADE"]
    assert "  Income:Honoured:Points:JADE  -25.00 CNY" in found["LOTUS"]
    assert "  Expenses:Tongdui:Fees  6.89 CNY\n  Assets:VAT:Input  0.41 CNY" in found["LOTUS"]
    assert "2026-12-01 balance Assets:Clearing:LOTUS  -17.70 ~ 0 CNY" in found["HUB"]
    assert "2026-12-01 balance Liabilities:Points:JADE  -2000 ~ 0 POINTS" in found["HUB"]


@pytest.mark.parametrize("seed", range(3))
def test_books_of_any_history_are_accepted(ledger: Ledger, engine: Engine, seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311  not for secrets
    cards = [ledger.enrol(code) for code in CODES for _ in range(2)]
    for card in cards:
        ledger.book(ledger.opens(card, card.split("-")[0], 4_000, "2027-01-31"))
        ledger.book(ledger.opens(card, card.split("-")[0], 90_000))
    for number, until in ((NOVEMBER, "2026-12-01"), (DECEMBER, "2027-01-01"), (JANUARY, "2027-02-01")):
        booked = []
        for _ in range(25):
            card, at = random_.choice(cards), random_.choice(CODES)
            command = random_.choice(
                [
                    ledger.pays_cash(card, at, random_.randint(1, 90_000)),
                    ledger.redeems(card, at, random_.randint(1, 900)),
                    ledger.spends(card, at, random_.randint(1, 9_000)),
                    ledger.loads(card, at, random_.randint(1, 9_000), issuer=card.split("-")[0]),
                ]
            )
            booked.append(ledger.book(command)[0])
            if random_.random() < 0.3:
                # What cannot be reversed any more is refused, which is as good here.
                ledger.post(ledger.reverses(random_.choice(booked)))
        first, second = random_.sample(CODES, 2)
        ids = ledger.participant_ids
        ledger.book(ledger.adjusts(ids[first], ids[second], random_.randint(1, 5_000)))
        close(engine, number, f"{until} 00:10")
        ledger.now = shanghai(f"{until} 10:00")
        for code, text in books(engine, number).items():
            assert faults(text) == [], (seed, number, code, text)


def test_there_are_no_books_of_a_period_that_is_not_closed(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    with engine.begin() as connection:
        assert hub_books(connection, NOVEMBER) is None
