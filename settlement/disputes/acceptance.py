"""Accepting a dispute: the decision and its correction in one transaction, so that there is never one of the
two without the other.

What is to be corrected is worked out first; then the posting is prepared, and before it commits the dispute
is locked and looked at again. Whatever has moved meanwhile makes it begin anew.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from clearing.adjustments import HUB_WALLET
from clearing.beside import Beside, nothing
from clearing.core.accounts import HUB
from clearing.core.commands import Caller, Command, MoneyAdjustment, Reversal, Scope
from clearing.core.outcomes import Code, Outcome, Posted, Refusal
from clearing.core.reversal import REVERSIBLE
from clearing.idempotency import key_hash, request_hash
from clearing.ids import encode, transaction_id
from clearing.money_corrections import MoneyCorrection, write_correction
from clearing.tables import wallets
from clearing.writer import Writer
from settlement.core.corrections import (
    NOTHING,
    Measure,
    Move,
    Stake,
    amount_of,
    disputable,
    measure,
    moves,
    stake_of,
)
from settlement.core.disputes import Act, DisputeReason
from settlement.disputes.acts import end_dispute, lock_dispute, next_status
from settlement.disputes.lines import Line, LineKey, is_corrected_in_money, read_left, read_line, read_prices
from settlement.disputes.refusals import Actor, DisputeRefusal, unknown
from settlement.tables import dispute_corrections, disputes

ATTEMPTS_MAX = 8


class Instrument(StrEnum):
    """By what a line is corrected. `money`: between the parties, and points stay where they are.
    `reversal`: the transaction is undone, and the member has the points or the value again.
    """

    MONEY = "money"
    REVERSAL = "reversal"
    NONE = "none"  # nothing was left to be corrected


class Judgement(NamedTuple):
    """Who accepts, by what instrument, and what is said about it."""

    actor: Actor
    caller: Caller
    instrument: Instrument = Instrument.MONEY
    text: str | None = None


class _Planned(NamedTuple):
    """What accepting would write: the dispute as it was found, how much of the line (`amount`: in fen of the
    line's own amount), and the commands.
    """

    dispute: Row[Any]
    line: Line
    quantity: int
    amount: int
    stake: Stake
    moves: Sequence[Move]
    commands: Sequence[Command]
    instrument: Instrument


class _Moved(Exception):
    """Somebody else was faster: nothing has been written."""


class _Refused(Exception):
    """The ledger refuses the correction, so the dispute is not accepted either: nothing has been written."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def accept(
    writer: Writer, id_: int, judgement: Judgement, beside: Beside = nothing
) -> Row[Any] | DisputeRefusal:
    """Accept the dispute and book its correction in the open period, with what the caller writes `beside`;
    the dispute afterwards.

    Has transactions of its own. May be repeated: an accepted dispute is answered as it is.
    """
    for _ in range(ATTEMPTS_MAX):
        planned = writer.transact(partial(_plan, id_=id_, judgement=judgement))
        if not isinstance(planned, _Planned):
            return planned
        try:
            return _carry_out(writer, planned, judgement, beside)
        except _Moved:
            continue
        except _Refused as refused:
            return DisputeRefusal(*refused.refusal)
    raise RuntimeError(f"the dispute moved on {ATTEMPTS_MAX} times while it was being accepted")


def _plan(connection: Connection, id_: int, judgement: Judgement) -> _Planned | Row[Any] | DisputeRefusal:
    row = lock_dispute(connection, id_, judgement.actor)
    if row is None:
        return unknown()
    status = next_status(connection, row, Act.ACCEPT, judgement.actor)
    if isinstance(status, DisputeRefusal):
        return status
    if status == row.status:
        return row
    line = read_line(connection, LineKey(row.wallet_id, row.transaction_id, row.leg_number))
    refusal = _not_by(connection, judgement, row, line)
    if refusal is not None:
        return refusal
    quantity, _, stake = corrected = _corrected(connection, row, line)
    found = moves(line.leg, stake)
    if not found:
        return _Planned(row, line, *corrected, (), (), Instrument.NONE)
    if judgement.instrument is Instrument.REVERSAL:
        reversal = _reversal(row, line, quantity, judgement.caller)
        return _Planned(row, line, *corrected, (), [reversal], Instrument.REVERSAL)
    commands = [_adjustment(row, line, move, judgement.caller) for move in found]
    return _Planned(row, line, *corrected, found, commands, Instrument.MONEY)


def _not_by(
    connection: Connection, judgement: Judgement, dispute: Row[Any], line: Line
) -> DisputeRefusal | None:
    """Why the line cannot be corrected by a reversal, or not by this caller's."""
    if judgement.instrument is not Instrument.REVERSAL:
        return None
    if not _is_reversible(dispute, line) or is_corrected_in_money(connection, line):
        return DisputeRefusal(
            Code.NOT_REVERSIBLE, "This line can be corrected in money only; leave `by` out.", "by"
        )
    caller = judgement.caller
    may = caller.scope is Scope.OPERATOR or (
        caller.scope is Scope.PARTICIPANT and caller.participant_id == line.leg.acceptor_id
    )
    if may:
        return None
    return DisputeRefusal(
        Code.FORBIDDEN,
        "Only the acceptor's own key of scope participant, or the operator, can reverse it; leave `by` out to"
        " correct it in money.",
        "by",
    )


def _corrected(connection: Connection, dispute: Row[Any], line: Line) -> tuple[int, int, Stake]:
    """What of the claim is still there to be taken back, the fen of the line's amount in it, and the money
    that goes with it.
    """
    measured = measure(DisputeReason(dispute.reason), line.leg)
    left = read_left(connection, line)
    quantity = min(dispute.quantity, disputable(line.leg, measured, left, dispute.opener_id))
    if not quantity:
        return 0, 0, NOTHING
    prices = read_prices(connection, line)
    stake = stake_of(line.leg, prices, left, quantity, measured, dispute.opener_id)
    if measured is Measure.FEE:
        return 0, 0, stake  # fen of a fee are no part of the line's own quantity
    return quantity, amount_of(line.leg, prices, left, quantity), stake


def _is_reversible(dispute: Row[Any], line: Line) -> bool:
    """A reversal undoes what was drawn last, whoever issued it, so it fits where there is one leg only."""
    return (
        line.alone
        and line.transaction.kind in REVERSIBLE
        and line.leg.obligation != 0
        and dispute.reason != DisputeReason.WRONG_FEE
    )


def _carry_out(writer: Writer, planned: _Planned, judgement: Judgement, beside: Beside) -> Row[Any]:
    """Raises _Moved or _Refused, and nothing is written."""
    ended: list[Row[Any]] = []

    def finish(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        ended[:] = [_finish(connection, planned, judgement, outcomes)]
        beside(connection)

    if planned.commands:
        writer.post(planned.commands, alongside=finish)
    else:
        writer.transact(lambda connection: finish(connection, ()))
    return ended[0]


def _finish(
    connection: Connection, planned: _Planned, judgement: Judgement, outcomes: Sequence[Outcome]
) -> Row[Any]:
    """The last of the posting's transaction: is it all as it was found? Then write the decision."""
    dispute = planned.dispute
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            raise _Refused(outcome)
    _lock_line(connection, dispute)
    if lock_dispute(connection, dispute.id, judgement.actor) != dispute:
        raise _Moved
    if planned.instrument is Instrument.REVERSAL:
        # How much is left to be reversed was the ledger's to judge.
        is_as_found = not is_corrected_in_money(connection, planned.line)
        stake = _reversed(outcomes)
    else:
        found = (planned.quantity, planned.amount, planned.stake)
        is_as_found = _corrected(connection, dispute, planned.line) == found
        stake = planned.stake
    if not is_as_found:
        raise _Moved
    row = end_dispute(
        connection,
        dispute.id,
        Act.ACCEPT,
        judgement.actor,
        judgement.text,
        {
            "correction": planned.instrument,
            "corrected_quantity": planned.quantity,
            **{f"corrected_{name}": value for name, value in stake._asdict().items()},
        },
    )
    _write_corrections(connection, planned, outcomes)
    if planned.instrument is Instrument.MONEY:
        _note(connection, planned, outcomes)
    return row


def _note(connection: Connection, planned: _Planned, outcomes: Sequence[Outcome]) -> None:
    """Let the ledger know what a reversal of the line cannot give back any more."""
    outcome, leg, stake = outcomes[0], planned.line.leg, planned.stake
    assert isinstance(outcome, Posted), "neither refused nor, as the dispute was pending, replayed"
    write_correction(
        connection,
        MoneyCorrection(
            transaction_id=leg.transaction_id,
            leg_number=leg.number,
            wallet_id=leg.wallet_id,
            correction_id=planned.dispute.id,
            leg_period=leg.period,
            of_period=planned.line.transaction.original_period or leg.period,
            fee_rule_id=leg.fee_rule_id,
            period=outcome.booking.transaction.period,
            quantity=planned.quantity,
            amount=planned.amount,
            obligation=stake.obligation,
            acceptor_fee=stake.acceptor_fee,
            issuer_fee=stake.issuer_fee,
        ),
    )


def _reversed(outcomes: Sequence[Outcome]) -> Stake:
    """What the reversal has taken back, with the line's signs."""
    (outcome,) = outcomes
    assert isinstance(outcome, Posted), "neither refused nor, as the dispute was pending, replayed"
    (leg,) = outcome.booking.legs
    return Stake(-leg.obligation, -leg.acceptor_fee, -leg.issuer_fee)


def _lock_line(connection: Connection, dispute: Row[Any]) -> None:
    """Keep away reversals of the line, by its wallet, and the other disputes about it.

    The posting has locked the hub's wallet before, and wallets are locked in the order of their ids.
    """
    wallet = select(wallets.c.id).where(wallets.c.id == dispute.wallet_id)
    connection.execute(wallet.with_for_update(key_share=True))
    of_line = select(disputes.c.id).where(
        disputes.c.wallet_id == dispute.wallet_id, disputes.c.transaction_id == dispute.transaction_id
    )
    connection.execute(of_line.order_by(disputes.c.id).with_for_update())


def _write_corrections(connection: Connection, planned: _Planned, outcomes: Sequence[Outcome]) -> None:
    rows = []
    for number, outcome in enumerate(outcomes, 1):
        assert isinstance(outcome, Posted), "neither refused nor, as the dispute was pending, replayed"
        booked = outcome.booking.transaction
        move = planned.moves[number - 1] if planned.moves else None
        ends = {move.debtor_id, move.creditor_id} if move else set()
        rows.append(
            {
                "dispute_id": planned.dispute.id,
                "number": number,
                "period": booked.period,
                "wallet_id": booked.wallet_id,
                "transaction_id": booked.id,
                "participant_id": max(ends) if HUB in ends else None,
            }
        )
    if rows:
        connection.execute(insert(dispute_corrections), rows)


def _adjustment(dispute: Row[Any], line: Line, move: Move, caller: Caller) -> MoneyAdjustment:
    return MoneyAdjustment(
        **_common(dispute, line, move.part, caller),
        # The acceptor's own number, so that the correction is known by it; an adjustment takes none itself.
        reference=line.transaction.reference,
        wallet_id=HUB_WALLET,
        debtor_id=move.debtor_id,
        creditor_id=move.creditor_id,
        amount=move.amount,
    )


def _reversal(dispute: Row[Any], line: Line, quantity: int, caller: Caller) -> Reversal:
    in_points = measure(DisputeReason(dispute.reason), line.leg) is Measure.POINTS
    return Reversal(
        **_common(dispute, line, "reversal", caller),
        wallet_id=dispute.wallet_id,
        transaction_id=dispute.transaction_id,
        points=quantity if in_points else None,
        amount=None if in_points else quantity,
    )


def _common(dispute: Row[Any], line: Line, part: str, caller: Caller) -> dict[str, Any]:
    """Of every correction: the key is made from the dispute's id, so that it can be posted once only."""
    name = encode("dsp", dispute.id)
    return {
        "key": key_hash("disputes", f"{dispute.id} {part}"),
        "request_hash": request_hash("dispute", {"id": dispute.id, "part": part}),
        "caller": caller,
        # As a matter of the closed period, it is flagged as late.
        "occurred_at": line.transaction.occurred_at,
        "reason": f"dispute {name}: {dispute.reason}",
        "metadata": {
            "dispute": name,
            "transaction": transaction_id(dispute.wallet_id, dispute.transaction_id),
        },
    }
