"""Whether a card is honoured."""

from datetime import date

from clearing.core.outcomes import Code, Refusal
from clearing.core.snapshot import Card, CardStatus


def not_good(card: Card, on: date, field: str) -> Refusal | None:
    """Why the card is not honoured that day; `field` names it in the input."""
    if card.status is CardStatus.BLOCKED:
        return Refusal(
            Code.CARD_BLOCKED, "This card is blocked; ask the member to contact its issuer.", field
        )
    if card.status is CardStatus.EXPIRED or (card.expires_on is not None and card.expires_on < on):
        return Refusal(Code.CARD_EXPIRED, "This card has expired; ask the member to renew it.", field)
    return None
