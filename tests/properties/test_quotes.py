"""A quote is what the command then does, whatever has happened before; and it changes nothing.

Random histories of a random alliance, as in the simulation, are posted one command at a time, and before each
the quote is asked for. Between them time passes, months are closed, and the alliance changes its mind.
"""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count, islice
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from clearing import quotes as quotes_module
from clearing.core.accounts import Asset
from clearing.core.batch import Decision
from clearing.core.calendar import PeriodState
from clearing.core.commands import Accrual, Capture, Command, Load, Opening, Redemption, Reversal, Spend, Void
from clearing.core.decide import decide
from clearing.core.journal import Booking
from clearing.core.outcomes import Held, Moved, Outcome, Posted
from clearing.core.snapshot import Snapshot
from clearing.directory import DirectoryCache
from clearing.periods import read_periods
from clearing.verify import frozen
from clearing.writer import Writer
from database import make_engine
from settlement.close import close_period
from simulation import dice
from simulation.acts import FollowUp, Maker, uuid
from simulation.clock import START
from simulation.register import Register
from simulation.script import SPAN
from simulation.values import summary
from simulation.world import CODES, OPERATOR, found, make_world
from support.databases import Databases

COMMANDS = 200
HISTORIES_MAX = 12
#: Before how many of the commands more than some minutes pass.
PAUSES = 0.15
#: What can be asked for on `POST /v1/quotes`.
QUOTED = (Accrual, Redemption, Load, Spend, Capture, Void, Reversal)

#: What is to be met at least once: of a kind of command, or of any.
ANY = Command
MET: list[tuple[type[Command], str]] = [
    *((kind, "posted") for kind in QUOTED if kind is not Void),
    *((kind, "held") for kind in (Redemption, Spend, Void)),
    (Accrual, "pays arrears"),
    (Redemption, "net_debit_cap"),
    (Redemption, "velocity_limit"),
    *(
        (ANY, code)
        for code in (
            "forbidden",
            "malformed",
            "merchant_unknown",
            "merchant_suspended",
            "participant_suspended",
            "card_unknown",
            "card_blocked",
            "card_expired",
            "not_enabled",
            "amount_invalid",
            "occurred_in_future",
            "hold_unknown",
            "hold_closed",
            "hold_expired",
            "insufficient_points",
            "insufficient_value",
            "transaction_unknown",
            "not_reversible",
            "exceeds_reversible",
            "period_closed",
        )
    ),
]

#: What the members begin with: asset, quantity, days to its end.
_BALANCES = ((Asset.POINTS, 120, 9), (Asset.POINTS, 80, 90), (Asset.STORED_VALUE, 900, None))

#: What the operator and the issuers may do between two commands; `:some` is a number.
_CHANGES = (
    "UPDATE participants SET status = CASE id WHEN :some % 12 THEN 'suspended' ELSE 'active' END",
    "UPDATE merchants SET status = CASE id WHEN :some % 16 THEN 'suspended' ELSE 'active' END",
    "UPDATE participants SET net_debit_cap = CASE WHEN :some % 5 > 0 THEN :some % 300 END"
    " WHERE id = 1 + :some % 4",
    "UPDATE participants SET stored_value_enabled = id <> :some % 12",
    "UPDATE cards SET status = CASE wallet_id WHEN 1001 + :some % 20 THEN 'blocked' ELSE 'active' END",
    "INSERT INTO rulebooks SELECT * FROM jsonb_populate_record((SELECT r FROM rulebooks AS r"
    " ORDER BY version DESC LIMIT 1), jsonb_build_object('version', (SELECT max(version) + 1 FROM rulebooks),"
    " 'point_value', 0.1 * (1 + :some % 30), 'card_points_per_day', 100 + :some % 900,"
    " 'merchant_redemptions_per_hour', 1 + :some % 40))",
)


class History:
    """One seed in a database that has tables and nothing in them."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.seed = seed
        #: Of each kind of command, what became of it and how often.
        self.met: Counter[tuple[type[Command], str]] = Counter()
        self.differences: list[str] = []
        self._engine = engine
        self._some = dice(seed, "quotes")
        self._at = START
        self._world = make_world(seed, COMMANDS)
        found(self._world, engine)
        self._maker = Maker(self._world, dice(seed, "acts"), links=False)
        self._register = Register(self._maker.acts)
        self._directory = DirectoryCache()
        #: Ids of lots and holds that there are.
        self._known: set[int] = set()

    def run(self, *, stop: bool = False) -> list[str]:
        """The differences; at most one with `stop`."""
        with Writer(self._engine, fixed_time=lambda: self._at) as writer:
            for outcome in writer.post(self._openings()):
                self._known |= ids_in(outcome)
            for number in range(COMMANDS):
                self._pass_time()
                if len(self._maker.acts) == number:
                    self._maker.make(self._at)
                command = self._register.command(number)
                quoted = self._quote(number, command)
                [posted] = writer.post([command])
                self._register.tell(number, posted)
                if isinstance(posted, Held) and isinstance(command, Redemption | Spend):
                    self._follow_up(number, command)
                self._meet(command, posted)
                expected, told = nameless(posted, self._known), nameless(quoted, self._known)
                if told != expected:
                    self._differs(number, command, f"quoted {told}\n    done   {expected}")
                self._known |= ids_in(posted)
                if stop and self.differences:
                    break
        return self.differences

    def _quote(self, number: int, command: Command) -> Outcome:
        """Asked for while nothing is written on the whole server. It may be the server itself that writes (it
        tidies up in the background), so what was written at the same time is asked for again.
        """
        for attempt in range(12):
            time.sleep(attempt / 50)
            before = self._written()
            with frozen(self._engine) as connection:
                outcome = quotes_module.quote(connection, command, self._directory, fixed_time=self._at)
            if self._written() == before:
                return outcome
        self._differs(number, command, "the quote wrote something")
        return outcome

    def _written(self) -> int:
        """A number that grows with every transaction that writes."""
        with self._engine.connect() as connection:
            query = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            return int(connection.execute(query).scalar_one())

    def _openings(self) -> list[Command]:
        """Something for everybody to begin with, of every issuer whose card they have."""
        return [
            Opening(
                key=uuid(self._some),
                request_hash=uuid(self._some),
                caller=OPERATOR,
                card=card["number"],
                issuer=CODES[card["issuer_id"] - 1],
                asset=asset,
                quantity=quantity,
                expires_on=None if days is None else (START + timedelta(days=days)).date(),
            )
            for card in self._world.cards
            for asset, quantity, days in _BALANCES
        ]

    def _follow_up(self, number: int, command: Command) -> None:
        """Holds are few: end about half of them next, before their time is over."""
        some = self._some
        if some.random() < 0.5:
            kind, part = some.choice([Capture, Capture, Void]), some.choice([None, 50, 100, 130])
            end = FollowUp(kind, (number,), uuid(some), command.caller, part, "amount", 0, None)
            self._maker.acts.append(end)

    def _pass_time(self) -> None:
        """Mostly minutes. Now and then days, and a month is closed, and the alliance changes something."""
        some = self._some
        self._at += timedelta(minutes=some.expovariate(0.2))
        if some.random() > PAUSES:
            return
        self._at += SPAN / COMMANDS / PAUSES * some.expovariate(1)
        with self._engine.begin() as connection:
            open_ones = [one for one in read_periods(connection) if one.state is PeriodState.OPEN]
            early = some.random() < 0.1
            if open_ones and (early or open_ones[0].ends_at <= self._at):
                close_period(connection, open_ones[0].number, at=self._at, early=early, closed_by="tests")
            connection.execute(text(some.choice(_CHANGES)), {"some": some.randint(1, 9_999)})
            connection.execute(text("UPDATE directory_versions SET version = version + 1"))

    def _meet(self, command: Command, outcome: Outcome) -> None:
        if isinstance(command, QUOTED):
            kind = type(command)
            self.met[kind, summary(outcome)] += 1
            if isinstance(outcome, Posted) and kind is Accrual:
                row, _, movements = outcome.booking
                given = sum(one.quantity for one in movements)
                self.met[kind, "pays arrears"] += given < row.points

    def _differs(self, number: int, command: Command, what: str) -> None:
        again = f"to see it again: History(engine, {self.seed})"
        self.differences.append(f"seed {self.seed}, command {number} ({again}):\n    {command}\n    {what}")


def ids_in(outcome: Outcome) -> set[int]:
    """Of lots and of a hold that it has touched or made."""
    if isinstance(outcome, Held):
        return {outcome.hold.id}
    return {one.lot_id for one in outcome.booking.movements} if isinstance(outcome, Posted) else set()


def nameless(outcome: Outcome, known: set[int]) -> Outcome:
    """The same without the ids of the rows that it makes itself."""

    def id_of(id_: int) -> int:
        return id_ if id_ in known else 0

    if isinstance(outcome, Held):
        return Held(outcome.hold._replace(id=id_of(outcome.hold.id)))
    if isinstance(outcome, Posted):
        row, legs, movements = outcome.booking
        return Posted(
            Booking(
                row._replace(id=id_of(row.id)),
                [leg._replace(transaction_id=id_of(leg.transaction_id)) for leg in legs],
                [one._replace(lot_id=id_of(one.lot_id)) for one in movements],
            )
        )
    if isinstance(outcome, Moved):
        return outcome._replace(target_id=id_of(outcome.target_id))
    return outcome


def histories(databases: Databases) -> Iterator[History]:
    """One after another, each in a database of its own that lasts until the next is asked for."""
    for seed in count(1):
        with databases.fresh() as url:
            engine = make_engine(url, pool_size=4, application_name="tests", pre_ping=False)
            yield History(engine, seed)
            engine.dispose()


def test_a_quote_is_what_the_command_then_does(databases: Databases) -> None:
    """Histories until everything has been met, the same ones each time."""
    missing = set(MET)
    for history in islice(histories(databases), HISTORIES_MAX):
        history.run()
        assert not history.differences, history.differences[0]
        met = {what for what, times in history.met.items() if times}
        missing -= met | {(ANY, outcome) for _, outcome in met}
        if not missing:
            break
    assert not missing


def test_so_it_is_in_a_history_that_nobody_has_seen(engine: Engine) -> None:
    history = History(engine, secrets.randbelow(1_000_000))
    history.run()
    assert not history.differences, history.differences[0]


@pytest.mark.parametrize("part", ["lots", "holds", "originals", "caps"])
def test_a_quote_that_forgets_something_is_found(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def forgetful(snapshot: Snapshot, *given: Any) -> Decision:
        changes: dict[str, Any] = {part: {}}
        return decide(replace(snapshot, **changes), *given)

    monkeypatch.setattr(quotes_module, "decide", forgetful)
    assert any(history.run(stop=True) for history in islice(histories(databases), HISTORIES_MAX))


def test_a_quote_that_writes_is_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def writing(connection: Connection, *given: Any, **named: Any) -> Outcome:
        with engine.begin() as other:
            other.execute(text("UPDATE lots SET held = held"))
        return quote(connection, *given, **named)

    quote = quotes_module.quote
    monkeypatch.setattr(quotes_module, "quote", writing)
    assert "wrote" in History(engine, 1).run(stop=True)[0]
