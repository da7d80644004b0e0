"""Requests that come at once: a key spends once, and nobody spends what is not there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.app import create_app
from api.building import build_services
from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import CHEN, LI, WANG, Alliance, settings_for
from support.api import Caller, good
from support.crowd import at_once

numbers = count(1)


@pytest.fixture(scope="module")
def processes(shared: Alliance) -> Iterator[list[Alliance]]:
    """Three servers on one database, as three processes would be: nothing is shared but the database."""
    url = shared.services.engine.url.render_as_string(hide_password=False)
    settings = settings_for(url, shared.services.files.parent)
    with ExitStack() as stack:
        others = []
        for _ in range(2):
            services = build_services(settings, url)
            stack.callback(services.close)
            others.append(Alliance(create_app(services), services))
        yield [shared, *others]


@pytest.fixture
def guest(shared: Alliance) -> str:
    """The card of a new member of LOTUS with 1,000 LOTUS points."""
    card = f"7{next(numbers):07d}"
    shared.enrol("LOTUS", card)
    shared.open_points(card, "LOTUS", 1000)
    return card


def post_at_once(
    servers: list[Alliance], requests: Sequence[tuple[str, dict[str, Any], str | None]]
) -> list[TestResponse]:
    """(path, body, key) each from a client of its own, spread over the servers."""

    def act(number: int, path: str, body: dict[str, Any], key: str | None):  # type: ignore[no-untyped-def]
        caller: Caller = servers[number % len(servers)].caller(servers[0].operator.key)
        return lambda: caller.post(path, body, idempotency_key=key)

    return at_once([act(number, *request) for number, request in enumerate(requests)])


def available(alliance: Alliance, card: str) -> int:
    wallet = good(alliance.operator.get(f"/v1/wallets/{alliance.wallet(card)}"))
    points: int = wallet["points"]["available"]
    return points


def tally(answers: list[TestResponse]) -> Counter[str]:
    return Counter(answer.json.get("code", "posted") for answer in answers)  # type: ignore[union-attr]


@pytest.mark.parametrize("servers", [1, 3])
def test_twenty_requests_with_one_key_spend_once(processes: list[Alliance], guest: str, servers: int) -> None:
    body = {"card": guest, "merchant": "JADE-1", "points": 400}
    answers = post_at_once(processes[:servers], [("/v1/redemptions", body, f"one key {guest}")] * 20)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 19
    assert available(processes[0], guest) == 600


@pytest.mark.parametrize("servers", [1, 3])
def test_of_fifty_redemptions_of_100_on_1000_points_exactly_ten_succeed(
    processes: list[Alliance], guest: str, servers: int
) -> None:
    body = {"card": guest, "merchant": "JADE-1", "points": 100}
    answers = post_at_once(processes[:servers], [("/v1/redemptions", body, None)] * 50)
    assert tally(answers) == {"posted": 10, "insufficient_points": 40}
    assert available(processes[0], guest) == 0


@pytest.mark.parametrize("servers", [1, 3])
def test_one_reference_is_used_once(processes: list[Alliance], servers: int) -> None:
    requests = [
        ("/v1/accruals", {"card": card, "merchant": "JADE-1", "amount": 100, "reference": f"{servers}"}, None)
        for card in (WANG, LI, CHEN) * 5
    ]
    answers = post_at_once(processes[:servers], requests)
    assert tally(answers) == {"posted": 1, "duplicate_reference": 14}


@pytest.mark.parametrize("servers", [1, 3])
def test_first_points_of_the_same_date_join_one_lot(
    processes: list[Alliance], guest: str, servers: int
) -> None:
    body = {"card": guest, "merchant": "PINE-1", "amount": 10_000}
    answers = post_at_once(processes[:servers], [("/v1/accruals", body, None)] * 20)
    assert tally(answers) == {"posted": 20}
    lots = good(processes[0].operator.get(f"/v1/wallets/{processes[0].wallet(guest)}/lots"))["data"]
    assert sorted((lot["issuer"], lot["available"]) for lot in lots) == [("LOTUS", 1000), ("PINE", 2000)]


@pytest.mark.parametrize("servers", [1, 3])
def test_a_person_is_enrolled_by_one_participant_only(processes: list[Alliance], servers: int) -> None:
    requests: list[tuple[str, dict[str, Any], str | None]] = [
        ("/v1/members", {"participant": code, "phone": f"+86 139-0000-000{servers}"}, None)
        for code in ("JADE", "LOTUS", "PINE") * 3
    ]
    counted = tally(post_at_once(processes[:servers], requests))
    assert counted == {"posted": 1, "already_exists": 2, "enrolled_elsewhere": 6}


def test_closing_while_postings_come_leaves_no_posting_outside(processes: list[Alliance], guest: str) -> None:
    operator = processes[0].operator
    body = {"card": guest, "merchant": "JADE-1", "amount": 100}
    first = good(operator.post("/v1/accruals", body))
    before = visits(operator, first["period"])
    requests: list[tuple[str, dict[str, Any], str | None]] = [("/v1/accruals", body, None)] * 12
    requests.insert(5, (f"/v1/periods/{first['period']}/close", {"early": True}, None))
    answers = post_at_once(processes, requests)
    assert {answer.status_code for answer in answers} <= {200, 201}
    periods = Counter(answer.json["period"] for answer in answers if answer.status_code == 201)  # type: ignore[index]
    assert visits(operator, first["period"]) - before == periods[first["period"]]


def visits(operator: Caller, period: str) -> int:
    rows = good(operator.get(f"/v1/settlements/{period}"))["exchanges"]
    return sum(row["count"] for row in rows if row["kind"] == "visit")


def test_after_all_this_the_ledger_adds_up(processes: list[Alliance]) -> None:
    with frozen(processes[0].services.engine) as connection:
        assert list(verify(connection)) == []
