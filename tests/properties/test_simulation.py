"""Random commands from several crashing workers come to what one command after another comes to.

`make simulate` does the same with far more of them, and crashes of the server too.
"""

import secrets
import time
from typing import Any

import pytest
from sqlalchemy import Engine, text

from clearing import writer
from clearing.core import lots
from clearing.load import Gathered, gather
from simulation.run import Simulation
from simulation.script import make_script
from simulation.world import make_world

COMMANDS = 800


@pytest.fixture
def simulation(database_url: str) -> Simulation:
    """A fresh seed each time; the report says which."""
    return Simulation(database_url, secrets.randbelow(1_000_000), COMMANDS)


def test_crashing_workers_come_to_what_one_command_after_another_comes_to(simulation: Simulation) -> None:
    report = simulation.run()
    assert not report.differences, report.text
    assert report.counts["posted"] > COMMANDS // 20, report.text


def test_what_is_posted_and_when_something_crashes_follow_from_the_seed_alone() -> None:
    first, second, other = (
        make_script(seed, make_world(seed, COMMANDS), COMMANDS, 4, server_crashes=3) for seed in (7, 7, 8)
    )
    assert first == second
    assert first != other
    assert first.commands == COMMANDS


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE lots SET available = available + 1 WHERE id = (SELECT max(id) FROM lots)",
        "UPDATE legs SET acceptor_fee = acceptor_fee + 1 WHERE (transaction_id, number) ="
        " (SELECT transaction_id, number FROM legs WHERE issuer_id <> acceptor_id"
        " ORDER BY transaction_id DESC, number LIMIT 1)",
        "DELETE FROM outcomes WHERE key = (SELECT max(key::text)::uuid FROM outcomes)",
        # A hold that has lost all that it had set aside.
        "DELETE FROM hold_draws WHERE hold_id = (SELECT hold_id FROM hold_draws"
        " GROUP BY hold_id HAVING count(*) = 1 ORDER BY hold_id DESC LIMIT 1)",
    ],
)
def test_a_row_that_was_changed_is_found(simulation: Simulation, engine: Engine, change: str) -> None:
    simulation.post()
    with engine.begin() as connection:
        assert connection.execute(text(change)).rowcount == 1
    simulation.compare()
    assert simulation.report.differences
    assert f"make simulate SEED={simulation.report.seed} COMMANDS={COMMANDS}" in simulation.report.text


def test_a_wrong_rule_is_found(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = lots.in_draw_order
    with monkeypatch.context() as wrong:
        wrong.setattr(lots, "in_draw_order", lambda *given: rule(*given)[::-1])
        simulation.post()
    simulation.compare()
    assert simulation.report.differences


def gather_carelessly(*what: Any, **how: Any) -> Gathered:
    """Locks nothing, and lets others post in between."""
    gathered = gather(*what, **how | {"locked": False})
    time.sleep(0.01)
    return gathered


def test_a_forgotten_lock_is_found(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as wrong:
        wrong.setattr(writer, "gather", gather_carelessly)
        simulation.post()
    simulation.compare()
    assert simulation.report.differences
