"""A batch takes the same number of statements, however many commands are in it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from benchmarks.alliance import Alliance
from benchmarks.redemptions import OPERATOR, check, command, errands
from clearing.core.commands import Capture, Command, Redemption, Reversal, Void
from clearing.core.outcomes import Held, Outcome, Posted, Refusal
from clearing.writer import Writer
from support.statements import statements_of

LARGE = 10_000
#: BEGIN; locks and everything that is read; all that is written; COMMIT.
STATEMENTS_MAX = 4


@pytest.fixture
def alliance(engine: Engine) -> Alliance:
    founded = Alliance(engine, members=LARGE + 100)
    founded.restore()
    return founded


def test_one_command_and_ten_thousand_take_the_same_statements(engine: Engine, alliance: Alliance) -> None:
    commands = [command(alliance, errand) for errand in errands(alliance, LARGE + 12, seed=0)]
    with Writer(engine) as writer:
        writer.post(commands[:1])  # opens the period and reads the directory
        found = {}
        start = 1
        for size in (1, 10, LARGE):
            with statements_of(engine) as statements:
                outcomes = writer.post(commands[start : start + size])
            check(outcomes)
            found[size] = statements
            start += size
    assert found[1] == found[10] == found[LARGE]
    assert len(found[1]) <= STATEMENTS_MAX


def test_telling_the_parties_of_their_transactions_takes_no_statement_more(
    engine: Engine, alliance: Alliance
) -> None:
    commands = [command(alliance, errand) for errand in errands(alliance, 201, seed=0)]
    with engine.begin() as connection:
        connection.execute(text("UPDATE participants SET told_of_postings = true"))
    with Writer(engine) as writer:
        writer.post(commands[:1])
        with statements_of(engine) as statements:
            check(writer.post(commands[1:]))
    assert len(statements) <= STATEMENTS_MAX
    with engine.connect() as connection:
        told = connection.execute(text("SELECT count(DISTINCT data->>'transaction_id') FROM events"))
        assert told.scalar_one() == len(commands)


def test_only_what_names_something_of_before_takes_one_statement_more(
    engine: Engine, alliance: Alliance
) -> None:
    """It may have gone elsewhere with a wallet, so it is looked for first: one statement for all of a batch.
    What is to be reversed is then read with all that it booked.
    """
    ids = count(1)

    def said() -> dict[str, Any]:
        key = str(UUID(int=(1 << 100) + next(ids)))
        return {"key": key, "request_hash": key, "caller": OPERATOR}

    def aside(one: Redemption) -> Redemption:
        return replace(one, capture=False)

    def posted(commands: Sequence[Command]) -> tuple[int, list[Outcome]]:
        with statements_of(engine) as statements:
            outcomes = writer.post(commands)
        assert not any(isinstance(outcome, Refusal) for outcome in outcomes)
        return len(statements), outcomes

    commands = [command(alliance, errand) for errand in errands(alliance, 122, seed=0)]
    with Writer(engine) as writer:
        writer.post(commands[:1])
        placing, held = posted([aside(one) for one in commands[1:61]])
        booking, booked = posted(commands[61:122])
        holds = [one.hold for one in held if isinstance(one, Held)]
        named: list[dict[str, Any]] = [{"wallet_id": one.wallet_id, "hold_id": one.id} for one in holds]
        captures = [Capture(**said(), **one) for one in named]
        voids = [Void(**said(), **one) for one in named]
        rows = [one.booking.transaction for one in booked if isinstance(one, Posted)]
        reversals = [
            Reversal(**said(), wallet_id=row.wallet_id, transaction_id=row.id, reason="tests") for row in rows
        ]
        assert placing == booking == STATEMENTS_MAX
        assert posted(captures[:1])[0] == posted(captures[1:30])[0] == STATEMENTS_MAX + 1
        assert posted(voids[30:31])[0] == posted(voids[31:60])[0] == STATEMENTS_MAX + 1
        # Looked for; then transactions, legs, entries, rulebooks, and what was reversed or corrected before.
        assert posted(reversals[:1])[0] == posted(reversals[1:60])[0] == STATEMENTS_MAX + 1 + 6


def test_repeating_ten_thousand_commands_writes_nothing(engine: Engine, alliance: Alliance) -> None:
    commands = [command(alliance, errand) for errand in errands(alliance, LARGE, seed=0)]
    with Writer(engine) as writer:
        writer.post(commands)
        with statements_of(engine) as statements:
            writer.post(commands)
    assert len(statements) < STATEMENTS_MAX
    assert not any("INSERT INTO" in statement for statement in statements)
