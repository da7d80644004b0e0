"""Several writers on the same wallets, keys and references at once, as several processes would be."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine

from clearing.core.commands import Command
from clearing.core.outcomes import Outcome, Posted, Refusal, Replayed
from clearing.verify import frozen, verify
from clearing.writer import Writer
from support.crowd import at_once
from support.ledger import CODES, Ledger

WRITERS = 4


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


@pytest.fixture
def writers(ledger: Ledger, engine: Engine) -> Iterator[list[Writer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Writer(engine, fixed_time=lambda: ledger.now)) for _ in range(WRITERS)]


def post_all(writers: Sequence[Writer], batches: Sequence[Sequence[Sequence[Command]]]) -> list[Outcome]:
    """Each writer posts its batches one after another, all writers at once."""

    def act(writer: Writer, own: Sequence[Sequence[Command]]):  # type: ignore[no-untyped-def]
        return lambda: [outcome for batch in own for outcome in writer.post(batch)]

    done = at_once([act(*pair) for pair in zip(writers, batches, strict=True)])
    return [outcome for own in done for outcome in own]


def tally(outcomes: Sequence[Outcome]) -> Counter[str]:
    return Counter(
        outcome.code.value if isinstance(outcome, Refusal) else type(outcome).__name__ for outcome in outcomes
    )


def test_the_same_keys_sent_to_all_writers_are_posted_once(ledger: Ledger, writers: list[Writer]) -> None:
    wallets = [ledger.enrol("JADE") for _ in range(5)]
    commands = [ledger.pays_cash(card, "PINE", 100) for card in wallets * 4]
    outcomes = post_all(writers, [[commands]] * WRITERS)
    assert tally(outcomes) == {"Posted": 20, "Replayed": 60}
    first = {outcome.booking.transaction.id for outcome in outcomes if isinstance(outcome, Posted)}
    replayed = {outcome.recorded.transaction_id for outcome in outcomes if isinstance(outcome, Replayed)}
    assert replayed == first


def test_a_reference_is_used_once_by_all_writers_together(ledger: Ledger, writers: list[Writer]) -> None:
    cards = [ledger.enrol("JADE") for _ in range(WRITERS)]
    batches = [
        [[ledger.pays_cash(card, "PINE", 100, reference=f"R-{number}")] for number in range(10)]
        for card in cards
    ]
    outcomes = post_all(writers, batches)
    assert tally(outcomes) == {"Posted": 10, "duplicate_reference": 30}


def test_no_point_is_used_twice_by_all_writers_together(ledger: Ledger, writers: list[Writer]) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.opens(wang, "JADE", 1000, "2027-12-31"))
    batches = [[[ledger.redeems(wang, "PINE", 30)] for _ in range(10)] for _ in writers]
    assert tally(post_all(writers, batches)) == {"Posted": 33, "insufficient_points": 7}


def test_random_batches_on_the_same_wallets_neither_block_nor_disagree(
    ledger: Ledger, writers: list[Writer], engine: Engine
) -> None:
    dice = random.Random(7)  # noqa: S311  the same batches each time
    cards = [ledger.enrol(*dice.sample(CODES, dice.randint(1, 3))) for _ in range(8)]
    for card in cards:
        ledger.book(ledger.opens(card, "JADE", 300, "2027-12-31"), ledger.opens(card, "LOTUS", 5_000))

    def command() -> Command:
        card, at = dice.choice(cards), dice.choice(CODES)
        match dice.randint(0, 3):
            case 0:
                reference = str(dice.randint(0, 30))
                return ledger.pays_cash(card, at, dice.randint(1, 90_000), reference=reference)
            case 1:
                return ledger.redeems(card, at, dice.randint(1, 200))
            case 2:
                return ledger.loads(card, at, dice.randint(1, 1000), issuer=dice.choice(CODES))
            case _:
                return ledger.spends(card, at, dice.randint(1, 1000))

    pool = [command() for _ in range(300)]  # some keys are drawn by several writers
    batches = [[dice.sample(pool, dice.randint(1, 40)) for _ in range(10)] for _ in writers]
    outcomes = post_all(writers, batches)
    assert len(outcomes) == sum(len(batch) for own in batches for batch in own)
    counted = tally(outcomes)
    assert counted["Posted"] > 100
    assert counted["Replayed"] > 100
    with frozen(engine) as connection:
        assert list(verify(connection)) == []
