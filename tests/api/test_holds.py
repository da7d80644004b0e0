"""Holds through the API: set aside at check-in, taken or given back at check-out."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from clearing.upkeep import lapse_holds
from clearing.verify import frozen
from clearing.writer import Writer
from settlement.verify import verify
from support.alliance import WANG, Alliance
from support.api import code, good


def place(alliance: Alliance, points: int = 2000, merchant: str = "LOTUS-1", **more: Any) -> dict[str, Any]:
    body = {"card": WANG, "merchant": merchant, "points": points, "capture": False, **more}
    placed: dict[str, Any] = good(alliance.merchant(merchant).post("/v1/redemptions", body))
    return placed


def points(alliance: Alliance) -> tuple[int, int]:
    """What of Wang's can be used, and what is held."""
    found = good(alliance.merchant("PINE-1").get(f"/v1/cards/{WANG}"))["points"]
    return found["available"], found["held"]


def adds_up(alliance: Alliance) -> None:
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


def test_what_is_held_is_neither_owed_nor_free_to_be_used(alliance: Alliance) -> None:
    placed = place(alliance, reference="ROOM-7", metadata={"room": "7"})
    assert (placed["status"], placed["points"], placed["booked_at"]) == ("held", 2000, None)
    assert [(leg["issuer"], leg["points"], leg["obligation"], leg["fee"]) for leg in placed["legs"]] == [
        ("LOTUS", 1500, 0, 0),
        ("JADE", 500, 0, 0),
    ]
    assert points(alliance) == (4500, 2000)
    assert alliance.sums()["obligation"] is None
    hold = good(alliance.merchant("LOTUS-1").get(f"/v1/holds/{placed['hold']}"))
    assert (hold["status"], hold["points"], hold["captured"], hold["transaction"]) == (
        "held",
        2000,
        0,
        placed["id"],
    )
    body = {"card": WANG, "merchant": "PINE-1", "points": 4501}
    assert code(alliance.merchant("PINE-1").post("/v1/redemptions", body)) == "insufficient_points"
    adds_up(alliance)


def test_a_capture_books_the_transaction_that_the_hold_announced(alliance: Alliance) -> None:
    placed = place(alliance, reference="ROOM-7", metadata={"room": "7"})
    desk = alliance.merchant("LOTUS-1")
    captured = good(desk.post(f"/v1/holds/{placed['hold']}/capture", {"points": 1800}))
    assert (captured["status"], captured["captured"]) == ("captured", 1800)
    booked = good(desk.get(f"/v1/transactions/{placed['id']}"))
    assert (booked["status"], booked["points"], booked["hold"]) == ("posted", 1800, placed["hold"])
    assert (booked["reference"], booked["metadata"]) == ("ROOM-7", {"room": "7"})
    assert [(leg["issuer"], leg["obligation"], leg["fee"]) for leg in booked["legs"]] == [
        ("LOTUS", 0, 0),
        ("JADE", 300, 6),
    ]
    assert points(alliance) == (4700, 0)
    assert good(desk.get("/v1/transactions?reference=ROOM-7"))["data"][0]["id"] == placed["id"]
    adds_up(alliance)


def test_a_void_gives_everything_back(alliance: Alliance) -> None:
    placed = place(alliance)
    desk = alliance.merchant("LOTUS-1")
    assert good(desk.post(f"/v1/holds/{placed['hold']}/void"))["status"] == "voided"
    assert points(alliance) == (6500, 0)
    assert good(desk.get(f"/v1/transactions/{placed['id']}"))["status"] == "voided"
    for act in ("void", "capture"):
        assert code(desk.post(f"/v1/holds/{placed['hold']}/{act}")) == "hold_closed"
    adds_up(alliance)


def test_stored_value_is_held_and_captured_by_its_amount(alliance: Alliance) -> None:
    desk = alliance.merchant("PINE-1")
    body = {"card": WANG, "merchant": "PINE-1", "amount": 30000, "capture": False}
    placed = good(desk.post("/v1/spends", body))
    hold = f"/v1/holds/{placed['hold']}"
    assert code(desk.post(f"{hold}/capture", {"points": 1})) == "amount_invalid"
    assert code(desk.post(f"{hold}/capture", {"amount": 30001})) == "exceeds_held"
    assert good(desk.post(f"{hold}/capture", {"amount": 20000}))["captured"] == 20000
    booked = good(desk.get(f"/v1/transactions/{placed['id']}"))
    assert [(leg["obligation"], leg["fee"]) for leg in booked["legs"]] == [(20000, 120)]
    adds_up(alliance)


def test_the_first_answer_comes_again_whatever_has_happened_since(alliance: Alliance) -> None:
    desk = alliance.merchant("LOTUS-1")
    body = {"card": WANG, "merchant": "LOTUS-1", "points": 100, "capture": False}
    first = good(desk.post("/v1/redemptions", body, idempotency_key="check-in"))
    done = good(desk.post(f"/v1/holds/{first['hold']}/capture", {}, idempotency_key="check-out"))
    for path, sent, key, before in (
        ("/v1/redemptions", body, "check-in", first),
        (f"/v1/holds/{first['hold']}/capture", {}, "check-out", done),
    ):
        again = desk.post(path, sent, idempotency_key=key)
        assert (good(again), again.headers["Idempotency-Replayed"]) == (before, "true")
    other = place(alliance, 100)
    reused = desk.post(f"/v1/holds/{other['hold']}/capture", {}, idempotency_key="check-out")
    assert code(reused) == "idempotency_key_reused"


def test_only_its_own_desks_see_and_end_a_hold(alliance: Alliance) -> None:
    placed = place(alliance)
    path = f"/v1/holds/{placed['hold']}"
    for stranger in (alliance.merchant("LOTUS-2"), alliance.merchant("JADE-1"), alliance.participant("JADE")):
        assert code(stranger.get(path)) == "hold_unknown"
        assert code(stranger.post(f"{path}/void")) == "hold_unknown"
        assert code(stranger.post(f"{path}/capture")) == "hold_unknown"
        assert code(stranger.get(f"/v1/transactions/{placed['id']}")) == "transaction_unknown"
        assert good(stranger.get("/v1/holds"))["data"] == []
    for owner in (alliance.participant("LOTUS"), alliance.operator, alliance.auditor):
        assert [hold["id"] for hold in good(owner.get(f"/v1/holds?card={WANG}"))["data"]] == [placed["hold"]]
    assert good(alliance.participant("LOTUS").post(f"{path}/capture"))["status"] == "captured"


def test_holds_are_listed_by_card_merchant_and_status_page_by_page(alliance: Alliance) -> None:
    made = [place(alliance, 100)["hold"] for _ in range(3)]
    desk = alliance.merchant("LOTUS-1")
    good(desk.post(f"/v1/holds/{made[1]}/void"))

    def listed(query: str) -> list[str]:
        return [hold["id"] for hold in good(desk.get(f"/v1/holds?{query}"))["data"]]

    assert listed("status=held") == [made[2], made[0]]
    assert listed("status=voided") == [made[1]]
    assert listed("merchant=LOTUS-1&limit=200") == made[::-1]
    assert listed("merchant=LOTUS-2") == listed("card=nobody") == []
    page = good(desk.get("/v1/holds?limit=2"))
    rest = good(desk.get(f"/v1/holds?limit=2&cursor={page['next_cursor']}"))
    assert [one["id"] for one in [*page["data"], *rest["data"]]] == made[::-1]
    assert code(desk.get("/v1/holds?status=nonsense")) == "malformed"


def test_a_hold_ends_by_the_databases_clock_and_not_by_the_sweep(alliance: Alliance) -> None:
    placed = place(alliance)
    desk, engine = alliance.merchant("LOTUS-1"), alliance.services.engine
    with engine.begin() as connection:
        connection.execute(text("UPDATE holds SET expires_at = now() - interval '1 second'"))
    assert good(desk.get(f"/v1/holds/{placed['hold']}"))["status"] == "expired"
    assert good(desk.get("/v1/holds?status=held"))["data"] == []
    assert len(good(desk.get("/v1/holds?status=expired"))["data"]) == 1
    for act in ("capture", "void"):
        assert code(desk.post(f"/v1/holds/{placed['hold']}/{act}")) == "hold_expired"
    assert points(alliance) == (4500, 2000)
    with Writer(engine) as writer:
        assert [lapse_holds(engine, writer), lapse_holds(engine, writer)] == [1, 0]
    assert points(alliance) == (6500, 0)
    assert code(desk.post(f"/v1/holds/{placed['hold']}/capture")) == "hold_closed"
    adds_up(alliance)


def test_the_end_of_a_hold_must_lie_within_the_alliances_limits(alliance: Alliance) -> None:
    desk = alliance.merchant("LOTUS-1")
    body = {"card": WANG, "merchant": "LOTUS-1", "points": 100}
    now = datetime.now(UTC)
    for days, expected in ((-1, "malformed"), (401, "malformed")):
        end = (now + timedelta(days=days)).isoformat()
        assert code(desk.post("/v1/redemptions", {**body, "capture": False, "expires_at": end})) == expected
    end = (now + timedelta(days=3)).isoformat()
    assert code(desk.post("/v1/redemptions", {**body, "expires_at": end})) == "malformed"
    placed = good(desk.post("/v1/redemptions", {**body, "capture": False, "expires_at": end}))
    assert datetime.fromisoformat(placed["expires_at"]) - now < timedelta(days=3, seconds=1)


def test_twenty_captures_at_once_take_it_once(alliance: Alliance) -> None:
    placed = place(alliance)
    clients = [alliance.caller(alliance.merchant("LOTUS-1").key) for _ in range(20)]
    found: list[str] = []

    def capture(index: int) -> None:
        response = clients[index].post(f"/v1/holds/{placed['hold']}/capture")
        found.append("captured" if response.status_code == 200 else code(response))

    threads = [threading.Thread(target=capture, args=(index,)) for index in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["captured"] + ["hold_closed"] * 19
    assert points(alliance) == (4500, 0)
    adds_up(alliance)
