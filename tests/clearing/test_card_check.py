"""Card checks that come together are answered together, each as if it had come alone."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from clearing.card_check import CardCheck, CardChecks, CardQuestion, check_cards
from clearing.directory import DirectoryCache
from clearing.verify import frozen
from database import make_engine
from support.crowd import at_once
from support.ledger import OPERATOR, Ledger
from support.statements import statements_of

SECONDS = 20.0


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        ledger.worked_example()
        yield ledger


def questions(ledger: Ledger) -> list[CardQuestion]:
    """Cards of three issuers and one of nobody, each at three merchants."""
    directory = ledger.writer.directory.last
    numbers = [ledger.enrol("JADE"), ledger.enrol("LOTUS"), ledger.enrol("PINE")]
    for number, amount in zip(numbers, (1000, 2000, 3000), strict=True):
        ledger.book(ledger.pays_cash(number, "LOTUS", amount * 100), ledger.loads(number, "LOTUS", amount))
    merchants = [directory.merchants[f"{code}-1"] for code in ("JADE", "LOTUS", "PINE")]
    return [
        CardQuestion(number, merchant, OPERATOR) for number in (*numbers, "NOBODY") for merchant in merchants
    ]


def told(check: CardCheck | None) -> object:
    """All but the directory, which is another object each time it is read."""
    return None if check is None else check._replace(directory=None)  # type: ignore[arg-type]


def test_many_at_once_are_answered_as_one_by_one_with_the_same_statements(
    ledger: Ledger, engine: Engine
) -> None:
    asked, cache = questions(ledger), DirectoryCache()
    with frozen(engine) as connection:
        check_cards(connection, asked[:1], cache)  # reads the directory and prepares the statements
    with statements_of(engine) as of_one, frozen(engine) as connection:
        check_cards(connection, asked[:1], cache)
    with statements_of(engine) as of_all, frozen(engine) as connection:
        together = check_cards(connection, asked, cache)
    with frozen(engine) as connection:
        alone = [check_cards(connection, [one], cache)[0] for one in asked]
    assert of_one == of_all
    assert list(map(told, together)) == list(map(told, alone))
    assert [check is None for check in together] == [one.number == "NOBODY" for one in asked]
    points = {check.card.number: sum(lot.available for lot in check.lots) for check in together if check}
    assert sorted(points.values()) == [1000, 2000, 3000]


def test_each_caller_gets_the_answer_to_its_own_question(ledger: Ledger, engine: Engine) -> None:
    asked, checks = questions(ledger), CardChecks(engine, DirectoryCache())
    answers = at_once([lambda one=one: checks.check(one, SECONDS) for one in asked])  # type: ignore[misc]
    checks.close()
    with frozen(engine) as connection:
        alone = check_cards(connection, asked, DirectoryCache())
    assert list(map(told, answers)) == list(map(told, alone))


def test_after_a_lost_connection_cards_are_answered_at_once(ledger: Ledger, engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    as_served = make_engine(url, pool_size=1, application_name="served", pre_ping=False)
    asked, checks = questions(ledger), CardChecks(as_served, DirectoryCache())
    assert checks.check(asked[0], SECONDS)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'served'"
        )
    assert checks.check(asked[0], SECONDS)
    checks.close()
    as_served.dispose()
