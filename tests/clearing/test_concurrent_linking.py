"""Wallets are linked and parted again and again while several threads post to both of them."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from threading import Event

import pytest
from sqlalchemy import Engine, func, select

from clearing.core.commands import Caller, Command, Redemption, Scope
from clearing.core.journal import Booking, TransactionKind
from clearing.core.outcomes import Code, Held, Outcome, Posted, Refusal
from clearing.linking import Agreement, Linker
from clearing.tables import lots, transactions
from clearing.verify import frozen, verify
from clearing.writer import Writer
from database import make_engine
from support.crowd import at_once
from support.ledger import Ledger

POSTERS, LINKERS = 8, 2
KINDS = (TransactionKind.ACCRUAL, TransactionKind.REDEMPTION, TransactionKind.REVERSAL)
#: How often each linker parts the cards before the posters stop.
PARTINGS = 6
SECONDS_MAX = 120.0
OPERATOR = Caller("key_operator", Scope.OPERATOR)


@pytest.fixture
def busy_engine(database_url: str) -> Iterator[Engine]:
    """With a connection for every writer at once."""
    engine = make_engine(database_url, pool_size=24, application_name="tests", pre_ping=False)
    yield engine
    engine.dispose()


class Poster:
    """Posts with both cards, and brings to an end what it began, as a merchant would."""

    def __init__(self, ledger: Ledger, engine: Engine, cards: list[str], seed: int) -> None:
        self._ledger = ledger
        self._engine = engine
        self._cards = cards
        self._dice = random.Random(seed)  # noqa: S311  the same acts each time
        self.booked: Counter[TransactionKind] = Counter()
        self.refused: Counter[str] = Counter()
        self.points = 0

    def run(self, over: Sequence[Event]) -> Counter[str]:
        """Until all of this is over; what was refused."""
        # By the database's clock, which the linkers use as well.
        with Writer(self._engine) as writer:
            while not all(one.is_set() for one in over):
                self._dice.choice([self._earn, self._use, self._hold, self._use_and_return])(writer)
        return self.refused

    def _earn(self, writer: Writer) -> None:
        self._post(writer, self._ledger.pays_cash(self._card(), self._place(), 4_000))

    def _use(self, writer: Writer) -> None:
        """Three in one batch, with either card."""
        at = self._place()
        commands = [self._ledger.redeems(self._card(), at, 5) for _ in range(3)]
        for outcome in writer.post(commands):
            self._note(outcome)

    def _use_and_return(self, writer: Writer) -> None:
        used = self._post(writer, self._ledger.redeems(self._card(), self._place(), 7))
        if isinstance(used, Posted):
            for points in (3, None):
                returned = self._post(writer, self._ledger.reverses(used.booking, points))
                assert isinstance(returned, Posted), returned

    def _hold(self, writer: Writer) -> None:
        command = self._ledger.redeems(self._card(), self._place(), 9)
        [held] = writer.post([_aside(command)])
        if isinstance(held, Held):
            end = self._dice.choice([self._ledger.captures(held.hold, 6), self._ledger.voids(held.hold)])
            ended = self._post(writer, end)
            assert isinstance(ended, Posted | Held), ended

    def _post(self, writer: Writer, command: Command) -> Outcome:
        [outcome] = writer.post([command])
        self._note(outcome)
        return outcome

    def _note(self, outcome: Outcome) -> None:
        if isinstance(outcome, Posted):
            row = outcome.booking.transaction
            self.booked[row.kind] += 1
            self.points += _points(outcome.booking)
        elif isinstance(outcome, Refusal):
            self.refused[outcome.code] += 1

    def _card(self) -> str:
        return self._dice.choice(self._cards)

    def _place(self) -> str:
        return self._dice.choice(["JADE", "LOTUS", "PINE"])


def _aside(command: Redemption) -> Redemption:
    return replace(command, capture=False)


def _points(booking: Booking) -> int:
    """By how much the transaction has changed what members hold."""
    return sum(one.quantity if one.credit else -one.quantity for one in booking.movements)


def link_and_part(engine: Engine, cards: list[str], over: Event) -> Counter[str]:
    """As one process would, again and again; what came of it."""
    done: Counter[str] = Counter()
    until = time.monotonic() + SECONDS_MAX
    linker = Linker(engine, Writer(engine))
    try:
        while done["parted"] < PARTINGS and time.monotonic() < until:
            linked = linker.agree(OPERATOR, *cards)
            done["linked" if isinstance(linked, Agreement) else linked.code] += 1
            parted = linker.unlink(OPERATOR, cards[-1])
            done["parted" if isinstance(parted, int) else parted.code] += 1
    finally:
        over.set()
        linker.close()
    return done


def test_nothing_is_lost_and_nobody_is_told_of_an_error(busy_engine: Engine) -> None:
    engine = busy_engine
    with Ledger(engine) as ledger:
        cards = [ledger.enrol("JADE"), ledger.enrol("LOTUS")]
        opened = ledger.book(
            *(
                ledger.opens(card, issuer, 40_000, "2099-12-31")
                for card in cards
                for issuer in ("JADE", "LOTUS", "PINE")
            )
        )
        over = [Event() for _ in range(LINKERS)]
        posters = [Poster(ledger, engine, cards, seed) for seed in range(POSTERS)]
        acts: list[Callable[[], Counter[str]]] = [partial(link_and_part, engine, cards, one) for one in over]
        acts += [partial(poster.run, over) for poster in posters]
        done = at_once(acts)
    moved = sum(done[:LINKERS], Counter[str]())
    assert set(moved) <= {"linked", "parted", Code.HOLD_OPEN, Code.NOT_LINKABLE, Code.ALREADY_EXISTS}, moved
    assert moved["parted"] >= LINKERS * PARTINGS
    booked = sum((poster.booked for poster in posters), Counter[TransactionKind]())
    # Not even a refusal: there are points enough for all of them in either wallet.
    assert sum(done[LINKERS:], Counter[str]()) == {}
    points = sum(_points(one) for one in opened) + sum(poster.points for poster in posters)
    with frozen(engine) as connection:
        assert list(verify(connection)) == []
        counted = connection.execute(select(transactions.c.kind, func.count()).group_by(transactions.c.kind))
        in_journal = {TransactionKind(kind): number for kind, number in counted}
        held = select(func.sum(lots.c.available), func.sum(lots.c.held))
        assert tuple(connection.execute(held).one()) == (points, 0)
    assert {kind: in_journal[kind] for kind in KINDS} == dict(booked)
    assert in_journal[TransactionKind.TRANSFER] > LINKERS * PARTINGS
