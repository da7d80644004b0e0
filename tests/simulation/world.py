"""A random alliance: participants, merchants, fees, limits, members with their cards."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import Engine, insert, select

from clearing.core.commands import Caller, Scope
from clearing.core.rulebook import DrawOrder, ExchangeKind
from clearing.tables import (
    cards,
    directory_versions,
    fee_rules,
    members,
    merchants,
    participants,
    rulebooks,
    wallets,
)
from simulation import dice
from simulation.clock import START, ZONE

CODES = ("JADE", "LOTUS", "PINE", "CEDAR")
OPERATOR = Caller("key_operator", Scope.OPERATOR)
AUDITOR = Caller("key_auditor", Scope.AUDITOR)

Row = dict[str, Any]

_RATES = ["0", "0.006", "0.01", "0.02", "0.025", "0.333"]
_SHARES = ["1", "1", "0", "0.5", "0.3333"]


@dataclass
class World:
    """Rows to be written; participants and merchants are numbered in the order in which they stand here."""

    settings: Row
    participants: list[Row]
    merchants: list[Row]
    fee_rules: list[Row]
    cards: list[Row]
    wallets: list[int] = field(default_factory=list)

    @property
    def features(self) -> str:
        """What is limited in this world, in words."""
        names = ["caps"] if any(one["net_debit_cap"] is not None for one in self.participants) else []
        if self.settings["card_redemptions_per_hour"] is not None:
            names.append("velocity")
        if self.settings["merchant_redemptions_per_hour"] is not None:
            names.append("merchant-velocity")
        if any(one["status"] == "suspended" for one in [*self.participants, *self.merchants]):
            names.append("suspended")
        return "+".join(names) or "plain"

    def caller_at(self, merchant: Row, scope: Scope) -> Caller:
        """Somebody with a key of this scope who may act at this merchant."""
        owner, number = merchant["participant_id"], self.merchants.index(merchant) + 1
        if scope is Scope.PARTICIPANT:
            return Caller(f"key_{owner}", scope, participant_id=owner)
        if scope is Scope.MERCHANT:
            return Caller(f"key_at_{number}", scope, participant_id=owner, merchant_id=number)
        return OPERATOR


def make_world(seed: int, commands: int) -> World:
    """So many members that each has a history worth the name, and workers meet at the same wallets."""
    some = dice(seed, "world")
    people = 6 + commands // 80
    world = World(_settings(some, commands), _participants(some), _merchants(some), _fee_rules(some), [])
    for wallet_id in range(1001, 1001 + people):
        world.wallets.append(wallet_id)
        for issuer_id in some.sample(range(1, len(CODES) + 1), some.choice([1, 1, 2, 3])):
            world.cards.append(_card(some, wallet_id, issuer_id))
    return world


def found(world: World, engine: Engine) -> None:
    """Write the world into a database that has tables and nothing in them."""
    with engine.begin() as connection:
        connection.execute(insert(directory_versions).values(id=1, version=1))
        connection.execute(insert(rulebooks).values(world.settings))
        for row in world.participants:
            connection.execute(insert(participants).values(row))
        for row in world.merchants:
            connection.execute(insert(merchants).values(row))
        connection.execute(insert(fee_rules), world.fee_rules)
        opened = [{"id": id_, "opened_at": START} for id_ in world.wallets]
        connection.execute(insert(wallets), opened)
        enrolled = [
            {
                "id": row["member_id"],
                "wallet_id": row["wallet_id"],
                "participant_id": row["issuer_id"],
                "enrolled_at": START,
            }
            for row in world.cards
        ]
        connection.execute(insert(members), enrolled)
        connection.execute(insert(cards), world.cards)
        numbered = connection.execute(select(participants.c.id).order_by(participants.c.id)).scalars()
        assert list(numbered) == list(range(1, len(CODES) + 1)), "the commands name participants by these ids"


def _settings(some: Random, commands: int) -> Row:
    by_card = some.random() < 0.4
    at_merchant = by_card and some.random() < 0.5
    return {
        "version": 1,
        "made_at": START,
        "made_by": "simulation",
        "time_zone": ZONE.key,
        "currency": "CNY",
        "point_value": Decimal(some.choice(["1", "1", "0.3", "2.5", "1.005"])),
        "reimbursement_rate": Decimal(some.choice(["1", "1", "0.8", "0.333"])),
        "draw_order": some.choice(list(DrawOrder)).value,
        "grace_days": some.choice([0, 1, 30]),
        "vat_rate": Decimal("0.06"),
        "hold_minutes_default": some.choice([60, 60 * 24, 60 * 24 * 10]),
        "hold_minutes_max": 60 * 24 * 30,
        "card_points_per_day": some.choice([400, 2_000]) if by_card else None,
        "card_redemptions_per_hour": some.choice([4, 12]) if by_card else None,
        "merchant_points_per_day": None,
        "merchant_redemptions_per_hour": max(commands // 100, 5) if at_merchant else None,
    }


def _participants(some: Random) -> list[Row]:
    capped = some.choice([0, 0, 1, 2, 4])
    return [
        {
            "code": code,
            "name": code.title(),
            "status": "suspended" if some.random() < 0.03 else "active",
            "earn_rate": Decimal(some.choice(["1", "1.5", "0.37"])),
            "expiry_kind": some.choice(["rolling", "rolling", "fixed", "never"]),
            "expiry_months": some.choice([1, 2, 24]),
            "expiry_month": some.choice([6, 7, 12]),
            "expiry_day": some.choice([15, 31]),
            "conversion_ratio": Decimal(some.choice(["1", "1", "2.5", "0.3"])),
            "stored_value_enabled": some.random() < 0.8,
            "stored_value_permit": "simulated",
            "net_debit_cap": some.choice([2_000, 15_000, 100_000, 3_000_000]) if number < capped else None,
            "admitted_at": START,
        }
        for number, code in enumerate(CODES)
    ]


def _merchants(some: Random) -> list[Row]:
    return [
        {
            "participant_id": participant_id,
            "code": f"{code}-{number}",
            "name": f"{code.title()} {number}",
            "status": "suspended" if some.random() < 0.03 else "active",
            "admitted_at": START,
        }
        for participant_id, code in enumerate(CODES, 1)
        for number in (1, 2)
    ]


def _fee_rules(some: Random) -> list[Row]:
    somebody = [None, None, *range(1, len(CODES) + 1)]
    rules = []
    for kind in ExchangeKind:
        for _ in range(some.randint(1, 4)):
            minimum = some.choice([None, None, some.randint(0, 60)])
            rules.append(
                {
                    "since_version": 1,
                    "kind": int(kind),
                    "issuer_id": some.choice(somebody),
                    "acceptor_id": some.choice(somebody),
                    "acceptor_share": Decimal(some.choice(_SHARES)),
                    "rate": Decimal(some.choice(_RATES)),
                    "flat": some.choice([0, 0, 0, 33]),
                    "minimum": minimum,
                    "maximum": some.choice([None, (minimum or 0) + some.randint(0, 300)]),
                    "valid_from": some.choice([None, None, (START + timedelta(days=40)).date()]),
                }
            )
    return rules


def _card(some: Random, wallet_id: int, issuer_id: int) -> Row:
    until = (START + timedelta(days=some.randint(10, 90))).date() if some.random() < 0.15 else None
    return {
        "number": f"{CODES[issuer_id - 1]}-{wallet_id}",
        "wallet_id": wallet_id,
        "member_id": wallet_id * 10 + issuer_id,
        "issuer_id": issuer_id,
        "status": "blocked" if some.random() < 0.04 else "active",
        "expires_on": until,
        "issued_at": START,
    }
