"""Whether the limits let a plan pass, given all that the batch has done before."""

from clearing.core.batch import Batch
from clearing.core.commands import Command, Redemption
from clearing.core.events import EventType
from clearing.core.journal import TransactionKind
from clearing.core.limits import Owing, UsageKey, UsageOf, growth_of
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Plan, Setting

UNLIMITED = frozenset({TransactionKind.REVERSAL, TransactionKind.ADJUSTMENT})


def check(batch: Batch, command: Command, setting: Setting, plan: Plan) -> Refusal | None:
    """History is not limited, nor is what undoes something, nor what two people have agreed on."""
    if command.historical or plan.kind in UNLIMITED:
        return None
    if isinstance(command, Redemption):
        refusal = _velocity(batch, setting, plan.points)
        if refusal:
            return refusal
    return _caps(batch, setting, plan) if batch.snapshot.caps else None


def count(batch: Batch, command: Command, setting: Setting, plan: Plan) -> None:
    """Count what nothing refuses any more, for the commands after it in the batch."""
    if isinstance(command, Redemption):
        batch.use(usage_keys(setting), plan.points)


def warn(batch: Batch) -> None:
    """Tell those whose debit has crossed a line of their cap."""
    for participant_id, cap in sorted(batch.snapshot.caps.items()):
        debit = cap.debit + batch.debit_growth(participant_id)
        line = cap.line_at(debit)
        if line == cap.line:
            continue
        batch.decision.cap_lines[participant_id] = line
        if line > cap.line:
            data = {"line": line, "net_debit_cap": cap.limit, "net_debit": debit}
            batch.tell(EventType.CAP_WARNING, participant_id, data)


def usage_keys(setting: Setting) -> list[UsageKey]:
    """Whose usage a redemption in this setting counts to."""
    keys = []
    if setting.card_number is not None:
        keys.append(UsageKey(UsageOf.CARD, setting.card_number))
    if setting.merchant is not None:
        keys.append(UsageKey(UsageOf.MERCHANT, str(setting.merchant.id)))
    return keys


def _velocity(batch: Batch, setting: Setting, points: int) -> Refusal | None:
    settings = batch.snapshot.directory.rulebook.settings
    if not settings.limits_velocity:
        return None
    limits = {
        UsageOf.CARD: ("With this card", settings.card_points_per_day, settings.card_redemptions_per_hour),
        UsageOf.MERCHANT: (
            "At this merchant",
            settings.merchant_points_per_day,
            settings.merchant_redemptions_per_hour,
        ),
    }
    for key in usage_keys(setting):
        where, per_day, per_hour = limits[key.of]
        usage = batch.usage(key)
        if per_day is not None and usage.points_today + points > per_day:
            left = max(per_day - usage.points_today, 0)
            return Refusal(
                Code.VELOCITY_LIMIT, f"{where} {left} more points can be used today; the limit is {per_day}."
            )
        if per_hour is not None and usage.redemptions_this_hour >= per_hour:
            return Refusal(
                Code.VELOCITY_LIMIT,
                f"{where} points were used {per_hour} times within an hour, which is the limit; try later.",
            )
    return None


def _caps(batch: Batch, setting: Setting, plan: Plan) -> Refusal | None:
    directory = batch.snapshot.directory
    for participant_id, growth in sorted(_growth(setting, plan).items()):
        cap = batch.snapshot.caps.get(participant_id)
        if cap is None or growth <= 0:
            continue
        before = batch.debit_growth(participant_id)
        if not cap.alone and not cap.is_far(before, growth):
            batch.contended.add(participant_id)
        elif not cap.allows(before, growth):
            return Refusal(
                Code.NET_DEBIT_CAP,
                f"{directory.participants[participant_id].code} has reached the limit of what it may owe;"
                " take less, or another means of payment.",
            )
    return None


def _growth(setting: Setting, plan: Plan) -> dict[int, int]:
    acceptor_id = setting.acceptor_id
    return growth_of(
        Owing(leg.kind, leg.issuer_id, acceptor_id, leg.obligation, leg.fee.acceptor, leg.fee.issuer)
        for leg in plan.legs
        if leg.issuer_id != acceptor_id
    )
