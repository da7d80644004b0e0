"""Judge a batch of commands against a snapshot. Pure: no SQL, clock, randomness or logging.

For each command refusals come first, in the order of `Code`; after the last check nothing can fail.
A command sees what the commands before it in the batch have done, so a batch is the same as one by one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count

from clearing.core import (
    accrual,
    adjustment,
    arrears,
    capture,
    ends,
    expiry,
    limiting,
    linking,
    load,
    opening,
    placing,
    redemption,
    release,
    reversal,
    spend,
    telling,
)
from clearing.core.accounts import HUB
from clearing.core.batch import Batch, Decision, reference_key
from clearing.core.calendar import PeriodState
from clearing.core.cards import not_good
from clearing.core.commands import (
    Accrual,
    ArrearsPayment,
    AtMerchant,
    Capture,
    Command,
    Expiry,
    Lapse,
    Link,
    Load,
    MoneyAdjustment,
    Opening,
    PointsAdjustment,
    Redemption,
    Reversal,
    Spend,
    Unlink,
    Void,
    WithCard,
)
from clearing.core.directory import Merchant, Status
from clearing.core.journal import TransactionKind
from clearing.core.limits import CapsContended
from clearing.core.outcomes import UNRECORDED, Code, Held, Outcome, Posted, Refusal, Replayed
from clearing.core.plan import Plan, Release, Relocation, Setting
from clearing.core.replay import REUSED, is_same_request, recorded_for
from clearing.core.snapshot import Card, Snapshot

#: How far a till's clock may run ahead of ours.
CLOCK_SKEW = timedelta(minutes=2)

#: The module with `check` and `plan`; a command on a wallet's own row has its `setting` there too. What was
#: begun must be brought to an end, so those ask neither what has become of the card nor whether merchant or
#: participant is suspended.
MODULES = {
    Accrual: accrual,
    Redemption: redemption,
    Load: load,
    Spend: spend,
    Opening: opening,
    Capture: capture,
    Void: release,
    Lapse: release,
    Reversal: reversal,
    Expiry: expiry,
    ArrearsPayment: arrears,
    PointsAdjustment: adjustment,
    MoneyAdjustment: adjustment,
    Link: linking,
    Unlink: linking,
}

#: What a merchant, or the issuer of an opening balance, may give a number of its own, and the kind of
#: transaction among which that is unique. A hold has taken its number when it was placed.
NUMBERED: dict[type[Command], TransactionKind] = {
    Accrual: TransactionKind.ACCRUAL,
    Redemption: TransactionKind.REDEMPTION,
    Load: TransactionKind.LOAD,
    Spend: TransactionKind.SPEND,
    Reversal: TransactionKind.REVERSAL,
    Opening: TransactionKind.OPENING,
}

#: What names an issuer.
NAMING_ISSUER = (Opening, Load)
#: What may be set aside first. A tuple: a union of types takes several times as long to ask for.
HOLDABLE = (Redemption, Spend)


class PeriodMissing(Exception):
    """No period holds the instant `at`; the shell opens one and gathers again."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"no period holds {at.isoformat()}")
        self.at = at


def decide(snapshot: Snapshot, commands: Sequence[Command], at: datetime, ids: Iterator[int]) -> Decision:
    """The outcome of each command, in order, and every row to write.

    `at` is the booking time of all but historical commands; `ids` gives the new rows their ids.
    Raises PeriodMissing when a command is to be booked at a time for which no period has been opened, and
    CapsContended when the batch must have some participants to itself: their caps read alone.
    """
    batch = Batch(snapshot, at, ids)
    for command in commands:
        outcome = _judge(batch, command)
        if isinstance(outcome, Refusal) and outcome.code not in UNRECORDED:
            batch.record_refusal(command, outcome)
        batch.decision.outcomes.append(outcome)
    if batch.contended:
        raise CapsContended(batch.contended)
    limiting.warn(batch)
    if snapshot.directory.told_of_postings:
        telling.tell_of_postings(batch, commands)
    return batch.decision


def plan_now(snapshot: Snapshot, command: Redemption, at: datetime) -> Plan | Refusal:
    """What the redemption would do if it alone were posted now, or why it would be refused; cheaper than to
    decide, as nothing is booked.
    """
    batch = Batch(snapshot, at, count())
    setting = _not_entitled(batch, command) or _setting(batch, command)
    if isinstance(setting, Refusal):
        return setting
    plan = _plan(batch, command, setting)
    if isinstance(plan, Refusal):
        return plan
    assert isinstance(plan, Plan), "a redemption plans nothing else"
    refusal = limiting.check(batch, command, setting, plan) if batch.is_limited else None
    return refusal or plan


def _judge(batch: Batch, command: Command) -> Outcome:
    refusal = _not_entitled(batch, command)
    if refusal:
        return refusal
    recorded = recorded_for(command, batch.recorded)
    if recorded:
        if not is_same_request(command, recorded):
            return REUSED
        return Replayed(recorded, batch.booking(command.key), batch.held(command.key))
    if isinstance(command, HOLDABLE) and not command.capture:
        refusal = placing.check(batch, command)
        if refusal:
            return refusal
    setting = _setting(batch, command) if isinstance(command, WithCard) else _follow_up(batch, command)
    if isinstance(setting, Refusal):
        return setting
    plan = _plan(batch, command, setting)
    if isinstance(plan, Refusal):
        return plan
    if isinstance(plan, Release):
        if batch.owed(setting.wallet_id):
            _open_period(setting)
        hold = release.book(batch, command, plan)
        arrears.settle(batch, command, setting)
        return Held(hold)
    if isinstance(plan, Relocation):
        _open_period(setting)
        return linking.book(batch, command, setting, plan)
    return _carry_out(batch, command, setting, plan)


def _carry_out(batch: Batch, command: Command, setting: Setting, plan: Plan) -> Outcome:
    if batch.is_limited:
        refusal = limiting.check(batch, command, setting, plan)
        if refusal:
            return refusal
    if isinstance(command, HOLDABLE) and not command.capture:
        if batch.is_limited:
            limiting.count(batch, command, setting, plan)
        return Held(batch.place(command, setting, plan, placing.expires_at(batch, command)))
    times = setting.times
    if command.historical and _is_closed(batch, times.booked_at):
        return Refusal(
            Code.PERIOD_CLOSED,
            f"{times.occurred_at.isoformat()} lies in a closed period. Send it without the historical"
            " mode: it is then booked in the open period and flagged as late.",
            field="occurred_at",
        )
    _open_period(setting)
    if batch.is_limited:
        limiting.count(batch, command, setting, plan)
    if plan.undone:
        plan = ends.undo(batch, command, setting, plan)
    booking = batch.book(command, setting, plan)
    if isinstance(command, ArrearsPayment):
        arrears.pay_in(batch, command, setting, -plan.points)
    arrears.settle(batch, command, setting)
    return Posted(booking)


def _open_period(setting: Setting) -> None:
    if setting.times.period.state is not PeriodState.OPEN:
        raise PeriodMissing(setting.times.booked_at)


def _not_entitled(batch: Batch, command: Command) -> Refusal | None:
    """Whether it names an issuer who does not exist, or its caller may not give such a command at all."""
    directory = batch.snapshot.directory
    if isinstance(command, NAMING_ISSUER) and command.issuer is not None:
        issuer = directory.participant(command.issuer)
        if issuer is None:
            return Refusal(Code.MALFORMED, f"There is no participant {command.issuer!r}.", field="issuer")
        if isinstance(command, Opening) and not command.caller.may_issue_for(issuer.id):
            return Refusal(Code.FORBIDDEN, f"This key may not open balances of {command.issuer}.", "issuer")
    if isinstance(command, AtMerchant):
        merchant = directory.merchants.get(command.merchant)
        if not command.caller.may_post_at(merchant):
            return Refusal(
                Code.FORBIDDEN, f"This key may not act for merchant {command.merchant}.", field="merchant"
            )
    return None


def _setting(batch: Batch, command: WithCard) -> Setting | Refusal:
    """Where, with which card and when; or why not here, not with this card."""
    directory = batch.snapshot.directory
    card = batch.snapshot.cards.get(command.card)
    merchant = None
    if isinstance(command, AtMerchant):
        merchant = directory.merchants.get(command.merchant)
        if merchant is None:
            return Refusal(
                Code.MERCHANT_UNKNOWN, f"There is no merchant {command.merchant!r}.", field="merchant"
            )
        refusal = _suspended(batch, command, merchant, card)
        if refusal:
            return refusal
        acceptor_id = merchant.participant_id
    elif isinstance(command, Opening):
        issuer = directory.participant(command.issuer)
        assert issuer is not None, "_not_entitled() refuses an unknown issuer"
        acceptor_id = issuer.id
    else:
        acceptor_id = card.issuer_id if card else HUB
    if card is None:
        return Refusal(Code.CARD_UNKNOWN, f"No participant has issued a card {command.card!r}.", field="card")
    times = batch.times(command)
    # A member may leave with a card that is not good any more.
    refusal = None if isinstance(command, Unlink) else not_good(card, times.on, "card")
    if refusal:
        return refusal
    return Setting(card.wallet_id, card, card.number, merchant, acceptor_id, times)


def _suspended(batch: Batch, command: AtMerchant, merchant: Merchant, card: Card | None) -> Refusal | None:
    """A suspended participant keeps its own-system business and takes no part in exchanges."""
    directory = batch.snapshot.directory
    if merchant.status is Status.SUSPENDED:
        return Refusal(Code.MERCHANT_SUSPENDED, f"Merchant {merchant.code} is suspended.", field="merchant")
    if not directory.suspended:
        return None
    parties = {merchant.participant_id}
    if card:
        parties.add(card.issuer_id)
    if isinstance(command, Load):
        issuer_id = load.issuer_id(directory, command, merchant.participant_id)
        parties |= {issuer_id} if issuer_id is not None else set()
    barred = min(parties & directory.suspended, default=None)
    if barred is None or len(parties) == 1:
        return None
    return Refusal(
        Code.PARTICIPANT_SUSPENDED,
        f"{directory.participants[barred].code} is suspended and takes no part in exchanges; its own-system"
        " business goes on.",
    )


def _follow_up(batch: Batch, command: Command) -> Setting | Refusal:
    setting: Setting | Refusal = MODULES[type(command)].setting(batch, command)
    if isinstance(setting, Refusal) and setting.code is not Code.AMOUNT_INVALID:
        return _in_future(batch, batch.times(command).occurred_at) or setting
    return setting


def _plan(batch: Batch, command: Command, setting: Setting) -> Plan | Release | Relocation | Refusal:
    module = MODULES[type(command)]
    refusal: Refusal | None = module.check(batch, command, setting) or _untimely(batch, command, setting)
    if refusal:
        return refusal
    plan: Plan | Release | Relocation | Refusal = module.plan(batch, command, setting)
    return plan


def _untimely(batch: Batch, command: Command, setting: Setting) -> Refusal | None:
    """Why it cannot have happened when, or under the number, it says."""
    refusal = _in_future(batch, setting.times.occurred_at)
    if refusal:
        return refusal
    if command.reference is None:
        return None
    reference = reference_key(command, setting, NUMBERED.get(type(command)))
    if reference is None or not batch.reference_taken(reference):
        return None
    if isinstance(command, Opening):
        return Refusal(
            Code.DUPLICATE_REFERENCE,
            f"{command.issuer} has already opened a balance with reference {command.reference!r}.",
            field="reference",
        )
    assert setting.merchant is not None, "the number is a merchant's, or an issuer's"
    return Refusal(
        Code.DUPLICATE_REFERENCE,
        f"{setting.merchant.code} has already sent another {reference.kind.label} with reference"
        f" {command.reference!r}.",
        field="reference",
    )


def _in_future(batch: Batch, occurred_at: datetime) -> Refusal | None:
    if occurred_at <= batch.at + CLOCK_SKEW:
        return None
    return Refusal(
        Code.OCCURRED_IN_FUTURE,
        f"{occurred_at.isoformat()} is in the future; check the time and its offset.",
        field="occurred_at",
    )


def _is_closed(batch: Batch, booked_at: datetime) -> bool:
    closed_until = batch.snapshot.closed_until
    return closed_until is not None and booked_at < closed_until
