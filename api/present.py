"""The ledger's values in the shapes of the contract. What a caller may not see is left out here."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from api.auth import own_participant
from clearing import ids
from clearing.card_check import CardCheck
from clearing.core.accounts import HUB, HUB_CODE, Asset
from clearing.core.amounts import multiply_half_up, rate_text
from clearing.core.calendar import period_name
from clearing.core.commands import Caller
from clearing.core.directory import Directory
from clearing.core.holds import Hold
from clearing.core.journal import Booking, Leg, LegKind, LotMovement, TransactionKind
from clearing.core.outcomes import Held, Posted
from clearing.core.redemption import amounts_of
from clearing.core.rulebook import FeeRule
from clearing.core.snapshot import Lot
from clearing.originals import NOTHING_GIVEN_BACK, GivenBack
from clearing.privacy import PersonalData, masked_name, masked_number

EXPIRIES_SHOWN = 3

#: What a quote tells of a hold.
_QUOTED = (
    "kind",
    "status",
    "card",
    "merchant",
    "acceptor",
    "points",
    "amount",
    "currency",
    "expires_at",
    "legs",
)


def transaction(
    booking: Booking,
    directory: Directory,
    caller: Caller,
    given_back: GivenBack = NOTHING_GIVEN_BACK,
    hold: Hold | None = None,
) -> dict[str, Any]:
    """A transaction as this caller may see it: an issuer that is not the acceptor sees its own legs only.

    Without `given_back` it is as it was when it was booked. `hold`: the one that it captured.
    """
    row = booking.transaction
    settings = directory.rulebook.settings
    viewer = own_participant(caller)
    whole = viewer is None or viewer == row.acceptor_id
    legs_seen = [leg for leg in booking.legs if whole or leg.issuer_id == viewer]
    zone = settings.time_zone
    undone = [part for part in given_back.reversed if whole or part.issuer_id == viewer]
    points_undone, amount_undone = sum(one.points for one in undone), sum(one.amount for one in undone)
    return {
        "id": ids.transaction_id(row.wallet_id, row.id),
        "kind": row.kind.label,
        "status": "posted",
        "hold": ids.hold_id(hold.wallet_id, hold.id) if hold else None,
        "card": row.card_number if whole or row.card_number is None else masked_number(row.card_number),
        "merchant": _merchant_code(directory, row.merchant_id),
        "acceptor": party_code(directory, row.acceptor_id),
        "period": period_name(row.period),
        "occurred_at": _time_there(row.occurred_at, zone),
        "booked_at": _time_there(row.booked_at, zone),
        "late": row.late,
        "points": row.points if whole else sum(leg.points for leg in legs_seen),
        "amount": row.amount if whole else sum(leg.amount for leg in legs_seen),
        "currency": settings.currency,
        "reference": row.reference,
        "purpose": row.purpose,
        "metadata": dict(row.metadata or {}) if whole else {},
        # In the unit in which it was given: points of a redemption, fen of all else.
        "reversed": points_undone if row.kind is TransactionKind.REDEMPTION else amount_undone,
        "reversed_points": points_undone,
        "reversed_amount": amount_undone,
        "reverses": None
        if row.original_id is None
        else ids.transaction_id(
            row.wallet_id if row.original_wallet_id is None else row.original_wallet_id, row.original_id
        ),
        "reverses_period": None if row.original_period is None else period_name(row.original_period),
        "legs": [_leg(leg, booking, directory, given_back) for leg in legs_seen],
    }


def held(hold: Hold, directory: Directory) -> dict[str, Any]:
    """The transaction that a hold is to become. Nothing is owed or charged for it before it is captured."""
    zone = directory.rulebook.settings.time_zone
    quantities: dict[int, int] = {}
    for draw in hold.draws:
        quantities[draw.issuer_id] = quantities.get(draw.issuer_id, 0) + draw.quantity
    # As its legs would be if all of it were captured.
    in_points = hold.asset is Asset.POINTS
    point_value = directory.rulebook.settings.point_value if in_points else Decimal(1)
    amounts = amounts_of(quantities, point_value, hold.amount)
    return {
        "id": ids.transaction_id(hold.wallet_id, hold.id),
        "kind": hold.kind.label,
        "status": hold.status.value,
        "hold": ids.hold_id(hold.wallet_id, hold.id),
        "card": hold.card_number,
        "merchant": directory.merchant(hold.merchant_id).code,
        "acceptor": directory.participants[hold.acceptor_id].code,
        "period": None,
        "occurred_at": time_text(hold.placed_at.astimezone(zone)),
        "booked_at": None,
        "late": False,
        "points": hold.points,
        "amount": hold.amount,
        "currency": directory.rulebook.settings.currency,
        "reference": hold.reference,
        "purpose": hold.purpose,
        "metadata": dict(hold.metadata or {}),
        "reversed": 0,
        "reversed_points": 0,
        "reversed_amount": 0,
        "reverses": None,
        "reverses_period": None,
        "legs": [_held_leg(hold, issuer_id, amount, directory) for issuer_id, amount in amounts.items()],
        "expires_at": time_text(hold.expires_at.astimezone(zone)),
    }


def _held_leg(hold: Hold, issuer_id: int, amount: int, directory: Directory) -> dict[str, Any]:
    draws = [draw for draw in hold.draws if draw.issuer_id == issuer_id]
    quantity = sum(draw.quantity for draw in draws)
    in_points = hold.asset is Asset.POINTS
    return {
        "kind": hold.kind.label,
        "issuer": directory.participants[issuer_id].code,
        "points": quantity if in_points else 0,
        "amount": amount,
        "cross_system": issuer_id != hold.acceptor_id,
        "obligation": 0,
        "fee": 0,
        "fee_payer": None,
        "fee_shares": {},
        "reason": "held",
        "corrected": None,
        "rule_version": hold.rule_version,
        "draws": [
            {
                "lot": ids.lot_id(hold.wallet_id, draw.lot_id),
                "points" if in_points else "amount": draw.quantity,
            }
            for draw in draws
        ],
        "issues": [],
    }


def hold(one: Hold, directory: Directory, at: datetime) -> dict[str, Any]:
    """A hold as it stands at that time."""
    zone = directory.rulebook.settings.time_zone
    return {
        "id": ids.hold_id(one.wallet_id, one.id),
        "kind": one.kind.label,
        "status": one.status_at(at).value,
        "card": one.card_number,
        "merchant": directory.merchant(one.merchant_id).code,
        "acceptor": directory.participants[one.acceptor_id].code,
        "points": one.points,
        "amount": one.amount,
        "currency": directory.rulebook.settings.currency,
        "captured": one.captured,
        "placed_at": time_text(one.placed_at.astimezone(zone)),
        "expires_at": time_text(one.expires_at.astimezone(zone)),
        "reference": one.reference,
        "purpose": one.purpose,
        "metadata": dict(one.metadata or {}),
        "transaction": ids.transaction_id(one.wallet_id, one.id),
    }


def quote(outcome: Posted | Held, directory: Directory) -> dict[str, Any]:
    """What an act would book; or, of a hold, what would be set aside or released, which costs nothing."""
    if isinstance(outcome, Held):
        shown = held(outcome.hold, directory)
        return {name: shown[name] for name in _QUOTED} | {"obligation": 0, "fee": 0}
    booking, row = outcome.booking, outcome.booking.transaction
    return {
        "kind": row.kind.label,
        "status": "posted",
        "card": row.card_number,
        "merchant": _merchant_code(directory, row.merchant_id),
        "acceptor": party_code(directory, row.acceptor_id),
        "points": row.points,
        "amount": row.amount,
        "currency": directory.rulebook.settings.currency,
        "obligation": sum(leg.obligation for leg in booking.legs),
        "fee": sum(leg.fee for leg in booking.legs),
        "expires_at": None,
        "legs": [_leg(leg, booking, directory) for leg in booking.legs],
    }


def _leg(
    leg: Leg, booking: Booking, directory: Directory, given_back: GivenBack = NOTHING_GIVEN_BACK
) -> dict[str, Any]:
    row = booking.transaction
    issuer, acceptor = (party_code(directory, one) for one in (leg.issuer_id, leg.acceptor_id))
    shares = {acceptor: leg.acceptor_fee, issuer: leg.issuer_fee} if leg.cross_system else {}
    payers = [code for code, fee in shares.items() if fee]
    unit = "amount" if row.points == 0 else "points"
    of_issuer = [one for one in booking.movements if one.issuer_id == leg.issuer_id]
    return {
        "kind": leg.kind.label,
        "issuer": issuer,
        "points": leg.points,
        "amount": leg.amount,
        "cross_system": leg.cross_system,
        "obligation": leg.obligation,
        "fee": leg.fee,
        "fee_payer": payers[0] if len(payers) == 1 else "split" if payers else None,
        "fee_shares": {code: fee for code, fee in shares.items() if fee},
        "reason": leg.reason.label,
        "corrected": _corrected(leg, given_back),
        "rule_version": row.rule_version,
        "draws": [_movement(row.wallet_id, one, unit) for one in of_issuer if not one.credit],
        "issues": [_movement(row.wallet_id, one, unit) for one in of_issuer if one.credit],
    }


def _corrected(leg: Leg, given_back: GivenBack) -> dict[str, int] | None:
    """What disputes have given back of a leg in money; None for nothing."""
    found = [one for one in given_back.corrected if one.leg_number == leg.number]
    if not found:
        return None
    quantity = sum(one.quantity for one in found)
    in_points = leg.kind is LegKind.REDEMPTION
    return {
        "points": quantity if in_points else 0,
        "amount": abs(sum(one.amount for one in found)),
        "obligation": sum(one.obligation for one in found),
        "fee": sum(one.fee for one in found),
    }


def _movement(wallet_id: int, movement: LotMovement, unit: str) -> dict[str, Any]:
    return {
        "lot": ids.lot_id(wallet_id, movement.lot_id),
        "expires_on": _date(movement.expires_on),
        unit: movement.quantity,
    }


def _merchant_code(directory: Directory, merchant_id: int | None) -> str | None:
    if merchant_id is None:
        return None
    return directory.merchant(merchant_id).code


def unknown_card(number: str) -> dict[str, Any]:
    return {"number": masked_number(number), "status": "unknown"}


def card_check(check: CardCheck, acceptor_id: int, personal_data: PersonalData) -> dict[str, Any]:
    directory = check.directory
    settings = directory.rulebook.settings
    issuer = directory.participants[check.card.issuer_id]
    available = sum(lot.available for lot in check.lots)
    name = personal_data.decrypt("name", check.name_cipher) if check.name_cipher is not None else ""
    return {
        "number": masked_number(check.card.number),
        "status": check.status.value,
        "holder": masked_name(name),
        "issuer": {"code": issuer.code, "name": issuer.name},
        "cross_system": issuer.id != acceptor_id,
        "tier": check.tier._asdict(),
        "benefits": check.benefits,
        "points": {
            "available": available,
            "held": check.held,
            "value": multiply_half_up(available, settings.point_value),
            "expiring": _expiring(check.lots),
        },
        "lots": [
            {
                "issuer": directory.participants[lot.issuer_id].code,
                "points": lot.available,
                "expires_on": _date(lot.expires_on),
                "cross_system": lot.issuer_id != acceptor_id,
            }
            for lot in check.lots
        ],
        "stored_value": [
            {
                "issuer": directory.participants[one.issuer_id].code,
                "available": one.available,
                "usable_here": one.usable_here,
            }
            for one in check.stored_value
        ],
        "fee_preview": check.fee_preview,
        "currency": settings.currency,
    }


def _expiring(lots: list[Lot]) -> list[dict[str, Any]]:
    """The next dates on which points end, with how many."""
    points: dict[str, int] = {}
    for lot in lots:
        if lot.expires_on is not None:
            points[lot.expires_on.isoformat()] = points.get(lot.expires_on.isoformat(), 0) + lot.available
    return [{"points": points[day], "expires_on": day} for day in sorted(points)[:EXPIRIES_SHOWN]]


def lot(one: Lot, directory: Directory) -> dict[str, Any]:
    return {
        "id": ids.lot_id(one.wallet_id, one.id),
        "issuer": directory.participants[one.issuer_id].code,
        "asset": one.asset.label,
        "expires_on": _date(one.expires_on),
        "available": one.available,
        "held": one.held,
    }


def balances(wallet_lots: list[Lot], directory: Directory) -> dict[str, Any]:
    """What the lots add up to: points pooled, stored value pooled."""
    points = sum(one.available for one in wallet_lots if one.asset is Asset.POINTS)
    return {
        "points": {
            "available": points,
            "held": sum(one.held for one in wallet_lots if one.asset is Asset.POINTS),
            "value": multiply_half_up(points, directory.rulebook.settings.point_value),
        },
        "stored_value": {
            "available": sum(one.available for one in wallet_lots if one.asset is Asset.STORED_VALUE),
            "held": sum(one.held for one in wallet_lots if one.asset is Asset.STORED_VALUE),
        },
        "currency": directory.rulebook.settings.currency,
    }


def fee_rule(rule: FeeRule, version: int, directory: Directory) -> dict[str, Any]:
    def code(participant_id: int | None) -> str | None:
        return None if participant_id is None else directory.participants[participant_id].code

    share = rule.acceptor_share
    payer: str | Mapping[str, str]
    if share in (0, 1):
        payer = "acceptor" if share else "issuer"
    else:
        payer = {"acceptor": rate_text(share), "issuer": rate_text(1 - share)}
    return {
        "id": rule.id,
        "kind": rule.kind.label,
        "issuer": code(rule.issuer),
        "acceptor": code(rule.acceptor),
        "payer": payer,
        "rate": rate_text(rule.rate),
        "flat": rule.flat,
        "min": rule.minimum,
        "max": rule.maximum,
        "tiers": [{"above": tier.above, "rate": rate_text(tier.rate)} for tier in rule.tiers],
        "valid_from": _date(rule.valid_from),
        "since_version": version,
    }


def participant_code(directory: Directory, participant_id: int | None) -> str | None:
    return None if participant_id is None else party_code(directory, participant_id)


def party_code(directory: Directory, participant_id: int) -> str:
    """Of a participant, or of the hub."""
    return HUB_CODE if participant_id == HUB else directory.participants[participant_id].code


def time_text(instant: datetime) -> str:
    """RFC 3339 with offset and milliseconds."""
    return instant.isoformat(timespec="milliseconds")


@lru_cache(maxsize=1024)
def _time_there(instant: datetime, zone: ZoneInfo) -> str:
    # All that was posted together was booked at one instant.
    return time_text(instant.astimezone(zone))


def _date(day: Any) -> str | None:
    return None if day is None else day.isoformat()
