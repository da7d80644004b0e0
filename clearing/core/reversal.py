"""Reversal: a transaction is undone, all of it or a part, by new opposite entries.

Of whatever is divided by rounding (worth, obligation, fee) a reversal gives back the difference between
what the part before it and the part after it would have had. So any number of reversals gives back
exactly what the whole had.

Of what was given back in money already (a dispute), the points or the value go back, and neither obligation
nor fee once more.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from clearing.core import ends
from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY, multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Reversal
from clearing.core.fees import Fee, amount_of, shares
from clearing.core.journal import Leg, LegKind, LotMovement, Reason, TransactionKind
from clearing.core.lots import Draw
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Credit, Plan, PlannedLeg, Setting
from clearing.core.redemption import obligation_for
from clearing.core.rulebook import Rulebook
from clearing.core.snapshot import Corrected, Original, Terms

REVERSIBLE = frozenset(
    {TransactionKind.ACCRUAL, TransactionKind.REDEMPTION, TransactionKind.LOAD, TransactionKind.SPEND}
)


class Part(NamedTuple):
    """So much of a leg."""

    points: int
    amount: int


class Measured(Protocol):
    """As much of a leg as says what a part of it is worth."""

    @property
    def kind(self) -> LegKind: ...
    @property
    def points(self) -> int: ...
    @property
    def amount(self) -> int: ...


NOTHING = Part(0, 0)
NOT_CORRECTED = Corrected()


def setting(batch: Batch, command: Reversal) -> Setting | Refusal:
    """The original's own, if its caller may act where it was made."""
    for field, asked in (("points", command.points), ("amount", command.amount)):
        if asked is not None and not 0 < asked <= MAX_QUANTITY:
            return Refusal(Code.AMOUNT_INVALID, f"The {field} must be from 1 to {MAX_QUANTITY}.", field=field)
    directory = batch.snapshot.directory
    original = batch.original(command.wallet_id, command.transaction_id)
    if original is None:
        hold = batch.hold(command.wallet_id, command.transaction_id)
        if hold is not None and command.caller.may_post_at(directory.merchant(hold.merchant_id)):
            return Refusal(Code.NOT_REVERSIBLE, "It is not captured, so nothing is booked; void its hold.")
        return Refusal(Code.TRANSACTION_UNKNOWN, "There is no such transaction at your merchants.")
    row = original.booking.transaction
    merchant = None if row.merchant_id is None else directory.merchant(row.merchant_id)
    caller = command.caller
    if not (caller.may_post_at(merchant) if merchant else caller.may_issue_for(row.acceptor_id)):
        return Refusal(Code.TRANSACTION_UNKNOWN, "There is no such transaction at your merchants.")
    return Setting(
        _wallet_id(batch, original), None, row.card_number, merchant, row.acceptor_id, batch.times(command)
    )


def _wallet_id(batch: Batch, original: Original) -> int:
    """In which wallet it is undone, if wallets were linked or parted since: that of whoever has the card now.

    A member that left took along what its own participant owes. What was given it by others stayed where it
    was, and is taken back there: it would be usable there and owed by the member otherwise.
    """
    row = original.booking.transaction
    today = batch.wallet_today(row.card_number, row.wallet_id)
    assets = {TransactionKind.ACCRUAL: Asset.POINTS, TransactionKind.LOAD: Asset.STORED_VALUE}
    pool = batch.snapshot.merged.get(row.wallet_id, row.wallet_id)
    if today == pool or row.kind not in assets:
        return today

    def available(wallet_id: int) -> int:
        asset, found = assets[row.kind], 0
        for one in original.booking.movements:
            lot = batch.lot_ending(wallet_id, one.issuer_id, asset, one.expires_on)
            found += lot.available if lot else 0
        return found

    return pool if available(pool) > available(today) else today


def check(batch: Batch, command: Reversal, setting: Setting) -> Refusal | None:
    kind = _original(batch, command).booking.transaction.kind
    in_fen = kind in (TransactionKind.LOAD, TransactionKind.SPEND)
    if in_fen and command.points is not None:
        return Refusal(Code.AMOUNT_INVALID, f"A {kind.label} is reversed by its amount, in fen.", "points")
    if command.points is not None and command.amount is not None:
        return Refusal(Code.AMOUNT_INVALID, "Give points or amount, not both.", "points")
    return None


def plan(batch: Batch, command: Reversal, setting: Setting) -> Plan | Refusal:
    original = _original(batch, command)
    kind = original.booking.transaction.kind
    if kind not in REVERSIBLE:
        return Refusal(
            Code.NOT_REVERSIBLE, f"A transaction of kind {kind.label} cannot be reversed.", "transaction"
        )
    planned = _PLANS[kind](batch, command, setting, original)
    if isinstance(planned, Refusal):
        return planned
    return planned._replace(purpose=command.reason, original=original.booking.transaction)


def _original(batch: Batch, command: Reversal) -> Original:
    found = batch.original(command.wallet_id, command.transaction_id)
    assert found is not None, "setting() refuses an unknown transaction"
    return found


# ---- redemptions and spends: what was drawn goes back, the last drawn first --------------------


def _of_redemption(batch: Batch, command: Reversal, setting: Setting, original: Original) -> Plan | Refusal:
    row = original.booking.transaction
    left = Part(row.points - original.points_reversed, row.amount - original.amount_reversed)
    if command.amount is not None and command.amount > left.amount:
        return _exceeds(command, left.amount, "fen", left.points)
    if left.points == 0 or (command.points is not None and command.points > left.points):
        return _exceeds(command, left.points, "points")
    worths = _worths(original)
    rest = _redemption_left(command, original, worths, left)
    before, after = _drawn(original, left.points), _drawn(original, rest.points)

    def parts(leg: Leg) -> tuple[Part, Part]:
        was, will_be = (
            Part(
                sum(one.quantity for one in movements if one.issuer_id == leg.issuer_id),
                sum(fen for one, fen in zip(movements, _up_to(worths, amount), strict=True)
                    if one.issuer_id == leg.issuer_id),
            )
            for movements, amount in ((before, left.amount), (after, rest.amount))
        )  # fmt: skip
        return was, will_be

    legs = _legs(batch, original, parts)
    credits_ = _returned(batch, setting, before, after, Asset.POINTS, EntryKind.POINTS_RETURNED)
    return Plan(
        TransactionKind.REVERSAL,
        rest.points - left.points,
        rest.amount - left.amount,
        legs,
        [],
        EntryKind.POINTS_WITHDRAWN,
        credits_,
    )


def _worths(original: Original) -> list[int]:
    """Fen of each movement of a redemption: what it adds to the worth of its leg's points before it."""
    before: dict[int, int] = {}
    worths = []
    for movement in original.booking.movements:
        used = before.get(movement.issuer_id, 0)
        before[movement.issuer_id] = used + movement.quantity
        leg = _leg_of(original, movement.issuer_id)
        worths.append(
            worth_of(original.terms, leg, used + movement.quantity) - worth_of(original.terms, leg, used)
        )
    return worths


def worth_of(terms: Terms, leg: Measured, points: int) -> int:
    """Fen of so many of a redemption leg's points: what they are worth; where the leg has a share of an
    amount that was asked for, in proportion.
    """
    if leg.amount == multiply_half_up(leg.points, terms.point_value):
        return multiply_half_up(points, terms.point_value)
    return (2 * leg.amount * points + leg.points) // (2 * leg.points)


def _leg_of(original: Original, issuer_id: int) -> Leg:
    return next(leg for leg in original.booking.legs if leg.issuer_id == issuer_id)


def _redemption_left(command: Reversal, original: Original, worths: list[int], left: Part) -> Part:
    """What remains of a redemption: less the points asked for, with what they are worth, or the other way.

    A function of what remains in the one and of the original, so that the order of the parts does not matter.
    """
    movements = original.booking.movements
    if command.points is not None:
        points = left.points - command.points
        kept: dict[int, int] = {}
        for one in _drawn(original, points):
            kept[one.issuer_id] = kept.get(one.issuer_id, 0) + one.quantity
        amount = sum(
            worth_of(original.terms, _leg_of(original, issuer_id), part) for issuer_id, part in kept.items()
        )
        return Part(points, min(amount, left.amount))
    if command.amount is None:
        return NOTHING
    amount, points, rest = left.amount - command.amount, 0, left.amount - command.amount
    for one, fen, part in zip(movements, worths, _up_to(worths, amount), strict=True):
        rest -= part
        if part == fen and (fen or rest):
            points += one.quantity
        elif part:
            # Rounded down, so that nobody gets back less than what he paid with; but something for something.
            points += max(one.quantity * part // fen, 1)
    return Part(min(points, left.points), amount)


def _up_to(quantities: Sequence[int], limit: int) -> list[int]:
    """The quantities up to the limit, in their order; what is beyond it is nothing."""
    found = []
    for quantity in quantities:
        part = min(quantity, limit)
        found.append(part)
        limit -= part
    return found


def _of_spend(batch: Batch, command: Reversal, setting: Setting, original: Original) -> Plan | Refusal:
    left = original.booking.transaction.amount - original.amount_reversed
    back = left if command.amount is None else command.amount
    if not 0 < back <= left:
        return _exceeds(command, left, "fen")
    before, after = _drawn(original, left), _drawn(original, left - back)

    def parts(leg: Leg) -> tuple[Part, Part]:
        was, will_be = (
            Part(0, sum(one.quantity for one in movements if one.issuer_id == leg.issuer_id))
            for movements in (before, after)
        )
        return was, will_be

    legs = _legs(batch, original, parts)
    credits_ = _returned(batch, setting, before, after, Asset.STORED_VALUE, EntryKind.VALUE_RETURNED)
    return Plan(TransactionKind.REVERSAL, 0, -back, legs, [], EntryKind.VALUE_UNLOADED, credits_)


def _drawn(original: Original, quantity: int) -> list[LotMovement]:
    """The original's movements up to `quantity`, in their order; the rest is undone, or to be undone."""
    found = []
    for movement in original.booking.movements:
        part = min(movement.quantity, quantity)
        found.append(movement._replace(quantity=part))
        quantity -= part
    return found


def _returned(
    batch: Batch,
    setting: Setting,
    before: list[LotMovement],
    after: list[LotMovement],
    asset: Asset,
    entry: EntryKind,
) -> list[Credit]:
    """The difference goes back where it came from; where that has ended, into a lot with a grace period."""
    grace = timedelta(days=batch.snapshot.directory.rulebook.settings.grace_days)
    credits_ = []
    for was, will_be in zip(reversed(before), reversed(after), strict=True):
        if was.quantity == will_be.quantity:
            continue
        expires_on = was.expires_on
        if expires_on is not None and expires_on < setting.times.on:
            expires_on = setting.times.on + grace
        quantity = was.quantity - will_be.quantity
        credits_.append(Credit(was.issuer_id, asset, expires_on, quantity, entry))
    return credits_


def _legs(batch: Batch, original: Original, parts: Callable[[Leg], tuple[Part, Part]]) -> list[PlannedLeg]:
    """One leg for each of the original's that gives something back, with quantities below zero.

    `parts`: what is left of a leg before and after.
    """
    legs = []
    for leg in original.booking.legs:
        was, will_be = parts(leg)
        if was != will_be:
            legs.append(_difference(batch, original, leg, was, will_be))
    return legs


def _difference(batch: Batch, original: Original, leg: Leg, was: Part, will_be: Part) -> PlannedLeg:
    rulebook, corrected = batch.snapshot.directory.rulebook, original.corrected.get(leg.number, NOT_CORRECTED)

    def given_back(corrected: Corrected) -> tuple[int, Fee]:
        owing = [still_owing(original.terms, leg, one, corrected) for one in (was, will_be)]
        owed_was, owed_will_be = (obligation_of(original.terms, leg, one) for one in owing)
        fee_was, fee_will_be = (less(fee_of(rulebook, leg, one), corrected) for one in owing)
        acceptor, issuer = fee_will_be.acceptor - fee_was.acceptor, fee_will_be.issuer - fee_was.issuer
        return owed_will_be - owed_was, Fee(acceptor, issuer, leg.fee_rule_id, leg.reason)

    obligation, fee = given_back(corrected)
    if corrected != NOT_CORRECTED and (obligation, fee) != given_back(NOT_CORRECTED):
        fee = fee._replace(reason=Reason.CORRECTED)
    points, amount = will_be.points - was.points, will_be.amount - was.amount
    return PlannedLeg(leg.kind, leg.issuer_id, points, amount, obligation, fee)


def still_owing(terms: Terms, leg: Measured, part: Part, corrected: Corrected) -> Part:
    """So much of a leg, without what was given back of it in money."""
    if not corrected.quantity:
        return part
    if leg.kind is LegKind.REDEMPTION:
        points = max(part.points - corrected.quantity, 0)
        return Part(points, worth_of(terms, leg, points))
    return Part(part.points, max(part.amount - corrected.quantity, 0))


def less(fee: Fee, corrected: Corrected) -> Fee:
    """The fee without what was given back of it by itself; nothing, where that was as much."""
    acceptor, issuer = (
        max(fee.acceptor - corrected.acceptor_fee, 0),
        max(fee.issuer - corrected.issuer_fee, 0),
    )
    return fee._replace(acceptor=acceptor, issuer=issuer)


def fee_of(rulebook: Rulebook, leg: Leg, part: Part) -> Fee:
    """What the rule that priced the leg would have charged on so much of it; nothing on nothing.

    Points that are worth less than half a fen are something: the rule's flat part and minimum hold for them.
    """
    rule = rulebook.rule(leg.fee_rule_id)
    if rule is None or rule.is_free or part == NOTHING:
        return Fee(0, 0, leg.fee_rule_id, leg.reason)
    return Fee(*shares(rule, amount_of(rule, part.amount)), leg.fee_rule_id, leg.reason)


def obligation_of(terms: Terms, leg: Leg, part: Part) -> int:
    """What so much of the leg would have obliged its debtor to; `terms` are those that judged it."""
    if not leg.cross_system:
        return 0
    match leg.kind:
        case LegKind.REDEMPTION:
            return obligation_for(part.points, part.amount, terms.point_value, terms.reimbursement_rate)
        case LegKind.SPEND:
            return multiply_half_up(part.amount, terms.reimbursement_rate)
        case LegKind.LOAD:
            return part.amount
        case _:
            return 0


# ---- loads and accruals: what was given is taken back -------------------------------------------


def _of_load(batch: Batch, command: Reversal, setting: Setting, original: Original) -> Plan | Refusal:
    row = original.booking.transaction
    left = row.amount - original.amount_reversed
    back = left if command.amount is None else command.amount
    if not 0 < back <= left:
        return _exceeds(command, left, "fen")
    (leg,), (movement,) = original.booking.legs, original.booking.movements
    lot = batch.lot_ending(setting.wallet_id, movement.issuer_id, Asset.STORED_VALUE, movement.expires_on)
    if lot is None or lot.available < back:
        available = lot.available if lot else 0
        return Refusal(
            Code.EXCEEDS_REVERSIBLE,
            f"{available} fen of it are left and {back} were to be taken back; the rest is spent or held.",
            field="amount",
        )
    planned = _difference(batch, original, leg, Part(0, left), Part(0, left - back))
    draws = [Draw(lot, back)]
    return Plan(TransactionKind.REVERSAL, 0, -back, [planned], draws, EntryKind.VALUE_UNLOADED, [])


def _of_accrual(batch: Batch, command: Reversal, setting: Setting, original: Original) -> Plan | Refusal:
    row = original.booking.transaction
    was = Part(row.points - original.points_reversed, row.amount - original.amount_reversed)
    will_be = _accrual_left(command, row.points, row.amount, was)
    if will_be is None and command.points is not None:
        return _exceeds(command, was.points, "points", was.amount)
    if will_be is None:
        return _exceeds(command, was.amount, "fen", was.points)
    back = was.points - will_be.points
    given = sum(movement.quantity for movement in original.booking.movements)
    # What is left of the points that went into the lot, were nothing spent; the rest had paid arrears.
    in_lot = max(was.points - (row.points - given), 0)
    lot = None
    for movement in original.booking.movements:
        lot = batch.lot_ending(setting.wallet_id, movement.issuer_id, Asset.POINTS, movement.expires_on)
    taken = min(back, in_lot, lot.available) if lot else 0
    # What ended was not spent. What is held stays held: it is owed until the hold is over, and paid by what
    # that gives back.
    undone = ends.to_undo(batch, original, back - taken, min(back, in_lot) - taken)
    paid = taken + sum(one.points for one in undone)
    legs = []
    for leg in original.booking.legs:
        if leg.kind is LegKind.ISSUE:
            parts = Part(was.points, 0), Part(will_be.points, 0)
        else:
            own = not leg.cross_system
            parts = (
                Part(was.points if own else 0, was.amount),
                Part(will_be.points if own else 0, will_be.amount),
            )
        if parts[0] != parts[1]:
            legs.append(_difference(batch, original, leg, *parts))
    return Plan(
        TransactionKind.REVERSAL,
        -back,
        will_be.amount - was.amount,
        legs,
        [Draw(lot, taken)] if lot and taken else [],
        EntryKind.POINTS_WITHDRAWN,
        [],
        arrears=back - paid,
        undone=undone,
    )


def _accrual_left(command: Reversal, points: int, amount: int, was: Part) -> Part | None:
    """What remains of an accrual of `points` and `amount`; None if it does not have what is asked for.

    Points and cash go together: by amount, the points of the remaining cash, rounded down; by points, the
    cash of the remaining points, half up.
    """
    if command.amount is not None:
        left = was.amount - command.amount
        return Part(min(points * left // amount, was.points), left) if left >= 0 else None
    if command.points is not None:
        left = was.points - command.points
        if left < 0:
            return None
        return Part(left, min((2 * amount * left + points) // (2 * points), was.amount))
    return Part(0, 0) if was.points or was.amount else None


def _exceeds(command: Reversal, left: int, unit: str, besides: int = 0) -> Refusal:
    """More than `left`, in points or fen (`unit`), was asked for; `besides` is what is left in the other."""
    if left == besides == 0:
        return Refusal(Code.EXCEEDS_REVERSIBLE, "All of it has been reversed before.")
    field = "points" if command.points is not None else "amount"
    return Refusal(Code.EXCEEDS_REVERSIBLE, f"{left} {unit} of it are left to be reversed.", field=field)


_PLANS: dict[TransactionKind, Callable[[Batch, Reversal, Setting, Original], Plan | Refusal]] = {
    TransactionKind.ACCRUAL: _of_accrual,
    TransactionKind.REDEMPTION: _of_redemption,
    TransactionKind.LOAD: _of_load,
    TransactionKind.SPEND: _of_spend,
}
