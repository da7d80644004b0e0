"""Settlements, periods and statements in the shape of the API's contract. Pure: values in, JSON out."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.amounts import rate_text
from clearing.core.calendar import Period, period_name
from settlement.core.liability import worth
from settlement.core.statement import split_vat
from settlement.liabilities import NEVER, Liability
from settlement.query import Settlement, StatementHeader


def settlement_json(settlement: Settlement) -> dict[str, Any]:
    """The whole settlement; what the operator sees."""
    netting = settlement.netting
    codes = {HUB: HUB_CODE} | dict(settlement.codes)
    state = settlement.period.state.value
    return {
        **_head(settlement),
        "participants": [
            {
                "code": codes[line.participant_id],
                "receivable": line.receivable,
                "payable": line.payable,
                "fees": line.fees,
                "net": line.net,
                "state": state,
            }
            for line in netting.lines
        ],
        "hub": {"fees": netting.hub_fees, "net": netting.hub_net},
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
        "checks": whole["checks"],
    }


def period_json(period: Period, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "period": period.name,
        "starts_at": _time(period.starts_at, zone),
        "ends_at": _time(period.ends_at, zone),
        "state": period.state.value,
    }


def statement_json(header: StatementHeader) -> dict[str, Any]:
    """A statement without its lines, as it stands in a list and at the head of the document."""
    fees = split_vat(header.fees, header.vat_rate)
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
        "fees": fees.gross,
        "fees_net": fees.net,
        "fees_vat": fees.vat,
        "vat_rate": rate_text(header.vat_rate),
        "point_value": rate_text(header.point_value),
        "net": header.net,
    }


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
    closed_at = settlement.closed_at
    return {
        **period_json(period, zone),
        "closed_at": _time(closed_at, zone) if closed_at else None,
        "closed_by": settlement.closed_by,
        "early": settlement.early,
        "rule_version": settlement.rule_version,
    }


def _time(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat()
