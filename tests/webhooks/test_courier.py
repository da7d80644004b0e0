"""What becomes of an event on its way to those who subscribe to it."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from standardwebhooks import WebhookVerificationError

from clearing import ids
from clearing.core.accounts import HUB
from clearing.core.directory import Directory
from clearing.core.events import EventType
from clearing.events import shown
from clearing.one_by_one import Failures, NotAllDone
from clearing.privacy import PersonalData, new_keys
from support.ledger import Ledger
from support.receiver import Post, Received, Receiver, Reply, receiver
from webhooks import courier, endpoints, outbox
from webhooks.addresses import AddressPolicy
from webhooks.backoff import PATIENCE
from webhooks.claims import LEASE, Claim, claim, note
from webhooks.sender import Answer, Sender
from webhooks.signing import OLD_SECRET_KEPT

MINUTES = timedelta(minutes=1)
SECONDS_MAX = 60.0


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def fail(_: Received) -> Reply:
    return Reply(503)


# ---- delivered --------------------------------------------------------------------------------------


def test_an_event_is_delivered_once_signed_and_in_the_form_of_the_list(
    post: Post, jade: int, receiver: Receiver
) -> None:
    endpoint = post.register(jade, receiver.url)
    post.tell(jade, EventType.CAP_WARNING, line=70)
    assert post.run() == (1, 1, 0)
    assert not post.run()
    [got] = receiver.received
    event = got.verified_with(endpoint.secret)
    assert got.path == "/hooks"
    assert got.headers["content-type"] == "application/json"
    assert got.id == event["id"]
    assert event == {
        "type": "cap.warning",
        "timestamp": event["timestamp"],
        "id": event["id"],
        "participant": "JADE",
        "data": {"line": 70},
    }
    assert post.deliveries("status, attempts") == [("delivered", 1)]
    assert post.attempts() == [(1, 204, None)]


def test_who_has_another_secret_or_changes_the_body_is_found_out(
    post: Post, jade: int, receiver: Receiver
) -> None:
    endpoint, other = post.register(jade, receiver.url), post.register(jade, f"{receiver.url}/2")
    post.tell(jade)
    post.run()
    [got] = [one for one in receiver.received if one.path == "/hooks"]
    got.verified_with(endpoint.secret)
    with pytest.raises(WebhookVerificationError):
        got.verified_with(other.secret)
    with pytest.raises(WebhookVerificationError):
        got._replace(body=got.body.replace(b"JADE", b"PINE")).verified_with(endpoint.secret)


def test_each_owner_is_told_its_own_and_of_the_types_it_wants(
    post: Post, ledger: Ledger, receiver: Receiver
) -> None:
    jade, lotus = ledger.participant_ids["JADE"], ledger.participant_ids["LOTUS"]
    post.register(jade, f"{receiver.url}/all")
    post.register(jade, f"{receiver.url}/caps", [EventType.CAP_WARNING])
    post.register(lotus, f"{receiver.url}/lotus")
    post.register(HUB, f"{receiver.url}/hub")
    post.tell(jade, EventType.CAP_WARNING)
    post.tell(jade, EventType.STATEMENT_READY)
    post.tell(HUB, EventType.PERIOD_CLOSED)
    post.run()
    found = sorted((one.path, one.event["type"], one.event["participant"]) for one in receiver.received)
    assert found == [
        ("/hooks/all", "cap.warning", "JADE"),
        ("/hooks/all", "statement.ready", "JADE"),
        ("/hooks/caps", "cap.warning", "JADE"),
        ("/hooks/hub", "period.closed", "HUB"),
    ]


def test_many_are_delivered_in_one_run(post: Post, jade: int, receiver: Receiver) -> None:
    post.register(jade, receiver.url)
    post.tell(jade, count=150)
    assert post.run() == (150, 150, 0)
    assert len({one.id for one in receiver.received}) == len(receiver.received) == 150


def test_an_answer_that_cannot_be_noted_holds_up_no_other_receiver(
    post: Post, ledger: Ledger, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to its lease, it is sent again later."""
    jade, lotus = ledger.participant_ids["JADE"], ledger.participant_ids["LOTUS"]
    wrong = post.register(jade, f"{receiver.url}/wrong")
    post.register(lotus, f"{receiver.url}/good")
    post.tell(jade)
    post.tell(lotus)

    def failing(connection: Connection, claimed: Claim, *given: Any) -> None:
        if claimed.endpoint_id == wrong.id:
            raise ValueError("A string literal cannot contain NUL (0x00) characters.")
        note(connection, claimed, *given)

    with monkeypatch.context() as patched:
        patched.setattr(courier, "note", failing)
        told = rf"^delivery of period.closed to {endpoints.endpoint_id_text(wrong.id)}: ValueError: A string"
        with pytest.raises(NotAllDone, match=told) as failed:
            post.run()
    assert failed.value.counts == {"published": 2, "delivered": 1, "failed": 0}
    assert post.deliveries() == ["pending", "delivered"]
    assert post.run(after=LEASE) == (0, 1, 0)


def test_an_event_that_cannot_be_shown_holds_up_no_other(
    post: Post, jade: int, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.register(jade, receiver.url)
    post.tell(jade, EventType.CAP_WARNING)
    post.tell(jade)

    def failing(event: Any, directory: Directory) -> dict[str, object]:
        if event.type == EventType.CAP_WARNING:
            raise KeyError("line")
        return shown(event, directory)

    monkeypatch.setattr(courier, "shown", failing)
    with pytest.raises(NotAllDone, match=r"^delivery of cap.warning to "):
        post.run()
    assert receiver.types == ["period.closed"]


# ---- not delivered ----------------------------------------------------------------------------------


def test_it_is_tried_again_with_the_same_id_and_longer_waits(
    post: Post, jade: int, receiver: Receiver
) -> None:
    endpoint = post.register(jade, receiver.url)
    post.tell(jade)
    receiver.answer = fail
    assert post.run() == (1, 0, 1)
    assert not post.run(after=timedelta(seconds=4.9))
    assert post.run(after=timedelta(seconds=0.1)) == (0, 0, 1)
    assert not post.run(after=4.9 * MINUTES)
    receiver.answer = lambda _: Reply(200)
    assert post.run(after=0.1 * MINUTES) == (0, 1, 0)
    assert post.attempts() == [(1, 503, None), (2, 503, None), (3, 200, None)]
    assert len({one.id for one in receiver.received}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.received}) == 3
    assert post.endpoint(endpoint.id, "failing_since") is None


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 500])
def test_only_a_success_is_one_and_redirects_are_not_followed(
    post: Post, jade: int, receiver: Receiver, status: int
) -> None:
    post.register(jade, receiver.url)
    post.tell(jade)
    receiver.answer = lambda _: Reply(status, {"Location": f"{receiver.url}/elsewhere"})
    assert post.run() == (1, 0, 1)
    assert [one.path for one in receiver.received] == ["/hooks"]
    assert post.deliveries() == ["pending"]


@pytest.mark.parametrize("seconds", [90, 3600])
def test_a_receiver_may_put_us_off(post: Post, jade: int, receiver: Receiver, seconds: int) -> None:
    post.register(jade, receiver.url)
    post.tell(jade)
    receiver.answer = lambda _: Reply(429, {"Retry-After": str(seconds)})
    post.run()
    assert not post.run(after=timedelta(seconds=seconds - 1))
    assert post.run(after=timedelta(seconds=1)) == (0, 0, 1)


def test_nobody_there_is_a_failure_with_its_reason(post: Post, jade: int) -> None:
    with receiver() as closed:
        url = closed.url
    post.register(jade, url)
    post.tell(jade)
    assert post.run() == (1, 0, 1)
    assert post.attempts() == [(1, None, "The connection was refused.")]


def test_gone_disables_the_endpoint_drops_the_rest_and_tells_the_owner(
    post: Post, jade: int, receiver: Receiver
) -> None:
    gone = post.register(jade, f"{receiver.url}/gone")
    post.register(jade, f"{receiver.url}/other")
    receiver.answer = lambda got: Reply(410 if got.path == "/hooks/gone" else 200)
    post.tell(jade, EventType.STATEMENT_READY)
    # That it is gone is an event too; whether the first run comes to that depends on who is quicker.
    assert tuple(map(sum, zip(post.run(), post.run(), strict=True))) == (2, 2, 1)
    assert post.endpoint(gone.id, "enabled") is False
    assert post.endpoint(gone.id, "disabled_reason") == "gone"
    [told] = [one.event for one in receiver.received if one.event["type"] == "endpoint.disabled"]
    assert told["data"] == {
        "endpoint": ids.encode("whe", gone.id),
        "url": f"{receiver.url}/gone",
        "reason": "gone",
        "failing_since": told["data"]["failing_since"],
    }
    calls = len(receiver.received)
    post.tell(jade)
    post.run(after=timedelta(hours=5))
    assert [one.path for one in receiver.received[calls:]] == ["/hooks/other"]
    assert post.deliveries("endpoint_id, status") == [
        (1, "failed"),
        (2, "delivered"),
        (2, "delivered"),
        (2, "delivered"),
    ]


def test_what_was_pending_when_the_endpoint_went_is_dropped(
    post: Post, jade: int, receiver: Receiver
) -> None:
    post.register(jade, receiver.url)
    post.tell(jade, count=3)
    receiver.answer = fail
    post.run()
    receiver.answer = lambda _: Reply(410)
    post.run(after=timedelta(seconds=10))
    assert sorted(post.deliveries()) == ["dropped", "dropped", "failed"]


def test_three_days_of_failures_disable_and_the_owner_is_told_by_its_events(
    post: Post, jade: int, receiver: Receiver, engine: Engine
) -> None:
    endpoint = post.register(jade, receiver.url)
    post.tell(jade)
    receiver.answer = fail
    post.run()
    for _ in range(100):
        [due_at] = post.deliveries("due_at")
        post.run(after=due_at - post.now)
        if post.deliveries() == ["failed"]:
            break
    assert post.endpoint(endpoint.id, "disabled_reason") == "failing"
    first, last = receiver.received[0], receiver.received[-1]
    waited = int(last.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
    assert waited == PATIENCE.total_seconds()
    assert len(receiver.received) == 13
    with engine.connect() as connection:
        query = text("SELECT data->>'reason' FROM events WHERE type = 'endpoint.disabled'")
        assert list(connection.execute(query).scalars()) == ["failing"]
        told = text("SELECT count(*) FROM participants WHERE told_of_postings")
        assert connection.execute(told).scalar_one() == 0


def test_one_event_that_is_never_taken_does_not_disable_a_receiver_of_others(
    post: Post, jade: int, receiver: Receiver
) -> None:
    endpoint = post.register(jade, receiver.url)
    post.tell(jade, EventType.CAP_WARNING)
    receiver.answer = lambda got: Reply(500 if got.event["type"] == "cap.warning" else 200)
    post.run()
    post.tell(jade, EventType.STATEMENT_READY)
    post.run(after=timedelta(hours=1))
    for _ in range(100):
        if post.deliveries()[0] == "failed":
            break
        post.run(after=max(post.deliveries("due_at")[0] - post.now, timedelta(0)))
    assert post.deliveries() == ["failed", "delivered"]
    assert post.endpoint(endpoint.id) is True


# ---- several at work --------------------------------------------------------------------------------


def test_two_couriers_share_the_work_and_nothing_is_sent_twice(
    post: Post, jade: int, receiver: Receiver
) -> None:
    for place in range(4):
        post.register(jade, f"{receiver.url}/{place}")
    post.tell(jade, count=60)
    couriers = [post.courier() for _ in range(2)]
    threads = [threading.Thread(target=one.run) for one in couriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(post.deliveries()) == {"delivered"}
    assert len(receiver.received) == len({(one.path, one.id) for one in receiver.received}) == 240
    assert set(post.deliveries("attempts")) == {1}


def test_what_one_has_claimed_another_passes_over_also_before_it_commits(
    post: Post, jade: int, receiver: Receiver, engine: Engine
) -> None:
    post.register(jade, receiver.url)
    post.tell(jade, count=5)
    with engine.begin() as connection:
        outbox.publish(connection, post.now)

    def claimed(connection, most):  # type: ignore[no-untyped-def]
        return {one.event.id for one in claim(connection, post.now, most, each=9, failing=False, busy={})}

    with engine.begin() as first, engine.begin() as second:
        one, other = claimed(first, 3), claimed(second, 9)
    assert (len(one), len(other)) == (3, 2)
    assert not one & other
    with engine.begin() as third:
        assert claimed(third, 9) == set()


def test_a_crash_between_sending_and_noting_repeats_with_the_same_id(
    post: Post, jade: int, receiver: Receiver, engine: Engine
) -> None:
    post.register(jade, receiver.url)
    post.tell(jade)
    dying = post.courier()
    dying._publish()
    dying._begin(Failures())  # sent, and then its process is no more
    wait_until(lambda: bool(receiver.received))
    assert not post.run(after=LEASE - timedelta(seconds=1))
    assert post.run(after=timedelta(seconds=1)) == (0, 1, 0)
    first, second = receiver.received
    assert first.id == second.id
    assert post.deliveries("status, attempts") == [("delivered", 2)]


def test_a_failure_noted_too_late_changes_nothing_of_the_newer_attempt(
    post: Post, jade: int, engine: Engine
) -> None:
    post.register(jade, "http://127.0.0.1:9/")
    post.tell(jade)
    with engine.begin() as connection:
        outbox.publish(connection, post.now)
        [late] = claim(connection, post.now, 1, each=1, failing=False, busy={})
    post.now += LEASE
    with engine.begin() as connection:
        [newer] = claim(connection, post.now, 1, each=1, failing=False, busy={})
        note(connection, late, Answer(500, None, 1), post.now, 0.5)
    assert post.deliveries("status, due_at") == [("pending", post.now + LEASE)]
    with engine.begin() as connection:
        note(connection, newer, Answer(204, None, 1), post.now, 0.5)
        note(connection, late, Answer(500, None, 1), post.now, 0.5)
    assert post.deliveries() == ["delivered"]


def test_a_success_counts_although_the_endpoint_was_disabled_meanwhile(
    post: Post, jade: int, engine: Engine
) -> None:
    endpoint = post.register(jade, "http://127.0.0.1:9/")
    post.tell(jade, count=2)
    with engine.begin() as connection:
        outbox.publish(connection, post.now)
        claimed = claim(connection, post.now, 2, each=2, failing=False, busy={})
        endpoints.change(connection, jade, endpoint.id, {"enabled": False}, post.now)
    assert post.deliveries() == ["dropped", "dropped"]
    with engine.begin() as connection:
        note(connection, claimed[0], Answer(204, None, 1), post.now, 0.5)
        note(connection, claimed[1], Answer(500, None, 1), post.now, 0.5)
    assert post.deliveries() == ["delivered", "dropped"]


def test_the_new_address_is_not_taken_for_gone_because_the_old_one_was(
    post: Post, jade: int, engine: Engine
) -> None:
    endpoint = post.register(jade, "http://127.0.0.1:9/old")
    post.tell(jade)
    with engine.begin() as connection:
        outbox.publish(connection, post.now)
        [claimed] = claim(connection, post.now, 1, each=1, failing=False, busy={})
        changes = {"url": "http://127.0.0.1:9/new"}
        endpoints.change(connection, jade, endpoint.id, changes, post.now)
        note(connection, claimed, Answer(410, None, 1), post.now, 0.5)
    assert post.endpoint(endpoint.id) is True
    assert post.deliveries() == ["pending"]


def test_an_endpoint_that_is_disabled_at_this_moment_gets_nothing_new(
    post: Post, jade: int, engine: Engine
) -> None:
    endpoint = post.register(jade, "http://127.0.0.1:9/")
    post.tell(jade)

    def publish() -> None:
        with engine.begin() as connection:
            outbox.publish(connection, post.now)

    publishing = threading.Thread(target=publish)
    with engine.begin() as connection:
        endpoints.change(connection, jade, endpoint.id, {"enabled": False}, post.now)
        publishing.start()
        time.sleep(0.3)
    publishing.join()
    assert post.deliveries() == []


def test_a_slow_receiver_holds_up_no_other(post: Post, jade: int, receiver: Receiver) -> None:
    post.register(jade, f"{receiver.url}/slow")
    post.register(jade, f"{receiver.url}/quick")
    answering = threading.Event()

    def answer(got: Received) -> Reply:
        if got.path == "/hooks/slow":
            answering.wait(SECONDS_MAX)
        return Reply()

    receiver.answer = answer
    post.tell(jade, count=40)
    carrying = post.courier(total_seconds=SECONDS_MAX)
    thread = threading.Thread(target=carrying.run)
    thread.start()
    wait_until(lambda: sum(one.path == "/hooks/quick" for one in receiver.received) == 40)
    # Its places are limited, so that many like it leave room for others.
    assert sum(one.path == "/hooks/slow" for one in receiver.received) == courier.EACH
    carrying.stop()
    thread.join()
    answering.set()
    carrying.close()
    assert post.deliveries().count("delivered") >= 40


def test_a_run_ends_in_time_and_the_next_one_notes_what_it_began(
    post: Post, jade: int, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "RUN_SECONDS", 0.2)
    post.register(jade, receiver.url)
    post.tell(jade)
    answering = threading.Event()
    receiver.answer = lambda _: Reply(204 if answering.wait(SECONDS_MAX) else 500)
    carrying = post.courier(total_seconds=SECONDS_MAX)
    assert carrying.run() == (1, 0, 0)
    answering.set()
    wait_until(lambda: carrying.run().delivered == 1)
    assert len(receiver.received) == 1


def test_a_receiver_that_does_not_answer_is_cut_off(post: Post, jade: int, receiver: Receiver) -> None:
    post.register(jade, receiver.url)
    post.tell(jade)
    answering = threading.Event()
    receiver.answer = lambda _: Reply(204 if answering.wait(SECONDS_MAX) else 500)
    post.courier(total_seconds=0.5).run()
    answering.set()
    assert post.attempts() == [(1, None, "No answer within 0.5 seconds.")]


# ---- secrets ----------------------------------------------------------------------------------------


def test_both_secrets_sign_for_a_day_after_a_rotation(
    post: Post, jade: int, receiver: Receiver, engine: Engine
) -> None:
    endpoint = post.register(jade, receiver.url)
    with engine.begin() as connection:
        found = endpoints.rotate_secret(connection, post.personal_data, jade, endpoint.id, post.now)
    assert found is not None
    new = found[1]
    post.tell(jade)
    post.run()
    [got] = receiver.received
    assert got.verified_with(endpoint.secret) == got.verified_with(new)
    assert len(got.headers["webhook-signature"].split()) == 2
    post.tell(jade)
    post.run(after=OLD_SECRET_KEPT)
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1


def test_a_courier_without_the_key_leaves_the_delivery_to_one_that_has_it(
    post: Post, jade: int, receiver: Receiver, engine: Engine
) -> None:
    post.register(jade, receiver.url)
    post.tell(jade)
    stranger = Post(engine)
    stranger.now = post.now
    assert stranger.run() == (1, 0, 0)
    assert receiver.received == []
    assert post.run(after=LEASE) == (0, 1, 0)
    assert post.endpoint(1, "failing_since") is None


def test_secrets_are_not_readable_in_the_database(post: Post, jade: int) -> None:
    endpoint = post.register(jade, "http://127.0.0.1:9/")
    cipher = bytes(post.endpoint(endpoint.id, "secret_cipher"))
    assert endpoint.secret.encode() not in cipher
    assert endpoint.secret.startswith("whsec_")
    assert len(cipher) > 40
    assert PersonalData.from_text(new_keys()).key_ids == {1}


# ---- addresses --------------------------------------------------------------------------------------


def test_a_name_that_turns_to_a_private_address_is_not_called(
    post: Post, jade: int, receiver: Receiver
) -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    policy = AddressPolicy(resolve=lambda host, port: next(answers))
    url = f"https://shop.example:{receiver.port}/"
    policy.check(url)  # as it was when it was registered
    post.register(jade, url)
    post.tell(jade)
    post.courier(sender=Sender(policy)).run()
    assert receiver.received == []
    [(_, status, error)] = post.attempts()
    assert (status, error) == (None, "shop.example has an address that is not a public one.")


def test_an_endpoint_that_is_removed_takes_its_deliveries_with_it(
    post: Post, jade: int, receiver: Receiver, engine: Engine
) -> None:
    endpoint = post.register(jade, receiver.url)
    post.tell(jade)
    with engine.begin() as connection:
        outbox.publish(connection, post.now)
        [claimed] = claim(connection, post.now, 1, each=1, failing=False, busy={})
        assert endpoints.remove(connection, jade, endpoint.id) is not None
        note(connection, claimed, Answer(204, None, 1), post.now, 0.5)
    assert post.deliveries() == []
    assert not post.run(after=LEASE)
