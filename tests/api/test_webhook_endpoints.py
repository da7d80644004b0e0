"""Endpoints by the API, from registering to what arrives at a receiver."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from api.jobs import webhook_jobs
from clearing.core.accounts import HUB
from clearing.core.events import EventType
from clearing.events import Told, tell
from settlement.job_runs import run_job
from support.alliance import WANG, Alliance
from support.api import Caller, code, good, refused
from support.receiver import LOCAL, Receiver, Reply, receiver
from webhooks.addresses import AddressPolicy
from webhooks.courier import Courier
from webhooks.deliveries import KEPT, forget
from webhooks.endpoints import ENDPOINTS_MAX
from webhooks.sender import Sender

PATH = "/v1/webhook-endpoints"


class Office:
    """The alliance, a receiver, and a courier whose clock a test moves."""

    def __init__(self, alliance: Alliance, opened: Receiver) -> None:
        self.alliance, self.receiver = alliance, opened
        self.later = timedelta(0)
        services = alliance.services
        services.webhook_addresses = AddressPolicy(LOCAL)
        self.courier = Courier(
            services.engine,
            services.personal_data,
            Sender(services.webhook_addresses),
            now=lambda: datetime.now(UTC) + self.later,
        )
        self.jade = alliance.participant("JADE")

    def register(self, caller: Caller | None = None, **body: Any) -> Any:
        return good((caller or self.jade).post(PATH, {"url": self.receiver.url} | body))

    def tell(self, code: str = "JADE", type_: EventType = EventType.CAP_WARNING) -> None:
        with self.alliance.services.engine.begin() as connection:
            query = text("SELECT id FROM participants WHERE code = :code")
            id_ = connection.execute(query, {"code": code}).scalar_one() if code != "HUB" else HUB
            tell(connection, [Told(type_, id_, {"line": 70})])

    def deliver(self) -> None:
        """As the schedule does it."""
        run_job(self.alliance.services.engine, webhook_jobs(lambda: self.courier)[0])

    def deliveries(self, endpoint: Any, query: str = "") -> Any:
        return good(self.jade.get(f"{PATH}/{endpoint['id']}/deliveries{query}"))["data"]


@pytest.fixture
def office(alliance: Alliance) -> Iterator[Office]:
    with receiver() as opened:
        made = Office(alliance, opened)
        yield made
        made.courier.close()


def test_an_endpoint_is_registered_shown_without_its_secret_changed_and_removed(office: Office) -> None:
    made = office.register(event_types=["cap.warning"], description="PMS")
    secret = made.pop("secret")
    assert made["id"].startswith("whe_")
    assert secret.startswith("whsec_")
    assert (made["enabled"], made["event_types"], made["description"]) == (True, ["cap.warning"], "PMS")
    path = f"{PATH}/{made['id']}"
    assert good(office.jade.get(path)) == made
    assert good(office.jade.get(PATH)) == {"data": [made], "next_cursor": None}
    changed = good(office.jade.patch(path, {"event_types": None, "url": f"{made['url']}/2"}))
    assert changed == made | {"event_types": None, "url": f"{made['url']}/2"}
    disabled = good(office.jade.patch(path, {"enabled": False}))
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "owner")
    assert good(office.jade.patch(path, {"enabled": True})) == changed
    assert good(office.jade.delete(path)) == changed
    assert code(office.jade.get(path)) == "not_found"
    assert code(office.jade.delete(path)) == "not_found"


def test_a_posting_arrives_signed_at_both_parties_receivers(office: Office) -> None:
    lotus = office.alliance.participant("LOTUS")
    of_jade, of_lotus = office.register(), office.register(lotus, url=f"{office.receiver.url}/lotus")
    body = {"card": WANG, "merchant": "LOTUS-1", "points": 4000, "reference": "POS-7"}
    booked = good(office.alliance.merchant("LOTUS-1").post("/v1/redemptions", body))
    office.deliver()
    by_path = {one.path: one for one in office.receiver.received}
    got = by_path["/hooks"].verified_with(of_jade["secret"])
    assert (got["type"], got["participant"]) == ("transaction.posted", "JADE")
    assert (got["data"]["transaction"], got["data"]["points"]) == (booked["id"], 2500)
    at_lotus = by_path["/hooks/lotus"].verified_with(of_lotus["secret"])
    assert (at_lotus["data"]["reference"], at_lotus["data"]["points"]) == ("POS-7", 4000)
    # What is delivered is what the list of events has.
    [listed] = good(office.jade.get("/v1/events?type=transaction.posted"))["data"]
    assert (listed["id"], listed["data"]) == (got["id"], got["data"])


def test_closing_tells_the_hub_and_every_participant(office: Office) -> None:
    office.register(office.alliance.operator, url=f"{office.receiver.url}/hub")
    office.register(event_types=["period.closed", "statement.ready"])
    period = good(office.alliance.operator.get("/v1/periods"))["data"][-1]["period"]
    for _ in range(2):  # closing twice is the same as once
        good(office.alliance.operator.post(f"/v1/periods/{period}/close", {"early": True}))
    office.deliver()
    got = sorted((one.path, one.event["type"], one.event["participant"]) for one in office.receiver.received)
    assert got == [
        ("/hooks", "period.closed", "JADE"),
        ("/hooks", "statement.ready", "JADE"),
        ("/hooks/hub", "period.closed", "HUB"),
    ]
    [ready] = [
        one.event["data"] for one in office.receiver.received if one.event["type"] == "statement.ready"
    ]
    [statement] = good(office.alliance.finance("JADE").get("/v1/statements"))["data"]
    assert (ready["statement"], ready["number"], ready["period"]) == (
        statement["id"],
        statement["number"],
        period,
    )
    hub = good(office.alliance.operator.get("/v1/events?type=period.closed"))["data"]
    assert {one["participant"] for one in hub} == {"HUB", "JADE", "LOTUS", "PINE"}


def test_a_test_arrives_and_its_delivery_tells_how_it_went(office: Office) -> None:
    made = office.register(event_types=["statement.ready"])
    other = office.register(url=f"{office.receiver.url}/other")
    sent = good(office.jade.post(f"{PATH}/{made['id']}/test"))
    assert (sent["type"], sent["status"], sent["attempts"]) == ("endpoint.test", "pending", [])
    office.deliver()
    [got] = office.receiver.received
    assert got.verified_with(made["secret"])["data"] == {"endpoint": made["id"]}
    [delivery] = office.deliveries(made)
    assert (delivery["id"], delivery["status"], delivery["event"]) == (sent["id"], "delivered", got.id)
    [attempt] = delivery["attempts"]
    assert (attempt["number"], attempt["status_code"], attempt["error"]) == (1, 204, None)
    assert office.deliveries(other) == []


def test_a_test_that_fails_is_not_repeated(office: Office) -> None:
    made = office.register()
    office.receiver.answer = lambda _: Reply(500)
    good(office.jade.post(f"{PATH}/{made['id']}/test"))
    office.deliver()
    [delivery] = office.deliveries(made)
    assert (delivery["status"], delivery["next_attempt_at"]) == ("failed", None)
    assert good(office.jade.get(f"{PATH}/{made['id']}"))["enabled"] is True


def test_deliveries_are_listed_with_what_comes_next(office: Office) -> None:
    made = office.register()
    office.receiver.answer = lambda _: Reply(503, {"Retry-After": "600"})
    office.tell()
    office.tell()
    office.deliver()
    pending = office.deliveries(made, "?status=pending")
    assert [one["attempts"][0]["status_code"] for one in pending] == [503, 503]
    assert all(one["next_attempt_at"] > one["attempts"][0]["at"] for one in pending)
    assert office.deliveries(made, "?status=delivered") == []
    first = good(office.jade.get(f"{PATH}/{made['id']}/deliveries?limit=1"))
    rest = good(office.jade.get(f"{PATH}/{made['id']}/deliveries?limit=1&cursor={first['next_cursor']}"))
    assert [*first["data"], *rest["data"]] == pending
    assert good(office.jade.get(f"{PATH}/{made['id']}"))["failing_since"] is not None


def test_one_delivery_is_replayed_with_the_same_id(office: Office) -> None:
    made = office.register()
    office.tell()
    office.deliver()
    [delivery] = office.deliveries(made)
    again = good(office.jade.post(f"{PATH}/{made['id']}/deliveries/{delivery['id']}/replay"))
    assert (again["status"], len(again["attempts"])) == ("pending", 1)
    office.deliver()
    assert [one.id for one in office.receiver.received] == [delivery["event"]] * 2
    [delivery] = office.deliveries(made)
    assert (delivery["status"], [one["number"] for one in delivery["attempts"]]) == ("delivered", [1, 2])


def test_a_time_is_replayed_also_what_was_missed_while_disabled(office: Office) -> None:
    made = office.register(event_types=["cap.warning"])
    path = f"{PATH}/{made['id']}"
    start = datetime.now(UTC)
    office.tell()
    office.deliver()
    good(office.jade.patch(path, {"enabled": False}))
    office.tell()
    office.tell(type_=EventType.STATEMENT_READY)
    office.tell("LOTUS")
    office.deliver()
    assert code(office.jade.post(f"{path}/replay", {"since": start.isoformat()})) == "endpoint_disabled"
    assert code(office.jade.post(f"{path}/test")) == "endpoint_disabled"
    good(office.jade.patch(path, {"enabled": True}))
    office.deliver()
    assert len(office.receiver.received) == 1
    assert good(office.jade.post(f"{path}/replay", {"since": start.isoformat()})) == {"deliveries": 1}
    office.deliver()
    assert len({one.id for one in office.receiver.received}) == len(office.receiver.received) == 2
    body = {"since": start.isoformat(), "delivered_too": True}
    assert good(office.jade.post(f"{path}/replay", body)) == {"deliveries": 2}
    office.deliver()
    assert len(office.receiver.received) == 4
    until = {"since": (start - timedelta(1)).isoformat(), "until": start.isoformat(), "delivered_too": True}
    assert good(office.jade.post(f"{path}/replay", until)) == {"deliveries": 0}
    wrong = {"since": start.isoformat(), "until": start.isoformat()}
    assert code(office.jade.post(f"{path}/replay", wrong)) == "malformed"


def test_a_rotated_secret_signs_and_the_one_before_still_does(office: Office) -> None:
    made = office.register()
    rotated = good(office.jade.post(f"{PATH}/{made['id']}/rotate-secret"))
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_until"] is not None
    office.tell()
    office.deliver()
    [got] = office.receiver.received
    assert got.verified_with(made["secret"]) == got.verified_with(rotated["secret"])


def test_nobody_sees_or_touches_the_endpoints_of_others(office: Office) -> None:
    made = office.register()
    office.tell()
    office.deliver()
    [delivery] = office.deliveries(made)
    path = f"{PATH}/{made['id']}"
    for caller in (office.alliance.participant("LOTUS"), office.alliance.operator):
        assert good(caller.get(PATH))["data"] == []
        refusals = [
            caller.get(path),
            caller.patch(path, {"enabled": False}),
            caller.delete(path),
            caller.post(f"{path}/rotate-secret"),
            caller.post(f"{path}/test"),
            caller.get(f"{path}/deliveries"),
            caller.post(f"{path}/replay", {"since": "2026-01-01T00:00:00Z"}),
            caller.post(f"{path}/deliveries/{delivery['id']}/replay"),
        ]
        assert [code(one) for one in refusals] == ["not_found"] * len(refusals)
    other = office.register(url=f"{office.receiver.url}/other")
    wrong = office.jade.post(f"{PATH}/{other['id']}/deliveries/{delivery['id']}/replay")
    assert code(wrong) == "not_found"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "https://127.0.0.1/",
        "https://localhost:5432/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "http://8.8.8.8/",
        "https://user:password@8.8.8.8/",
        "file:///etc/passwd",
        "https://no-such-name.invalid/",
    ],
)
def test_what_is_not_called_is_not_registered(alliance: Alliance, url: str) -> None:
    jade = alliance.participant("JADE")
    problem = refused(jade.post(PATH, {"url": url}), "url_refused")
    assert problem["errors"][0]["pointer"] == "/url"
    assert good(jade.get(PATH))["data"] == []
    good_one = good(jade.post(PATH, {"url": "https://8.8.8.8/hooks"}))
    assert code(jade.patch(f"{PATH}/{good_one['id']}", {"url": url})) == "url_refused"


def test_what_is_malformed_is_told_where(office: Office) -> None:
    url = office.receiver.url
    for body, pointer in [
        ({}, "/url"),
        ({"url": url, "event_types": []}, "/event_types"),
        ({"url": url, "event_types": ["no.such"]}, "/event_types/0"),
        ({"url": url, "event_types": ["endpoint.test"]}, "/event_types/0"),
        ({"url": url, "enabled": True}, "/enabled"),
    ]:
        assert refused(office.jade.post(PATH, body))["errors"][0]["pointer"] == pointer
    hub = office.alliance.operator.post(PATH, {"url": url, "event_types": ["transaction.posted"]})
    assert refused(hub)["errors"][0]["pointer"] == "/event_types"


def test_their_number_is_limited(office: Office) -> None:
    for _ in range(ENDPOINTS_MAX):
        office.register()
    assert code(office.jade.post(PATH, {"url": office.receiver.url})) == "too_many_endpoints"
    office.register(office.alliance.participant("LOTUS"))


def test_events_are_read_onwards_without_webhooks(office: Office) -> None:
    for _ in range(3):
        office.tell()
    office.tell("LOTUS")
    assert good(office.jade.get("/v1/events?after=0"))["data"] == []  # numbered when they are published
    office.deliver()
    first = good(office.jade.get("/v1/events?after=0&limit=2"))
    second = good(office.jade.get(f"/v1/events?after={first['next_cursor']}&limit=2"))
    third = good(office.jade.get(f"/v1/events?after={second['next_cursor']}"))
    assert [len(one["data"]) for one in (first, second, third)] == [2, 1, 0]
    assert third["next_cursor"] == second["next_cursor"] is not None
    newest_first = good(office.jade.get("/v1/events"))["data"]
    assert [*first["data"], *second["data"]] == newest_first[::-1]
    office.tell()
    office.deliver()
    assert len(good(office.jade.get(f"/v1/events?after={third['next_cursor']}"))["data"]) == 1
    assert len(good(office.alliance.operator.get("/v1/events?after=0"))["data"]) == 5
    both = office.jade.get(f"/v1/events?after=0&cursor={first['next_cursor']}")
    assert code(both) == "malformed"
    assert code(office.jade.get("/v1/events?after=x")) == "malformed"


def test_old_events_are_forgotten_with_their_deliveries(office: Office) -> None:
    made = office.register()
    office.tell()
    office.tell()
    office.deliver()
    engine = office.alliance.services.engine
    assert run_job(engine, webhook_jobs(lambda: office.courier)[1]) == {"forgotten": 0}
    # The last one keeps its place.
    assert forget(engine, datetime.now(UTC) + KEPT + timedelta(hours=1)) == 1
    [left] = good(office.jade.get("/v1/events"))["data"]
    assert [one["event"] for one in office.deliveries(made)] == [left["id"]]
