"""Settlements, periods and statements in the shape of the API's contract. Pure: values in, JSON out."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.amounts import rate_text
from clearing.core.calendar import Period, PeriodState, period_name
from settlement.core.balance import Balance
from settlement.core.liability import worth
from settlement.core.netting import ParticipantLine
from settlement.core.rebates import RebateRow
from settlement.core.statement import split_vat
from settlement.core.without import Changed, Without
from settlement.disputes.sums import Disputed
from settlement.liabilities import NEVER, Liability
from settlement.query import Settlement, StatementHeader
from settlement.references import reference_of


def settlement_json(settlement: Settlement) -> dict[str, Any]:
    """The whole settlement; what the operator sees."""
    netting = settlement.netting
    codes = {HUB: HUB_CODE} | dict(settlement.codes)
    return {
        **_head(settlement),
        "participants": [_line(settlement, line) for line in netting.lines],
        "hub": {
            "fees": netting.hub_fees,
            "rebates": netting.hub_rebates,
            "carried_forward": -netting.carried,
            "net": netting.hub_net,
        },
        "matrix": [
            {
                "debtor": codes[row.debtor_id],
                "creditor": codes[row.creditor_id],
                "kind": row.kind.label,
                "count": row.exchanges,
                "points": row.points,
                "amount": row.amount,
                "fees": row.fees,
            }
            for row in netting.matrix
        ],
        "exchanges": [
            {
                "issuer": codes[row.issuer_id],
                "acceptor": codes[row.acceptor_id],
                "kind": row.kind.label,
                "count": row.exchanges,
                "points": row.points,
                "amount": row.amount,
                "obligation": row.obligation,
                "acceptor_fee": row.acceptor_fee,
                "issuer_fee": row.issuer_fee,
            }
            for row in netting.exchanges
        ],
        "rebates": [
            {"participant": codes[row.payer_id], **rebate_json(row, settlement.period.number)}
            for row in netting.rebates
        ],
        "netting_ratio": str(netting.ratio),
        "checks": {"zero_sum": settlement.zero_sum, "recomputed": settlement.recomputed},
    }


def participant_settlement_json(settlement: Settlement, code: str) -> dict[str, Any] | None:
    """One participant's part: its line, and the rows it is a party of. None if it has no line."""
    whole = settlement_json(settlement)
    line = next((one for one in whole["participants"] if one["code"] == code), None)
    if line is None:
        return None
    return {
        **_head(settlement),
        "participant": line,
        "matrix": [row for row in whole["matrix"] if code in (row["debtor"], row["creditor"])],
        "exchanges": [row for row in whole["exchanges"] if code in (row["issuer"], row["acceptor"])],
        "rebates": [row for row in whole["rebates"] if row["participant"] == code],
        "checks": whole["checks"],
    }


def without_json(settlement: Settlement, found: Without, left_out: int) -> dict[str, Any]:
    """What becomes of everybody else; `net` is that of the one left out."""
    [net] = [line.net for line in settlement.netting.lines if line.participant_id == left_out]
    hub = Changed(HUB, settlement.netting.hub_net, found.netting.hub_net)
    codes = {HUB: HUB_CODE} | dict(settlement.codes)

    def changed(one: Changed) -> dict[str, Any]:
        return {
            "code": codes[one.participant_id],
            "net": one.net,
            "without": one.without,
            "difference": one.difference,
        }

    return {
        "period": settlement.period.name,
        "state": settlement.period.state.value,
        "left_out": codes[left_out],
        "net": net,
        "participants": [changed(one) for one in found.changed],
        "hub": changed(hub),
    }


def rebate_json(row: RebateRow, period: int) -> dict[str, Any]:
    """What one rule's tiers gave back to one payer in the period; whose it is stands around it."""
    return {
        "rule": row.rule_id,
        "kind": row.kind.label,
        "role": "acceptor" if row.as_acceptor else "issuer",
        "volume": row.volume,
        "fees": row.fees,
        "rebate": row.rebate,
        # Of another month than the statement's own it is told; a statement of before stays as it was.
        **({} if row.of_period == period else {"of_period": period_name(row.of_period)}),
    }


def period_json(period: Period, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "period": period.name,
        "starts_at": _time(period.starts_at, zone),
        "ends_at": _time(period.ends_at, zone),
        "state": period.state.value,
        "time_zone": zone.key,
    }


def statement_json(header: StatementHeader) -> dict[str, Any]:
    """A statement without its lines, as it stands in a list and at the head of the document."""
    fees = split_vat(header.fees_less_rebates, header.vat_rate)
    return {
        "id": header.id,
        "number": header.number,
        "period": header.period_name,
        "participant": header.participant_code,
        "name": header.participant_name,
        "registered_name": header.registered_name,
        "address": header.address,
        "tax_number": header.tax_number,
        "hub_name": header.hub_name,
        "hub_address": header.hub_address,
        "hub_tax_number": header.hub_tax_number,
        "starts_at": _time(header.starts_at, header.zone),
        "ends_at": _time(header.ends_at, header.zone),
        "issued_at": _time(header.issued_at, header.zone),
        "currency": header.currency,
        "rule_version": header.rule_version,
        "receivable": header.receivable,
        "payable": header.payable,
        "fees": header.fees,
        "rebates": header.rebates,
        "fees_less_rebates": fees.gross,
        "fees_net": fees.net,
        "fees_vat": fees.vat,
        "vat_rate": rate_text(header.vat_rate),
        "point_value": rate_text(header.point_value),
        "adjustments": header.adjustments,
        "carried_forward": header.carried_forward,
        "net": header.net,
        "due_on": header.due_on.isoformat(),
        "payment_reference": header.payment_reference,
        "opening_balance": header.opening_balance,
        "payments": header.payments,
        "closing_balance": header.closing_balance,
        "dispute_until": header.dispute_until.isoformat(),
    }


def _line(settlement: Settlement, line: ParticipantLine) -> dict[str, Any]:
    """One participant's line. Its state is the period's until the net is settled: approved, nothing left."""
    state = settlement.period.state
    balance = settlement.balances.get(line.participant_id)
    if state is PeriodState.APPROVED and balance is not None and balance.outstanding == 0:
        state = PeriodState.SETTLED
    balance = balance or Balance(line.net)
    return {
        "code": settlement.codes[line.participant_id],
        "receivable": line.receivable,
        "payable": line.payable,
        "fees": line.fees,
        "adjustments": line.adjustments,
        "rebates": line.rebates,
        "carried_forward": line.carried_forward,
        "net": line.net,
        "state": state.value,
        "payment": balance.payment.value,
        "paid": balance.paid,
        "carried_to_next": balance.carried,
        "outstanding": balance.outstanding,
        "payment_reference": reference_of(settlement.period.number, line.participant_id),
        "disputed": _disputed(settlement, line.participant_id),
    }


def _disputed(settlement: Settlement, participant_id: int) -> dict[str, int]:
    pending, amount, fees = settlement.disputed.get(participant_id, Disputed())
    return {"count": pending, "amount": amount, "fees": fees}


def points_json(liability: Liability, point_value: Decimal) -> dict[str, Any]:
    """Points: the roll-forward, what is outstanding by the month in which it ends, and breakage.

    `value` is fen at the point value of the settlement's rulebook, each rounded by itself.
    """
    moved, breakage = liability.movement, liability.breakage
    return {
        "opening": moved.opening,
        "issued": moved.issued,
        "opened": moved.opened,
        "redeemed_own": moved.used_own,
        "redeemed_elsewhere": moved.used_elsewhere,
        "expired": moved.expired,
        "adjusted": moved.adjusted,
        "arrears": moved.arrears,
        "closing": moved.closing,
        "closing_value": worth(moved.closing, point_value),
        "outstanding": [
            {
                "month": _month(one.month),
                "points": one.quantity,
                "value": worth(one.quantity, point_value),
            }
            for one in liability.months
        ],
        "breakage": {
            "expired_value": worth(moved.expired, point_value),
            "given_to_date": breakage.given_to_date,
            "expired_to_date": breakage.expired_to_date,
            "rate_to_date": str(breakage.rate),
        },
    }


def stored_value_json(liability: Liability) -> dict[str, Any]:
    """Stored value in fen: the roll-forward, and what is outstanding by the month in which it ends."""
    moved = liability.movement
    return {
        "opening": moved.opening,
        "loaded": moved.issued,
        "opened": moved.opened,
        "spent_own": moved.used_own,
        "spent_elsewhere": moved.used_elsewhere,
        "expired": moved.expired,
        "closing": moved.closing,
        "outstanding": [{"month": _month(one.month), "amount": one.quantity} for one in liability.months],
    }


def _month(number: int) -> str | None:
    """None for what never ends."""
    return None if number == NEVER else period_name(number)


def _head(settlement: Settlement) -> dict[str, Any]:
    period, zone = settlement.period, settlement.zone

    def time(at: datetime | None) -> str | None:
        return None if at is None else _time(at, zone)

    return {
        **period_json(period, zone),
        "closed_at": time(settlement.closed_at),
        "closed_by": settlement.closed_by,
        "approved_at": time(settlement.approved_at),
        "approved_by": settlement.approved_by,
        "settled_at": time(settlement.settled_at),
        "due_on": None if settlement.due_on is None else settlement.due_on.isoformat(),
        "early": settlement.early,
        "rule_version": settlement.rule_version,
    }


def _time(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat()
