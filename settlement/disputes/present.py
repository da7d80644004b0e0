"""Disputes in the shape of the API's contract, as one of their parties may see them. Pure: values in, JSON
out.

A party sees its own line, its own fees and its own token of the member; the hub sees both sides' money.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.calendar import period_name
from clearing.core.directory import Directory
from clearing.ids import encode, transaction_id
from settlement.close import statement_id
from settlement.core.corrections import Measure, Stake, measure
from settlement.core.disputes import DisputeReason, DisputeStatus, waits_for
from settlement.disputes.query import Followed
from settlement.statement_lines import member_token


def dispute_json(followed: Followed, directory: Directory, viewer_id: int | None) -> dict[str, Any]:
    """`viewer_id`: one of the two parties; None sees both sides (the hub, an auditor)."""
    row, line = followed.dispute, followed.line
    status = DisputeStatus(row.status)
    turn = waits_for(status, row.counterparty_id)
    unit = measure(DisputeReason(row.reason), line.leg)
    merchant_id = line.transaction.merchant_id
    stake = Stake(row.obligation, row.acceptor_fee, row.issuer_fee)
    return {
        "id": encode("dsp", row.id),
        "status": row.status,
        "waits_for": None if turn is None else _code(directory, turn),
        "due_on": row.due_on.isoformat() if status is DisputeStatus.NEEDS_RESPONSE else None,
        "participant": _code(directory, row.opener_id),
        "counterparty": _code(directory, row.counterparty_id),
        "reason": row.reason,
        "late": row.late,
        "period": period_name(row.period),
        **_place(followed, viewer_id),
        "transaction": transaction_id(row.wallet_id, row.transaction_id),
        "transaction_kind": line.transaction.kind.label,
        "kind": line.leg.kind.label,
        "issuer": _code(directory, row.issuer_id),
        "acceptor": _code(directory, row.acceptor_id),
        "merchant": None if merchant_id is None else directory.merchant(merchant_id).code,
        "reference": line.transaction.reference,
        "occurred_at": _time(line.transaction.occurred_at, directory),
        "member": _member(followed),
        "points": row.quantity if unit is Measure.POINTS else None,
        "amount": None if unit is Measure.POINTS else row.quantity,
        "obligation": stake.obligation,
        "fee": _fee(followed, stake, viewer_id),
        "opened_at": _time(row.opened_at, directory),
        "ended_at": None if row.ended_at is None else _time(row.ended_at, directory),
        "ended_by": None if row.ended_by is None else _code(directory, row.ended_by),
        "correction": _correction(followed, viewer_id),
    }


def messages_json(messages: Iterable[Row[Any]], directory: Directory) -> list[dict[str, Any]]:
    """The thread: who said what. By which key it was said, is its participant's own affair."""
    return [
        {
            "at": _time(message.written_at, directory),
            "by": _code(directory, message.party_id),
            "act": message.act,
            "text": message.text,
            "proposes": message.proposes,
        }
        for message in messages
    ]


def _place(followed: Followed, viewer_id: int | None) -> dict[str, Any]:
    """Where the viewer finds the line: on its own statement."""
    row = followed.dispute
    if viewer_id is not None and viewer_id == row.counterparty_id:
        return {"statement": statement_id(row.period, viewer_id), "line": row.counterparty_line}
    return {"statement": row.statement_id, "line": row.line}


def _member(followed: Followed) -> str | None:
    if followed.member_key is None:
        return None
    return member_token(followed.member_key, followed.dispute.wallet_id)


def _correction(followed: Followed, viewer_id: int | None) -> dict[str, Any] | None:
    row = followed.dispute
    if row.correction is None:
        return None
    stake = Stake(row.corrected_obligation, row.corrected_acceptor_fee, row.corrected_issuer_fee)
    return {
        "by": row.correction,
        "obligation": stake.obligation,
        "fee": _fee(followed, stake, viewer_id),
        "transactions": [
            transaction_id(one.wallet_id, one.transaction_id)
            for one in followed.corrections
            if viewer_id is None or one.participant_id in (None, viewer_id)
        ],
    }


def _fee(followed: Followed, stake: Stake, viewer_id: int | None) -> int:
    if viewer_id is None:
        return stake.fee
    return stake.acceptor_fee if followed.dispute.acceptor_id == viewer_id else stake.issuer_fee


def _code(directory: Directory, party_id: int) -> str:
    return HUB_CODE if party_id == HUB else directory.participants[party_id].code


def _time(at: datetime, directory: Directory) -> str:
    return at.astimezone(directory.rulebook.settings.time_zone).isoformat(timespec="milliseconds")
