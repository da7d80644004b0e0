"""Members and their cards in the shapes of the contract."""

from typing import Any

from clearing import ids
from clearing.cards import IssuedCard
from clearing.core.directory import Directory
from clearing.members import Member
from clearing.privacy import masked_name


def member(one: Member, directory: Directory, *, in_clear: bool) -> dict[str, Any]:
    """`in_clear`: with name and phone as they are; otherwise the name is masked and the phone left out."""
    return {
        "id": ids.member_id(one.id),
        "participant": directory.participants[one.participant_id].code,
        "wallet": ids.wallet_id(one.wallet_id),
        "name": one.name if in_clear or one.name is None else masked_name(one.name),
        "phone": one.phone if in_clear else None,
        "tier": one.tier,
        "card": {"number": one.card, "status": one.card_status},
        "enrolled_at": one.enrolled_at.isoformat(),
        "erased_at": one.erased_at.isoformat() if one.erased_at else None,
    }


def card(one: IssuedCard, directory: Directory) -> dict[str, Any]:
    return {
        "number": one.number,
        "status": one.status.value,
        "issuer": directory.participants[one.issuer_id].code,
        "expires_on": one.expires_on.isoformat() if one.expires_on else None,
        "replaced_by": one.replaced_by,
        "replaces": one.replaces,
    }
