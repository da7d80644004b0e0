"""The time zone as it is set, and as a closed month goes on showing it; times as other systems write them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from support.alliance import WANG, Alliance
from support.api import code, good, pointers, problem, wait_for_import
from support.disputes import Closed
from support.people import reader


@pytest.fixture
def closed(alliance: Alliance) -> Closed:
    return Closed(alliance)


TIMES = ["2026-11-02T10:00:00.1234567+08:00", "2026-11-02T02:00:00.123456789Z"]


@pytest.mark.parametrize("name", ["localtime", "posixrules", "Factory", "posix/Asia/Shanghai"])
def test_a_name_that_depends_on_the_machine_is_no_time_zone(shared: Alliance, name: str) -> None:
    refused = shared.operator.put("/v1/alliance", {"time_zone": name})
    assert code(refused) == "malformed"
    assert pointers(problem(refused)) == ["/time_zone"]


def test_a_closed_month_is_shown_in_its_own_zone_whatever_it_is_now(closed: Closed) -> None:
    alliance, month = closed.alliance, closed.period
    statement = closed.statement("JADE")
    paths = {
        "finance": [f"/finance/statements/{statement}", f"/finance/statements/{statement}/lines"],
        "operator": [f"/hub/periods/{month}", f"/finance/?period={month}"],
    }

    def told() -> tuple[Any, list[str], bytes]:
        of_month = [
            one for one in good(alliance.operator.get("/v1/periods"))["data"] if one["period"] == month
        ]
        pages = [_times(reader(alliance, who).get(path).text) for who, some in paths.items() for path in some]
        document = alliance.finance("JADE").get(f"/v1/statements/{statement}.json").data
        return of_month, pages, document

    before = told()
    good(alliance.operator.put("/v1/alliance", {"time_zone": "America/Los_Angeles"}))
    assert told() == before
    assert any("Times are in Asia/Shanghai." in page for page in before[1])
    opened = good(alliance.operator.get("/v1/periods"))["data"][-1]
    assert opened["time_zone"] == "America/Los_Angeles"
    listed = reader(alliance, "operator").get("/hub/periods").text
    assert "(Asia/Shanghai)" in listed and "Times are in America/Los_Angeles." in listed


def test_a_disputed_line_is_shown_in_the_zone_of_its_month_and_what_is_said_in_that_of_now(
    closed: Closed,
) -> None:
    alliance = closed.alliance
    opened = good(alliance.finance("JADE").post("/v1/disputes", closed.body("JADE", closed.redemption["id"])))
    line = datetime.fromisoformat(opened["occurred_at"])
    said = datetime.fromisoformat(opened["messages"][0]["at"])
    good(alliance.operator.put("/v1/alliance", {"time_zone": "America/Los_Angeles"}))
    then, now = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
    for who, path in (
        ("finance", f"/finance/disputes/{opened['id']}"),
        ("operator", f"/hub/disputes/{opened['id']}"),
    ):
        shown = reader(alliance, who).get(path).text
        stands = f'<time datetime="{line.astimezone(then).isoformat(timespec="seconds")}">'
        assert stands in shown and "(Asia/Shanghai)</time>" in shown, who
        assert f'<time datetime="{said.astimezone(now).isoformat(timespec="seconds")}">' in shown, who
        assert "Times are in America/Los_Angeles." in shown
    found = reader(alliance, "finance").get(f"/finance/search?q={closed.redemption['reference']}").text
    assert stands in found and "(Asia/Shanghai)</time>" in found


def _times(page: str) -> str:
    """What a page says of times: each with its offset, and the zone at the foot."""
    return "\n".join(line.strip() for line in page.splitlines() if "<time" in line or "Times are in" in line)


@pytest.mark.parametrize("at", TIMES)
def test_what_is_beyond_microseconds_is_cut(alliance: Alliance, at: str) -> None:
    body = {"card": WANG, "merchant": "JADE-1", "amount": 100, "occurred_at": at}
    booked = good(alliance.operator.post("/v1/accruals", body))
    with alliance.services.engine.connect() as connection:
        kept = connection.execute(
            text("SELECT max(occurred_at) FROM transactions WHERE kind = 1")
        ).scalar_one()
    assert kept == datetime.fromisoformat("2026-11-02T02:00:00.123456+00:00")
    assert booked["occurred_at"].startswith("2026-11-02T10:00:00.123")


def test_rows_of_files_may_have_them_too(alliance: Alliance) -> None:
    rows = "card,merchant,amount,occurred_at\n" + "".join(f"{WANG},JADE-1,100,{at}\n" for at in TIMES)
    done = wait_for_import(alliance.operator, "accruals", rows)
    assert (done["accepted"], done["refused"]) == (2, 0)


def test_ten_decimals_are_no_time(shared: Alliance) -> None:
    body = {
        "card": WANG,
        "merchant": "JADE-1",
        "amount": 100,
        "occurred_at": "2026-11-02T10:00:00.1234567890Z",
    }
    refused = shared.operator.post("/v1/accruals", body)
    assert code(refused) == "malformed"
    assert pointers(problem(refused)) == ["/occurred_at"]
