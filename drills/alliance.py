"""The alliance of the drills: three participants with a merchant each, prices, members with cards."""

from typing import NamedTuple

from drills.installation import Installation

PARTICIPANTS = ("JADE", "LOTUS", "PINE")
MEMBERS = 12


class Desk(NamedTuple):
    """A merchant with the key it posts with."""

    merchant: str
    api_key: str


class Alliance(NamedTuple):
    desks: tuple[Desk, ...]
    cards: tuple[str, ...]


def found(installation: Installation, members: int = MEMBERS) -> Alliance:
    """Make it on an empty installation."""
    desks = []
    for code in PARTICIPANTS:
        installation.made("/v1/participants", {"code": code, "name": code.title(), "earn_rate": "1"})
        merchant = f"{code}-1"
        path = f"/v1/participants/{code}/merchants"
        installation.made(path, {"code": merchant, "name": merchant, "category": "hotel"})
        wanted = {"scope": "merchant", "merchant": merchant, "name": "drill"}
        desks.append(Desk(merchant, installation.made("/v1/api-keys", wanted)["key"]))
    for kind, rate in (("visit", "0.01"), ("redemption", "0.02")):
        installation.made("/v1/fee-rules", {"kind": kind, "rate": rate})
    cards = []
    for number in range(members):
        code = PARTICIPANTS[number % len(PARTICIPANTS)]
        card = f"88{number:014d}"
        member = {
            "participant": code,
            "name": f"Member {number}",
            "phone": f"+861380000{number:04d}",
            "card": card,
        }
        installation.made("/v1/members", member)
        cards.append(card)
    return Alliance(tuple(desks), tuple(cards))
