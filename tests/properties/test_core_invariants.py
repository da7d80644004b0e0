"""The invariants of the domain page, on random commands, rulebooks and calendars.

Given an alliance and a history of batches, the decisions are written down and everything is worked out
again from the journal by arithmetic of the tests' own (fractions, and a chart of accounts written here).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY
from clearing.core.batch import Decision
from clearing.core.calendar import PeriodState
from clearing.core.commands import Accrual, Caller, Command, Load, Opening, Redemption, Scope, Spend
from clearing.core.directory import Directory
from clearing.core.journal import Entry, Leg, LegKind, PositionChange, PositionKey, Reason
from clearing.core.outcomes import UNRECORDED, Code, Held, Outcome, Posted, Refusal, Replayed
from clearing.core.rulebook import DrawOrder, ExchangeKind, FeeRule, Rulebook
from support.core import NOW, OPERATOR, SHANGHAI, Books, alliance

#: Other examples in every run; what fails is printed so that it can be run again.
thorough = settings(
    max_examples=150, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
PERIODS = (202610, 202611, 202612, 202701)

# Given: random alliances.

CARDS = [
    "J-1 Wang JADE",
    "L-1 Wang LOTUS",
    "P-1 Li PINE",
    "J-2 Zhao JADE",
    "L-2 Zhao LOTUS blocked",
    "P-2 Chen PINE until=2026-12-05",
]
LOTS = {
    "Wang": [
        "JADE 400 pts 2026-11-20",
        "PINE ¥9.00 never",
        "LOTUS 600 pts never held=15",
        "PINE 90 pts 2026-12-31",
    ],
    "Li": ["LOTUS 300 pts 2027-01-31", "JADE 50 pts 2026-11-15", "JADE ¥5.00 never", "LOTUS ¥0.40 never"],
    "Chen": ["JADE ¥2.00 2026-12-10 held=50", "JADE 70 pts never", "LOTUS 30 pts 2026-11-20"],
}
CODES = ["JADE", "LOTUS", "PINE"]

rates = st.sampled_from(["0", "0.006", "0.01", "0.02", "0.025", "0.333", "1"]).map(Decimal)
shares = st.sampled_from(["0", "1", "1", "0.5", "0.25", "0.3333", "0.999"]).map(Decimal)
point_values = st.sampled_from(["1", "1", "0.3", "2.5", "0.01", "1.005", "7"]).map(Decimal)
reimbursements = st.sampled_from(["1", "1", "0.8", "0.333", "0"]).map(Decimal)
some_participant = st.sampled_from([None, None, None, 1, 2, 3])
some_days = st.sampled_from([None, None, None, date(2026, 10, 1), date(2026, 11, 16), date(2026, 12, 1)])


@st.composite
def fee_rules(draw: st.DrawFn, kind: ExchangeKind) -> FeeRule:
    minimum = draw(st.none() | st.integers(0, 60))
    maximum = draw(st.none() | st.integers(minimum or 0, 200))
    return FeeRule(
        0,
        kind,
        draw(some_participant),
        draw(some_participant),
        draw(shares),
        draw(rates),
        draw(st.sampled_from([0, 0, 0, 1, 33])),
        minimum,
        maximum,
        draw(some_days),
    )


def _participant(code: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda *words: " ".join([code, *words]),
        st.sampled_from([*["enabled"] * 7, "", "enabled suspended"]),
        st.sampled_from(["earn=1", "earn=1.5", "earn=0", "earn=0.37"]),
        st.sampled_from(["expiry=never", "expiry=rolling:1", "expiry=rolling:24", "expiry=fixed:12-31"]),
    )


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    merchants = ["JADE-2", "PINE-2 suspended"]
    found = alliance(*(draw(_participant(code)) for code in CODES), merchants=merchants)
    rules: list[FeeRule] = []
    for kind in ExchangeKind:
        rules += draw(st.lists(fee_rules(kind), min_size=1, max_size=3))
    agreed = found.rulebook.settings._replace(
        point_value=draw(point_values),
        reimbursement_rate=draw(reimbursements),
        draw_order=draw(st.sampled_from(DrawOrder)),
    )
    numbered = [rule._replace(id=id_) for id_, rule in enumerate(rules, 1)]
    return Directory(1, found.participants, found.merchants, Rulebook(7, agreed, numbered))


# Apply: random commands, in batches, between which time passes and periods are closed.

KINDS = [Redemption, Spend, Accrual, Load, Redemption, Opening]
ASIDE = ["caller", "merchant", "card", "issuer", "time", "quantity", "key", "reference"]
JADE_KEY = Caller("key_jade", Scope.PARTICIPANT, participant_id=1)
LOTUS_1_KEY = Caller("key_lotus_1", Scope.MERCHANT, participant_id=2, merchant_id=201)
AUDITOR = Caller("key_auditor", Scope.AUDITOR)
PAST, FUTURE = NOW - timedelta(days=30), NOW + timedelta(days=99)


@st.composite
def commands(draw: st.DrawFn) -> Command:
    """Most are in order; in two of five, one thing is out of the ordinary or used before."""
    aside = draw(st.sampled_from([""] * 12 + ASIDE))

    def pick(name: str, ordinary: Sequence[Any], odd: Sequence[Any]) -> Any:
        return draw(st.sampled_from(odd if aside == name else ordinary))

    common: dict[str, Any] = {
        "key": f"k{draw(st.integers(0, 3 if aside == 'key' else 10_000))}",
        "caller": pick("caller", [OPERATOR], [JADE_KEY, LOTUS_1_KEY, AUDITOR]),
        "card": pick("card", ["J-1", "P-1", "J-2", "P-2"], ["L-1", "L-2", "X-0"]),
        "occurred_at": pick("time", [None], [PAST, NOW, FUTURE]),
        "reference": pick("reference", [None], ["A", "B"]),
    }
    common["historical"] = aside == "time" and draw(st.booleans())
    kind = draw(st.sampled_from(KINDS))
    quantity = pick("quantity", [1, 2, 3, 25, 50, 99], [0, -1, MAX_QUANTITY + 1, 5_000])
    if kind is not Opening:
        ordinary = ["LOTUS-1", "PINE-1", "JADE-1", "JADE-2"]
        common["merchant"] = pick("merchant", ordinary, ["PINE-2", "NOWHERE-1"])
    if kind is Accrual:
        special = {"amount": quantity * 37, "points": draw(st.sampled_from([None, 0, 5]))}
    elif kind is Redemption:
        special = {draw(st.sampled_from(["points", "amount"])): quantity}
    elif kind is Load:
        special = {"amount": quantity, "issuer": pick("issuer", [None, *CODES], ["NOBODY"])}
    elif kind is Spend:
        special = {"amount": quantity}
    else:
        special = {
            "issuer": pick("issuer", CODES, ["NOBODY"]),
            "asset": draw(st.sampled_from(Asset)),
            "quantity": quantity,
            "expires_on": draw(st.sampled_from([None, date(2026, 11, 14), date(2026, 11, 20)])),
        }
    said = {**common, **special}
    del said["key"]
    made: Command = kind(request_hash=f"{kind.__name__} {said}", **common, **special)
    return made


class Step(NamedTuple):
    """One batch, after so much time and, maybe, after a period was closed (`early`: at that instant)."""

    commands: list[Command]
    wait: timedelta
    close: bool
    early: bool


steps = st.lists(
    st.builds(
        Step,
        st.lists(commands(), min_size=3, max_size=8),
        st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(days=10)]),
        st.sampled_from([False, False, True]),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


class History:
    """What became of the steps: each command's outcome, and the books at the end."""

    def __init__(self, directory: Directory, given_steps: Sequence[Step], singly: bool = False) -> None:
        self.books = Books(directory, CARDS, LOTS, periods=PERIODS)
        self.commands: list[Command] = []
        self.outcomes: list[Outcome] = []
        for step in given_steps:
            self._pass_time(step)
            batches = [[command] for command in step.commands] if singly else [step.commands]
            for batch in batches:
                self.commands += batch
                self.outcomes += self.books.post(*batch)

    def _pass_time(self, step: Step) -> None:
        books = self.books
        books.at += step.wait
        if step.close:
            period = next(period for period in books.periods if period.state is PeriodState.OPEN)
            if period.ends_at <= books.at:
                books.close(period.number)
            elif step.early and step.wait and period.number < PERIODS[-1]:
                books.close(period.number, at=books.at)

    def legs_and_entries(self) -> Iterable[tuple[list[Leg], list[Entry]]]:
        """By transaction."""
        for id_ in self.books.transactions:
            yield (
                [leg for leg in self.books.all_legs.values() if leg.transaction_id == id_],
                [entry for entry in self.books.journal.values() if entry.transaction_id == id_],
            )


# Booked: which entries put how much of what into a lot, and which take it out.

PUT_IN = {
    EntryKind.POINTS_ISSUED: Asset.POINTS,
    EntryKind.POINTS_OPENED: Asset.POINTS,
    EntryKind.VALUE_LOADED: Asset.STORED_VALUE,
    EntryKind.VALUE_OPENED: Asset.STORED_VALUE,
}
TAKEN_OUT = {EntryKind.POINTS_REDEEMED: Asset.POINTS, EntryKind.VALUE_SPENT: Asset.STORED_VALUE}
HUB = 0


def _invariant_1_every_entry_has_one_debit_and_one_credit_in_the_same_unit(history: History) -> None:
    books = history.books
    for entry in books.journal.values():
        assert entry.quantity > 0
        if entry.kind in PUT_IN or entry.kind in TAKEN_OUT:
            lot_id, owner = (
                (entry.credit, entry.debit) if entry.kind in PUT_IN else (entry.debit, entry.credit)
            )
            lot = books.lots[lot_id]
            assert lot.asset is (PUT_IN | TAKEN_OUT)[entry.kind]
            assert (lot.wallet_id, lot.issuer_id) == (entry.wallet_id, owner)
        elif entry.kind is EntryKind.FEE:
            assert (entry.debit in books.directory.participants, entry.credit) == (True, HUB)
        else:
            assert entry.kind is EntryKind.OBLIGATION
            assert {entry.debit, entry.credit} <= books.directory.participants.keys()
            assert entry.debit != entry.credit


def _invariant_2_a_lot_is_the_sum_of_its_entries_and_never_negative(history: History) -> None:
    books = history.books
    balances = Counter({lot.id: lot.available for lot in books.opening.values()})
    for entry in books.journal.values():
        if entry.kind in PUT_IN:
            balances[entry.credit] += entry.quantity
        if entry.kind in TAKEN_OUT:
            balances[entry.debit] -= entry.quantity
            assert balances[entry.debit] >= 0, "not even for a moment"
    for lot in books.lots.values():
        assert lot.available == balances[lot.id]
        assert lot.held == (books.opening[lot.id].held if lot.id in books.opening else 0)


def _invariant_2_what_a_transaction_moves_is_what_its_legs_say(history: History) -> None:
    books = history.books
    for legs, entries in history.legs_and_entries():
        moved: Counter[tuple[int, Asset]] = Counter()
        for entry in entries:
            if entry.kind in PUT_IN:
                moved[books.lots[entry.credit].issuer_id, PUT_IN[entry.kind]] += entry.quantity
            if entry.kind in TAKEN_OUT:
                moved[books.lots[entry.debit].issuer_id, TAKEN_OUT[entry.kind]] += entry.quantity
        said: Counter[tuple[int, Asset]] = Counter()
        for leg in legs:
            said[leg.issuer_id, Asset.POINTS] += leg.points
            if leg.kind in {LegKind.LOAD, LegKind.SPEND} or (leg.kind is LegKind.OPENING and not leg.points):
                said[leg.issuer_id, Asset.STORED_VALUE] += leg.amount
        assert +moved == +said


def _invariant_4_own_system_is_free_and_what_crosses_is_charged_by_its_rule(history: History) -> None:
    for legs, entries in history.legs_and_entries():
        for leg in legs:
            if leg.issuer_id == leg.acceptor_id:
                assert (leg.obligation, leg.acceptor_fee, leg.issuer_fee) == (0, 0, 0)
                assert (leg.fee_rule_id, leg.reason) == (None, Reason.OWN_SYSTEM)
            else:
                on = history.books.transactions[leg.transaction_id].booked_at.astimezone(SHANGHAI).date()
                fee = (leg.acceptor_fee, leg.issuer_fee, leg.fee_rule_id, leg.reason)
                assert leg.obligation == _obligation(history.books.directory, leg)
                assert fee == _fee(history.books.directory, leg, on)
        if all(leg.issuer_id == leg.acceptor_id for leg in legs):
            assert not {entry.kind for entry in entries} & {EntryKind.OBLIGATION, EntryKind.FEE}


def _invariant_4_a_visit_crosses_when_the_wallet_holds_no_active_card_of_the_acceptor(
    history: History,
) -> None:
    holders = {(1, 1), (1, 2), (2, 3), (3, 1), (4, 3)}  # (wallet, issuer) of CARDS, without the blocked one
    for leg in history.books.all_legs.values():
        if leg.kind is LegKind.VISIT:
            at_home = (leg.wallet_id, leg.acceptor_id) in holders
            assert (leg.issuer_id == leg.acceptor_id) is at_home


def _invariant_5_positions_are_the_sums_of_entries_and_legs(history: History) -> None:
    books = history.books
    from_legs: Counter[tuple[PositionKey, str]] = Counter()
    for leg in books.all_legs.values():
        if leg.issuer_id != leg.acceptor_id:
            key = PositionKey(leg.period, leg.issuer_id, leg.acceptor_id, leg.kind)
            from_legs[key, "exchanges"] += 1
            for name in PositionChange._fields[1:]:
                from_legs[key, name] += getattr(leg, name)
    assert +books.positions == +from_legs
    from_entries: Counter[tuple[int, int, int]] = Counter()  # (period, who pays, whom) → fen
    for entry in books.journal.values():
        if entry.kind in {EntryKind.OBLIGATION, EntryKind.FEE}:
            from_entries[entry.period, entry.debit, entry.credit] += entry.quantity
    from_positions: Counter[tuple[int, int, int]] = Counter()
    for (key, name), quantity in books.positions.items():
        issuer, acceptor = key.issuer_id, key.acceptor_id
        if name == "obligation":
            pair = (acceptor, issuer) if key.kind is LegKind.LOAD else (issuer, acceptor)
            from_positions[key.period, *pair] += quantity
        elif name == "acceptor_fee":
            from_positions[key.period, acceptor, HUB] += quantity
        elif name == "issuer_fee":
            from_positions[key.period, issuer, HUB] += quantity
    assert +from_positions == +from_entries


def _invariant_6_nets_and_the_hubs_sum_to_zero_in_every_period(history: History) -> None:
    books = history.books
    nets: Counter[tuple[int, int]] = Counter()
    for entry in books.journal.values():
        if entry.kind in {EntryKind.OBLIGATION, EntryKind.FEE}:
            nets[entry.period, entry.debit] -= entry.quantity
            nets[entry.period, entry.credit] += entry.quantity
    for period in PERIODS:
        assert sum(net for (number, _), net in nets.items() if number == period) == 0
    fees = Counter[int]()
    for leg in books.all_legs.values():
        fees[leg.period] += leg.fee
    assert all(nets[period, HUB] == fees[period] for period in PERIODS)


def _invariant_7_a_key_has_one_outcome_for_ever(history: History) -> None:
    first: dict[str, tuple[Command, Posted | Held | Refusal]] = {}
    for command, outcome in zip(history.commands, history.outcomes, strict=True):
        if command.key not in first:
            assert not isinstance(outcome, Replayed)
            if not isinstance(outcome, Refusal) or outcome.code not in UNRECORDED:
                first[command.key] = (command, outcome)
            continue
        earlier, _ = first[command.key]
        if isinstance(outcome, Refusal):
            # Not the caller's, not readable, or not the same request: the key's outcome stays as it is.
            assert outcome.code in {Code.MALFORMED, Code.FORBIDDEN, Code.IDEMPOTENCY_KEY_REUSED}
            same = earlier.request_hash == command.request_hash
            assert not (same and outcome.code is Code.IDEMPOTENCY_KEY_REUSED)
        else:
            assert isinstance(outcome, Replayed)
            assert earlier.request_hash == command.request_hash
    recorded = history.books.recorded
    assert recorded.keys() == first.keys()
    for key, (command, settled) in first.items():
        assert recorded[key].request_hash == command.request_hash
        if isinstance(settled, Posted):
            assert recorded[key].transaction_id == settled.booking.transaction.id
            assert recorded[key].refusal is None
        else:
            assert (recorded[key].transaction_id, recorded[key].refusal) == (None, settled)
    for outcome in history.outcomes:
        if isinstance(outcome, Replayed):
            assert outcome.recorded in recorded.values()


def _invariant_9_each_transaction_is_in_the_one_period_that_holds_its_booking(history: History) -> None:
    books = history.books
    for found in books.transactions.values():
        [period] = [period for period in books.periods if period.number == found.period]
        assert period.starts_at <= found.booked_at < period.ends_at
        assert found.late is (found.occurred_at < period.starts_at)
    for before, after in pairwise(books.periods):
        assert before.ends_at == after.starts_at


INVARIANTS: list[Callable[[History], None]] = [
    _invariant_1_every_entry_has_one_debit_and_one_credit_in_the_same_unit,
    _invariant_2_a_lot_is_the_sum_of_its_entries_and_never_negative,
    _invariant_2_what_a_transaction_moves_is_what_its_legs_say,
    _invariant_4_own_system_is_free_and_what_crosses_is_charged_by_its_rule,
    _invariant_4_a_visit_crosses_when_the_wallet_holds_no_active_card_of_the_acceptor,
    _invariant_5_positions_are_the_sums_of_entries_and_legs,
    _invariant_6_nets_and_the_hubs_sum_to_zero_in_every_period,
    _invariant_7_a_key_has_one_outcome_for_ever,
    _invariant_9_each_transaction_is_in_the_one_period_that_holds_its_booking,
]


@settings(thorough, max_examples=300)
@given(directories(), steps)
def test_the_journal_keeps_every_invariant(directory: Directory, given_steps: list[Step]) -> None:
    history = History(directory, given_steps)
    for invariant in INVARIANTS:
        invariant(history)


@thorough
@given(directories(), steps, st.lists(commands(), min_size=1, max_size=4))
def test_8_a_refused_command_changes_nothing_but_its_record(
    directory: Directory, given_steps: list[Step], more: list[Command]
) -> None:
    history = History(directory, given_steps)
    for command in more:
        decision = history.books.decide(command)
        [outcome] = decision.outcomes
        if not isinstance(outcome, Posted):
            assert decision == Decision(outcomes=[outcome], recorded=decision.recorded)
            assert decision.recorded.keys() <= {command.key} - history.books.recorded.keys()


@thorough
@given(directories(), steps)
def test_11_a_batch_is_the_same_as_one_by_one(directory: Directory, given_steps: list[Step]) -> None:
    together, singly = History(directory, given_steps), History(directory, given_steps, singly=True)
    for rows in ("transactions", "all_legs", "journal", "lots", "recorded", "references", "positions"):
        assert getattr(together.books, rows) == getattr(singly.books, rows), rows
    assert [_plain(outcome) for outcome in together.outcomes] == [
        _plain(outcome) for outcome in singly.outcomes
    ]


@thorough
@given(directories(), steps)
def test_11_a_refused_command_never_harms_its_neighbours(
    directory: Directory, given_steps: list[Step]
) -> None:
    whole = History(directory, given_steps)
    outcomes = iter(whole.outcomes)
    kept = [
        step._replace(commands=[command for command in step.commands if isinstance(next(outcomes), Posted)])
        for step in given_steps
    ]
    without = History(directory, kept)
    for rows in ("transactions", "all_legs", "journal", "lots", "references", "positions"):
        assert getattr(whole.books, rows) == getattr(without.books, rows), rows


def _plain(outcome: Outcome) -> Outcome:
    """A replay has its booking at hand only within one batch."""
    return Replayed(outcome.recorded) if isinstance(outcome, Replayed) else outcome


# The arithmetic of obligations and fees once more, in fractions.


def _half_up(exact: Fraction) -> int:
    return (exact + Fraction(1, 2)).__floor__()


def _obligation(directory: Directory, leg: Leg) -> int:
    agreed = directory.rulebook.settings
    value, reimbursed = Fraction(agreed.point_value), Fraction(agreed.reimbursement_rate)
    match leg.kind:
        case LegKind.REDEMPTION:
            assert leg.amount == _half_up(leg.points * value)
            return _half_up(leg.points * value * reimbursed)
        case LegKind.SPEND:
            return _half_up(leg.amount * reimbursed)
        case LegKind.LOAD:
            return leg.amount
    assert leg.kind is LegKind.VISIT, "nothing else crosses"
    return 0


def _fee(directory: Directory, leg: Leg, on: date) -> tuple[int, int, int | None, Reason]:
    matching = [
        rule
        for rule in directory.rulebook.rules
        if rule.kind.name == leg.kind.name
        and rule.issuer in {None, leg.issuer_id}
        and rule.acceptor in {None, leg.acceptor_id}
        and (rule.valid_from is None or rule.valid_from <= on)
    ]
    if not matching:
        return 0, 0, None, Reason.NO_FEE_RULE
    rule = max(
        matching,
        key=lambda rule: (
            (rule.acceptor is not None) * 2 + (rule.issuer is not None),
            rule.valid_from or date.min,
            rule.id,
        ),
    )
    if not (rule.rate or rule.flat or rule.minimum):
        return 0, 0, rule.id, Reason.WAIVED
    fee = _half_up(leg.amount * Fraction(rule.rate) + rule.flat)
    fee = max(fee, rule.minimum or 0)
    fee = fee if rule.maximum is None else min(fee, rule.maximum)
    exact = fee * Fraction(rule.acceptor_share)
    acceptor = exact.__floor__() + (exact % 1 >= Fraction(1, 2))
    return acceptor, fee - acceptor, rule.id, Reason.EXCHANGE
