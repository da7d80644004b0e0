"""Who guesses must wait; who waits may try again; nobody can lock out others from afar."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from users.delays import KEPT, Subject, count_attempt, delay, forgive
from users.tables import login_failures


@pytest.mark.parametrize(("failures", "seconds"), [
    (0, 0), (4, 0), (5, 30), (6, 60), (7, 120), (9, 480), (10, 900), (10_000, 900),
])  # fmt: skip
def test_the_delay_doubles_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert delay(Subject.PAIR, failures) == timedelta(seconds=seconds)


def attempts(engine: Engine, name: str, address: str, times: int) -> list[bool]:
    """Whether each may go on."""
    found = []
    for _ in range(times):
        with engine.begin() as connection:
            found.append(count_attempt(connection, name, address) == timedelta(0))
    return found


def let_pass(engine: Engine, time: timedelta) -> None:
    with engine.begin() as connection:
        connection.execute(update(login_failures).values(last_at=login_failures.c.last_at - time))


def test_after_five_attempts_from_one_address_the_name_must_wait_there_only(engine: Engine) -> None:
    assert attempts(engine, "chen", "10.0.0.1", 7) == [True] * 5 + [False] * 2
    assert attempts(engine, "chen", "10.0.0.2", 1) == [True]
    assert attempts(engine, "wang", "10.0.0.1", 1) == [True]


def test_waiting_ends_and_the_next_wait_is_longer(engine: Engine) -> None:
    attempts(engine, "chen", "a", 6)
    let_pass(engine, timedelta(seconds=31))
    assert attempts(engine, "chen", "a", 2) == [True, False]
    let_pass(engine, timedelta(seconds=31))
    assert attempts(engine, "chen", "a", 1) == [False]
    let_pass(engine, timedelta(seconds=31))
    assert attempts(engine, "chen", "a", 1) == [True]


def test_an_address_that_tries_many_names_must_wait_and_one_that_succeeds_need_not(engine: Engine) -> None:
    assert attempts(engine, "x", "b", 1) == [True]
    for number in range(40):
        assert attempts(engine, f"colleague{number}", "b", 1) == [True]
        with engine.begin() as connection:
            forgive(connection, f"colleague{number}", "b")
    found = [attempts(engine, f"name{number}", "c", 1)[0] for number in range(32)]
    assert found == [True] * 30 + [False] * 2


def test_a_name_tried_from_many_addresses_must_wait(engine: Engine) -> None:
    found = [attempts(engine, "chen", f"10.0.1.{number}", 1)[0] for number in range(52)]
    assert found == [True] * 50 + [False] * 2


def test_success_and_a_day_of_rest_clean_the_slate(engine: Engine) -> None:
    attempts(engine, "chen", "a", 4)
    with engine.begin() as connection:
        forgive(connection, "chen", "a")
    assert attempts(engine, "chen", "a", 5) == [True] * 5
    let_pass(engine, KEPT)
    assert attempts(engine, "chen", "a", 5) == [True] * 5
