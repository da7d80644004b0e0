"""Who takes part in the sample alliance. Names are put together by chance and belong to nobody."""

from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing import alliance
from clearing.core.rulebook import ExchangeKind, FeeRule

MADE_BY = "sample"
MEMBERS = 60

#: No carrier gives out numbers with this prefix, so nobody's telephone rings.
PHONE_PREFIX = "1540000"

PARTICIPANTS: list[dict[str, Any]] = [
    {
        "code": "JADE",
        "name": "翠玉酒店集团 Jade Hotels",
        "earn_rate": Decimal(1),
        "tiers": ["Silver", "Gold", "Platinum"],
        "stored_value_enabled": True,
        "stored_value_permit": "SAMPLE-PERMIT-0001 (an invented reference)",
    },
    {
        "code": "LOTUS",
        "name": "清莲酒店集团 Lotus Hotels",
        "earn_rate": Decimal("1.5"),
        "expiry_months": 18,
        "tiers": ["Leaf", "Bud", "Blossom"],
    },
    {
        "code": "PINE",
        "name": "松风百货 Pine Stores",
        "earn_rate": Decimal("0.5"),
        "expiry_months": 12,
        "tiers": ["Green", "Evergreen", "Summit"],
    },
]

HOTEL_BENEFITS = (["欢迎饮料 Welcome drink"], ["延迟退房 Late check-out"], ["房型升级 Room upgrade"])
SHOP_BENEFITS = (["免费停车 Free parking"], ["九五折 5 % off"], ["贵宾室 Members' lounge"])

#: Code, name and category by participant.
MERCHANTS = {
    "JADE": [("JADE-SH", "翠玉酒店 上海", "hotel"), ("JADE-HZ", "翠玉酒店 杭州", "hotel")],
    "LOTUS": [("LOTUS-HZ", "清莲酒店 杭州", "hotel"), ("LOTUS-SZ", "清莲酒店 苏州", "hotel")],
    "PINE": [("PINE-SH", "松风百货 上海", "shop"), ("PINE-NJ", "松风百货 南京", "shop")],
}

#: Kind, rate and the acceptor's share of the fee.
FEES = [
    (ExchangeKind.VISIT, Decimal("0.01"), Decimal(1)),
    (ExchangeKind.REDEMPTION, Decimal("0.02"), Decimal(1)),
    (ExchangeKind.SPEND, Decimal("0.006"), Decimal(1)),
    (ExchangeKind.LOAD, Decimal("0.005"), Decimal(0)),
]

FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN_NAMES = ["子涵", "雨桐", "浩然", "思远", "欣怡", "佳宁", "明哲", "若曦", "俊杰", "梦瑶", "志强", "晓峰"]


class Person(NamedTuple):
    participant: str
    card: str
    name: str
    phone: str
    tier: str


#: Wang of the worked example: the visitor whose card the greeting shows.
VISITOR = Person("JADE", "8801000000000001", "王小明", f"{PHONE_PREFIX}0001", "Gold")


def people(random: Random) -> list[Person]:
    """The visitor first, then the others, of each participant in turn."""
    found = [VISITOR]
    for number in range(2, MEMBERS + 1):
        place = number % len(PARTICIPANTS)
        found.append(
            Person(
                PARTICIPANTS[place]["code"],
                f"880{place + 1}{number:012d}",
                random.choice(FAMILY_NAMES) + random.choice(GIVEN_NAMES),
                f"{PHONE_PREFIX}{number:04d}",
                random.choices(PARTICIPANTS[place]["tiers"], weights=(6, 3, 1))[0],
            )
        )
    return found


def admit(connection: Connection) -> None:
    """Participants, merchants and fee rules, in the caller's transaction."""
    for values in PARTICIPANTS:
        participant = alliance.admit_participant(connection, values)
        assert participant is not None, "the alliance was empty"
        for code, name, category in MERCHANTS[values["code"]]:
            given = HOTEL_BENEFITS if category == "hotel" else SHOP_BENEFITS
            # A tier gets what the tiers below it get, too.
            benefits = {
                tier: [one for level in given[: place + 1] for one in level]
                for place, tier in enumerate(values["tiers"])
            }
            alliance.admit_merchant(
                connection,
                participant.id,
                {"code": code, "name": name, "category": category, "benefits": benefits},
            )
    for kind, rate, share in FEES:
        rule = FeeRule(0, kind, None, None, share, rate, 0, None, None, None)
        alliance.add_fee_rule(connection, rule, MADE_BY)
