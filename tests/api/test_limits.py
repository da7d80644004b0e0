"""Limits through the API: how fast points are used, how much a participant may owe, and what is told."""

from typing import Any

from sqlalchemy import text

from clearing.upkeep import lapse_holds, remind
from clearing.writer import Writer
from support.alliance import CHEN, WANG, Alliance
from support.api import Caller, code, detail, good


def redeem(desk: Caller, points: int, card: str = WANG, merchant: str = "LOTUS-1", **more: Any) -> Any:
    return desk.post("/v1/redemptions", {"card": card, "merchant": merchant, "points": points, **more})


def test_a_card_is_limited_in_points_a_day_over_all_merchants(alliance: Alliance) -> None:
    good(alliance.operator.put("/v1/alliance", {"card_points_per_day": 1000}))
    lotus, pine = alliance.merchant("LOTUS-1"), alliance.merchant("PINE-1")
    good(redeem(lotus, 600))
    held = good(redeem(pine, 300, merchant="PINE-1", capture=False))
    refused = redeem(lotus, 101)
    assert (code(refused), "100 more points" in detail(refused)) == ("velocity_limit", True)
    good(redeem(lotus, 100))
    assert code(redeem(pine, 1, merchant="PINE-1")) == "velocity_limit"
    good(pine.post(f"/v1/holds/{held['hold']}/void"))
    good(redeem(lotus, 300))
    quote = {"kind": "redemption", "card": WANG, "merchant": "LOTUS-1", "points": 1}
    assert code(lotus.post("/v1/quotes", quote)) == "velocity_limit"
    good(alliance.operator.put("/v1/alliance", {"card_points_per_day": None}))
    good(redeem(lotus, 1000))


def test_redemptions_an_hour_are_limited_with_a_card_and_at_a_merchant(alliance: Alliance) -> None:
    alliance.open_points(CHEN, "PINE", 1000)
    limits = {"card_redemptions_per_hour": 2, "merchant_redemptions_per_hour": 3}
    good(alliance.operator.put("/v1/alliance", limits))
    desk = alliance.merchant("LOTUS-1")
    for _ in range(2):
        good(redeem(desk, 10))
    assert "With this card" in detail(redeem(desk, 10))
    good(redeem(desk, 10, CHEN))
    assert "At this merchant" in detail(redeem(desk, 10, CHEN))
    good(redeem(alliance.merchant("LOTUS-2"), 10, CHEN, "LOTUS-2"))
    with alliance.services.engine.begin() as connection:
        # Ids tell when something was begun: put everything back by two hours.
        shift = "id = id - 2 * 3600 * 1000 * 4096::bigint * 1024"
        connection.execute(text(f"UPDATE transactions SET {shift}"))
    good(redeem(desk, 10))


def test_a_cap_is_set_shown_to_whom_it_concerns_and_kept(alliance: Alliance) -> None:
    good(alliance.operator.patch("/v1/participants/JADE", {"net_debit_cap": 4000}))
    desk = alliance.merchant("PINE-1")
    good(redeem(desk, 4000, merchant="PINE-1"))
    for viewer in (alliance.operator, alliance.participant("JADE"), alliance.auditor):
        shown = good(viewer.get("/v1/participants/JADE"))
        assert (shown["net_debit_cap"], shown["net_debit"]) == (4000, 2500)
    assert "net_debit" not in good(alliance.participant("PINE").get("/v1/participants/JADE"))
    refused = redeem(desk, 1501, merchant="PINE-1")
    assert code(refused) == "net_debit_cap"
    good(redeem(desk, 1500, merchant="PINE-1"))
    told = good(alliance.participant("JADE").get("/v1/events?type=cap.warning"))["data"]
    assert [event["data"]["line"] for event in told] == [95]
    assert good(alliance.participant("PINE").get("/v1/events"))["data"] == []
    assert code(alliance.operator.patch("/v1/participants/JADE", {"net_debit_cap": -1})) == "malformed"


def test_participants_are_told_in_time_of_their_own_members_points_that_end(alliance: Alliance) -> None:
    engine = alliance.services.engine
    with engine.begin() as connection:
        connection.execute(text("UPDATE lots SET expires_on = CASE available"
                                " WHEN 3000 THEN current_date + 20 WHEN 2000 THEN current_date + 40"
                                " WHEN 1500 THEN current_date + 5 END"))  # fmt: skip
    with Writer(engine) as writer:
        assert [remind(engine, writer), remind(engine, writer)] == [2, 0]
        with engine.begin() as connection:
            connection.execute(text("UPDATE lots SET expires_on = current_date + 6 WHERE available = 3000"))
        assert remind(engine, writer) == 1
    told = good(alliance.participant("JADE").get("/v1/events?type=points.expiring&limit=2"))
    rest = good(alliance.participant("JADE").get(f"/v1/events?limit=2&cursor={told['next_cursor']}"))
    found = [(one["data"]["issuer"], one["data"]["points"]) for one in [*told["data"], *rest["data"]]]
    assert sorted(found) == [("JADE", 3000), ("JADE", 3000), ("LOTUS", 1500)]
    assert told["data"][0]["data"]["member"].startswith("mem_")
    assert good(alliance.participant("LOTUS").get("/v1/events"))["data"] == []


def test_a_merchant_is_told_of_a_hold_that_nobody_ended(alliance: Alliance) -> None:
    desk = alliance.merchant("LOTUS-1")
    placed = good(redeem(desk, 100, capture=False, reference="ROOM-9"))
    engine = alliance.services.engine
    with engine.begin() as connection:
        connection.execute(text("UPDATE holds SET expires_at = now() - interval '1 s'"))
    with Writer(engine) as writer:
        assert lapse_holds(engine, writer) == 1
    [told] = good(alliance.participant("LOTUS").get("/v1/events"))["data"]
    assert told["type"] == "hold.lapsed"
    assert (told["data"]["hold"], told["data"]["merchant"], told["data"]["reference"]) == (
        placed["hold"],
        "LOTUS-1",
        "ROOM-9",
    )
