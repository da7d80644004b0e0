"""History: an operator books the past at the time it happened, in its order; its periods open for it."""

from typing import Any

import pytest

from support.alliance import LI, Alliance
from support.api import code, good, wait_for_import

HEADER = "card,merchant,amount,occurred_at,reference\n"


def told(*times: str) -> str:
    rows = (f"{LI},JADE-1,100,{time},H-{time}" for time in times)
    return HEADER + "\n".join(rows) + "\n"


def load(alliance: Alliance, content: str, kind: str = "accruals") -> dict[str, Any]:
    done: dict[str, Any] = wait_for_import(alliance.operator, kind, content, "&historical=true")
    return done


def reasons(alliance: Alliance, done: dict[str, Any]) -> str:
    return alliance.operator.get(f"/v1/imports/{done['id']}/errors.csv").get_data(as_text=True)


def test_each_row_is_booked_when_it_occurred_and_its_period_opens(alliance: Alliance) -> None:
    times = ["2024-01-31T23:59:59+08:00", "2024-02-01T00:00:00+08:00", "2026-10-05T12:00:00+08:00"]
    done = load(alliance, told(*times))
    assert (done["accepted"], done["refused"], done["historical"]) == (3, 0, True)
    listed = good(alliance.operator.get("/v1/transactions?merchant=JADE-1"))["data"]
    assert all(one["booked_at"] == one["occurred_at"] and not one["late"] for one in listed)
    assert sorted(one["period"] for one in listed) == ["2024-01", "2024-02", "2026-10"]
    periods = {one["period"]: one["state"] for one in good(alliance.operator.get("/v1/periods"))["data"]}
    assert periods.items() >= {"2024-01": "open", "2024-02": "open", "2026-10": "open"}.items()


def test_points_earned_long_ago_end_as_if_they_had_been_booked_then(alliance: Alliance) -> None:
    load(alliance, told("2025-03-10T12:00:00+08:00"))
    [lot] = good(alliance.operator.get(f"/v1/wallets/{alliance.wallet(LI)}/lots"))["data"]
    assert lot["expires_on"] == "2027-03-31"


def test_a_row_out_of_order_is_refused_and_told_what_came_before(alliance: Alliance) -> None:
    done = load(alliance, told("2025-02-01T00:00:00Z", "2025-01-01T00:00:00Z", "2025-03-01T00:00:00Z"))
    assert (done["accepted"], done["refused"]) == (2, 1)
    assert "order of time" in reasons(alliance, done)


def test_a_row_that_does_not_say_when_is_refused(alliance: Alliance) -> None:
    done = load(alliance, f"card,merchant,amount\n{LI},JADE-1,100\n")
    assert (done["accepted"], done["refused"]) == (0, 1)
    assert "must say when it occurred" in reasons(alliance, done)


def test_nothing_enters_a_closed_period_and_the_refusal_says_what_to_do(alliance: Alliance) -> None:
    load(alliance, told("2025-01-10T00:00:00+08:00"))
    good(alliance.operator.post("/v1/periods/2025-01/close"))
    before = good(alliance.operator.get("/v1/settlements/2025-01"))
    done = load(alliance, told("2025-01-20T00:00:00+08:00", "2025-02-01T00:00:00+08:00"))
    assert (done["accepted"], done["refused"]) == (1, 1)
    assert "period_closed" in reasons(alliance, done)
    assert "without the historical mode" in reasons(alliance, done)
    assert good(alliance.operator.get("/v1/settlements/2025-01")) == before
    # As told: without the historical mode it is booked now, and flagged.
    done = wait_for_import(alliance.operator, "accruals", told("2025-01-21T00:00:00+08:00"))
    assert done["accepted"] == 1
    [late] = good(alliance.operator.get("/v1/transactions?reference=H-2025-01-21T00:00:00%2B08:00"))["data"]
    assert (late["late"], late["period"] > "2025-01") == (True, True)


def test_the_future_is_not_history(alliance: Alliance) -> None:
    done = load(alliance, told("2199-01-01T00:00:00+08:00"))
    assert (done["accepted"], done["refused"]) == (0, 1)
    assert "occurred_in_future" in reasons(alliance, done)


def test_opening_balances_can_be_told_at_their_time_too(alliance: Alliance) -> None:
    header = "card,issuer,asset,quantity,expires_on,occurred_at"
    rows = f"{header}\n{LI},LOTUS,points,70,2025-06-30,2025-01-01T00:00:00Z\n"
    assert load(alliance, rows, "balances")["accepted"] == 1
    # They have ended since, so today they are worth nothing.
    check = good(alliance.merchant("LOTUS-1").get(f"/v1/cards/{LI}"))
    assert check["points"]["available"] == 0


def test_members_have_no_history(alliance: Alliance) -> None:
    rows = "participant,phone,occurred_at\nJADE,13933330001,2025-01-01T00:00:00Z\n"
    assert load(alliance, rows, "members")["accepted"] == 1


@pytest.mark.parametrize("scope", ["participant", "merchant"])
def test_only_the_operator_loads_history(alliance: Alliance, scope: str) -> None:
    caller = alliance.participant("JADE") if scope == "participant" else alliance.merchant("JADE-1")
    refused = caller.send_file(
        "/v1/imports?kind=accruals&historical=true", told("2025-01-01T00:00:00Z").encode()
    )
    assert code(refused) == "forbidden"
