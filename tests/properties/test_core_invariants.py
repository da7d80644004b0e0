"""The invariants of the domain page, on random commands, rulebooks and calendars.

Given an alliance and a history of batches, the decisions are written down and everything is worked out
again from the journal by arithmetic of the tests' own (fractions, and a chart of accounts written here).
"""

from collections import Counter
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearing.core.accounts import Asset, EntryKind
from clearing.core.batch import Decision
from clearing.core.commands import Command
from clearing.core.directory import Directory
from clearing.core.holds import HoldStatus
from clearing.core.journal import Leg, LegKind, PositionChange, PositionKey, Reason
from clearing.core.outcomes import UNRECORDED, Code, Held, Moved, Outcome, Posted, Refusal, Replayed
from clearing.core.snapshot import ArrearsKey
from properties.core_histories import PERIODS, FollowUp, History, Step, acts, as_command, directories, steps
from support.core import SHANGHAI
from support.examples import examples

#: Other examples in every run; what fails is printed so that it can be run again.
thorough = settings(
    max_examples=examples(100), deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
Key = TypeVar("Key")

# Booked: which entries put how much of what into a lot, and which take it out.

PUT_IN = {
    EntryKind.POINTS_ISSUED: Asset.POINTS,
    EntryKind.POINTS_OPENED: Asset.POINTS,
    EntryKind.VALUE_LOADED: Asset.STORED_VALUE,
    EntryKind.VALUE_OPENED: Asset.STORED_VALUE,
    EntryKind.POINTS_RETURNED: Asset.POINTS,
    EntryKind.VALUE_RETURNED: Asset.STORED_VALUE,
    EntryKind.BREAKAGE_REVERSED: Asset.POINTS,
}
TAKEN_OUT = {
    EntryKind.POINTS_REDEEMED: Asset.POINTS,
    EntryKind.VALUE_SPENT: Asset.STORED_VALUE,
    EntryKind.POINTS_WITHDRAWN: Asset.POINTS,
    EntryKind.VALUE_UNLOADED: Asset.STORED_VALUE,
    EntryKind.POINTS_EXPIRED: Asset.POINTS,
    EntryKind.VALUE_EXPIRED: Asset.STORED_VALUE,
    EntryKind.POINTS_MOVED_OUT: Asset.POINTS,
}
OWED = {EntryKind.OBLIGATION, EntryKind.OBLIGATION_REVERSED, EntryKind.FEE, EntryKind.FEE_RETURNED}
ARREARS = {
    EntryKind.ARREARS_INCURRED: 1,
    EntryKind.ARREARS_PAID: -1,
    EntryKind.ARREARS_MOVED_OUT: -1,
}
HUB = 0


def _but_zeros(counter: Counter[Key]) -> dict[Key, int]:
    return {key: quantity for key, quantity in counter.items() if quantity}


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
        elif entry.kind is EntryKind.FEE_RETURNED:
            assert (entry.debit, entry.credit in books.directory.participants) == (HUB, True)
        elif entry.kind in ARREARS:
            assert entry.debit == entry.credit
            assert entry.debit in books.directory.participants
        else:
            assert entry.kind in {EntryKind.OBLIGATION, EntryKind.OBLIGATION_REVERSED}
            assert {entry.debit, entry.credit} <= books.directory.participants.keys()
            assert entry.debit != entry.credit


def _invariant_2_a_lot_is_the_sum_of_its_entries_and_never_negative(history: History) -> None:
    books = history.books
    balances = Counter({lot.id: lot.available + lot.held for lot in books.opening.values()})
    for entry in books.journal.values():
        if entry.kind in PUT_IN:
            balances[entry.credit] += entry.quantity
        if entry.kind in TAKEN_OUT:
            balances[entry.debit] -= entry.quantity
            assert balances[entry.debit] >= 0, "not even for a moment"
    for lot in books.lots.values():
        assert lot.available + lot.held == balances[lot.id]
        assert lot.available >= 0


def _invariant_2_what_is_held_in_a_lot_is_the_sum_of_the_open_holds_on_it(history: History) -> None:
    books = history.books
    held = Counter({lot.id: lot.held for lot in books.opening.values()})
    for hold in books.holds.values():
        assert hold.quantity == (hold.amount if hold.asset is Asset.STORED_VALUE else hold.points)
        for draw in hold.draws:
            assert draw.quantity > 0
            assert (books.lots[draw.lot_id].wallet_id, books.lots[draw.lot_id].asset) == (
                hold.wallet_id,
                hold.asset,
            )
            held[draw.lot_id] += draw.quantity if hold.status is HoldStatus.HELD else 0
    assert {lot.id: lot.held for lot in books.lots.values() if lot.held} == _but_zeros(held)


def _a_hold_is_a_transaction_if_and_only_if_it_is_captured(history: History) -> None:
    books = history.books
    for hold in books.holds.values():
        found = books.transactions.get(hold.id)
        assert (found is not None) is (hold.status is HoldStatus.CAPTURED)
        if found is None:
            assert hold.captured == 0
        else:
            taken = found.amount if hold.asset is Asset.STORED_VALUE else found.points
            assert 0 < taken == hold.captured <= hold.quantity
            assert (found.kind, found.reference, found.merchant_id) == (
                hold.kind,
                hold.reference,
                hold.merchant_id,
            )
            assert found.booked_at >= hold.placed_at


def _invariant_2_what_a_transaction_moves_is_what_its_legs_say(history: History) -> None:
    books = history.books
    for legs, entries in history.legs_and_entries():
        moved: Counter[tuple[int, Asset]] = Counter()
        for entry in entries:
            if entry.kind in PUT_IN:
                moved[books.lots[entry.credit].issuer_id, PUT_IN[entry.kind]] += entry.quantity
            if entry.kind in TAKEN_OUT:
                moved[books.lots[entry.debit].issuer_id, TAKEN_OUT[entry.kind]] += entry.quantity
            if entry.kind in ARREARS:
                moved[entry.debit, Asset.POINTS] += entry.quantity
        said: Counter[tuple[int, Asset]] = Counter()
        for leg in legs:
            said[leg.issuer_id, Asset.POINTS] += abs(leg.points)
            is_value = leg.kind in {LegKind.OPENING, LegKind.EXPIRY} and not leg.points
            if is_value or leg.kind in {LegKind.LOAD, LegKind.SPEND}:
                said[leg.issuer_id, Asset.STORED_VALUE] += abs(leg.amount)
        assert _but_zeros(moved) == _but_zeros(said)


def _invariant_3_what_was_issued_is_outstanding_used_or_gone(history: History) -> None:
    books = history.books
    sums: Counter[tuple[EntryKind, int]] = Counter()
    arrears: Counter[ArrearsKey] = Counter()
    for entry in books.journal.values():
        if entry.kind in PUT_IN:
            sums[entry.kind, books.lots[entry.credit].issuer_id] += entry.quantity
        if entry.kind in TAKEN_OUT:
            sums[entry.kind, books.lots[entry.debit].issuer_id] += entry.quantity
        if entry.kind in ARREARS:
            sums[entry.kind, entry.debit] += entry.quantity
            arrears[ArrearsKey(entry.wallet_id, entry.debit)] += ARREARS[entry.kind] * entry.quantity
            assert arrears[ArrearsKey(entry.wallet_id, entry.debit)] >= 0, "not even for a moment"
    assert _but_zeros(arrears) == {key: points for key, points in books.arrears.items() if points}
    for issuer_id in books.directory.participants:
        of = {kind: sums[kind, issuer_id] for kind in EntryKind}
        issued = of[EntryKind.POINTS_ISSUED] + of[EntryKind.ARREARS_PAID] + of[EntryKind.POINTS_OPENED]
        issued -= of[EntryKind.POINTS_WITHDRAWN] + of[EntryKind.ARREARS_INCURRED]
        used = of[EntryKind.POINTS_REDEEMED] - of[EntryKind.POINTS_RETURNED]
        lots = [lot for lot in books.lots.values() if (lot.issuer_id, lot.asset) == (issuer_id, Asset.POINTS)]
        outstanding = sum(lot.available + lot.held for lot in lots)
        before = sum(one.available + one.held for one in books.opening.values() if books.lots[one.id] in lots)
        owed = sum(points for key, points in books.arrears.items() if key.issuer_id == issuer_id)
        expired = of[EntryKind.POINTS_EXPIRED] - of[EntryKind.BREAKAGE_REVERSED]
        assert of[EntryKind.POINTS_MOVED_OUT] == of[EntryKind.ARREARS_MOVED_OUT], "out of lots, into arrears"
        assert before + issued == outstanding + used + expired - owed


def _invariant_3_nobody_owes_an_issuer_whose_points_he_could_use(history: History) -> None:
    books = history.books
    for lot in books.lots.values():
        if lot.asset is Asset.POINTS and books.arrears.get(ArrearsKey(lot.wallet_id, lot.issuer_id)):
            assert lot.available == 0


def _invariant_4_own_system_is_free_and_what_crosses_is_charged_by_its_rule(history: History) -> None:
    """What reversals leave of a leg is judged like a leg: it has what so much of it would have had."""
    books = history.books
    rests: dict[tuple[int, LegKind, int], Leg] = {}
    for legs, entries in history.legs_and_entries():
        for leg in legs:
            found = books.transactions[leg.transaction_id]
            key = (found.original_id or found.id, leg.kind, leg.issuer_id)
            assert (key in rests) is (found.original_id is not None)
            rest = rests[key] = _rest(rests[key], leg) if key in rests else leg
            # Points that pay arrears go out of a lot by a transfer, and come to what is owed by another.
            assert leg.kind is LegKind.TRANSFER or min(rest.points, rest.amount) >= 0
            if leg.issuer_id == leg.acceptor_id:
                assert (leg.obligation, leg.acceptor_fee, leg.issuer_fee) == (0, 0, 0)
                assert (leg.fee_rule_id, leg.reason) == (None, Reason.OWN_SYSTEM)
            else:
                on = books.transactions[key[0]].booked_at.astimezone(SHANGHAI).date()
                fee = (rest.acceptor_fee, rest.issuer_fee, leg.fee_rule_id, leg.reason)
                assert rest.obligation == _obligation(books.directory, rest)
                assert fee == _fee(books.directory, rest, on)
        if all(leg.issuer_id == leg.acceptor_id for leg in legs):
            assert not {entry.kind for entry in entries} & OWED


def _rest(leg: Leg, undone: Leg) -> Leg:
    names = ("points", "amount", "obligation", "acceptor_fee", "issuer_fee")
    for name in names:
        assert getattr(undone, name) <= 0
    return leg._replace(**{name: getattr(leg, name) + getattr(undone, name) for name in names})


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
    assert _but_zeros(books.positions) == _but_zeros(from_legs)
    from_entries: Counter[tuple[int, int, int]] = Counter()  # (period, who pays, whom) → fen, both ways
    for entry in books.journal.values():
        if entry.kind in OWED:
            from_entries[entry.period, entry.debit, entry.credit] += entry.quantity
            from_entries[entry.period, entry.credit, entry.debit] -= entry.quantity
    from_positions: Counter[tuple[int, int, int]] = Counter()
    for (key, name), quantity in books.positions.items():
        issuer, acceptor = key.issuer_id, key.acceptor_id
        pair = {
            "obligation": (acceptor, issuer) if key.kind is LegKind.LOAD else (issuer, acceptor),
            "acceptor_fee": (acceptor, HUB),
            "issuer_fee": (issuer, HUB),
        }.get(name)
        if pair:
            payer, payee = pair
            from_positions[key.period, payer, payee] += quantity
            from_positions[key.period, payee, payer] -= quantity
    assert _but_zeros(from_positions) == _but_zeros(from_entries)


def _invariant_6_nets_and_the_hubs_sum_to_zero_in_every_period(history: History) -> None:
    books = history.books
    nets: Counter[tuple[int, int]] = Counter()
    for entry in books.journal.values():
        if entry.kind in OWED:
            nets[entry.period, entry.debit] -= entry.quantity
            nets[entry.period, entry.credit] += entry.quantity
    for period in PERIODS:
        assert sum(net for (number, _), net in nets.items() if number == period) == 0
    fees = Counter[int]()
    for leg in books.all_legs.values():
        fees[leg.period] += leg.fee
    assert all(nets[period, HUB] == fees[period] for period in PERIODS)


def _invariant_7_a_key_has_one_outcome_for_ever(history: History) -> None:
    first: dict[str, tuple[Command, Posted | Held | Moved | Refusal]] = {}
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
            assert (recorded[key].hold_id, recorded[key].refusal) == (None, None)
        elif isinstance(settled, Held):
            assert recorded[key].hold_id == settled.hold.id
            assert (recorded[key].transaction_id, recorded[key].refusal) == (None, None)
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


#: What is compared between two histories.
ROWS = ("transactions", "all_legs", "journal", "lots", "holds", "arrears", "references", "positions")

INVARIANTS: list[Callable[[History], None]] = [
    _invariant_1_every_entry_has_one_debit_and_one_credit_in_the_same_unit,
    _invariant_2_a_lot_is_the_sum_of_its_entries_and_never_negative,
    _invariant_2_what_is_held_in_a_lot_is_the_sum_of_the_open_holds_on_it,
    _a_hold_is_a_transaction_if_and_only_if_it_is_captured,
    _invariant_2_what_a_transaction_moves_is_what_its_legs_say,
    _invariant_3_what_was_issued_is_outstanding_used_or_gone,
    _invariant_3_nobody_owes_an_issuer_whose_points_he_could_use,
    _invariant_4_own_system_is_free_and_what_crosses_is_charged_by_its_rule,
    _invariant_4_a_visit_crosses_when_the_wallet_holds_no_active_card_of_the_acceptor,
    _invariant_5_positions_are_the_sums_of_entries_and_legs,
    _invariant_6_nets_and_the_hubs_sum_to_zero_in_every_period,
    _invariant_7_a_key_has_one_outcome_for_ever,
    _invariant_9_each_transaction_is_in_the_one_period_that_holds_its_booking,
]


@settings(thorough, max_examples=examples(200))
@given(directories(), steps)
def test_the_journal_keeps_every_invariant(directory: Directory, given_steps: list[Step]) -> None:
    history = History(directory, given_steps)
    for invariant in INVARIANTS:
        invariant(history)


@thorough
@given(directories(), steps, st.lists(acts, min_size=1, max_size=4))
def test_8_a_refused_command_changes_nothing_but_its_record(
    directory: Directory, given_steps: list[Step], more: list[Command | FollowUp]
) -> None:
    history = History(directory, given_steps)
    for act in more:
        command = as_command(act, history.books)
        decision = history.books.decide(command)
        [outcome] = decision.outcomes
        if not isinstance(outcome, Posted | Held):
            assert decision == Decision(outcomes=[outcome], recorded=decision.recorded)
            assert decision.recorded.keys() <= {command.key} - history.books.recorded.keys()


@thorough
@given(directories(), steps)
def test_11_a_batch_is_the_same_as_one_by_one(directory: Directory, given_steps: list[Step]) -> None:
    together, singly = History(directory, given_steps), History(directory, given_steps, singly=True)
    for rows in (*ROWS, "recorded"):
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
        step._replace(acts=[command for command in batch if isinstance(next(outcomes), Posted | Held)])
        for step, batch in zip(given_steps, whole.batches, strict=True)
    ]
    without = History(directory, kept)
    for rows in ROWS:
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
            # By amount, it is what was asked for, or its share of that.
            assert abs(leg.amount - leg.points * value) < value + 2
            if leg.amount == _half_up(leg.points * value):
                return _half_up(leg.points * value * reimbursed)
            return _half_up(leg.amount * reimbursed)
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
    if not (leg.points or leg.amount):
        return 0, 0, rule.id, Reason.EXCHANGE
    fee = _half_up(leg.amount * Fraction(rule.rate) + rule.flat)
    fee = max(fee, rule.minimum or 0)
    fee = fee if rule.maximum is None else min(fee, rule.maximum)
    exact = fee * Fraction(rule.acceptor_share)
    acceptor = exact.__floor__() + (exact % 1 >= Fraction(1, 2))
    return acceptor, fee - acceptor, rule.id, Reason.EXCHANGE
