"""The courier: takes what is due to its receivers, many at a time, and notes how it went.

Any number of couriers may work on one database. Threads do nothing but wait for receivers; all else is done
by whoever calls `run`, with one connection.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import NamedTuple

import structlog
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, Engine

from clearing.core.directory import Directory
from clearing.directory import DirectoryCache
from clearing.events import shown
from clearing.one_by_one import Failures
from clearing.privacy import PersonalData
from webhooks.claims import Claim, claim, note
from webhooks.endpoints import endpoint_id_text
from webhooks.outbox import PORTION, publish
from webhooks.sender import TOTAL_SECONDS, Answer, Sender
from webhooks.signing import signed_headers, unseal

log = structlog.get_logger(__name__)

#: Requests under way at once; of one endpoint; of one that has answered badly; and of all of those together.
#: So receivers that hang leave room for those that do not.
AT_ONCE = 32
EACH = 4
EACH_FAILING = 1
AT_ONCE_FAILING = 8
#: One run ends after about so long although there is more to do; requests under way stay under way.
RUN_SECONDS = 10.0
#: What falls due while requests are under way waits no longer than this.
LOOK_SECONDS = 0.5


class Delivered(NamedTuple):
    """What one run has done: events published, attempts that succeeded and that failed."""

    published: int = 0
    delivered: int = 0
    failed: int = 0

    def __bool__(self) -> bool:
        return any(self)


class Courier:
    """`now` is the time that due times are compared with. Not for use by two threads."""

    def __init__(
        self,
        engine: Engine,
        personal_data: PersonalData,
        sender: Sender,
        now: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._engine = engine
        self._personal_data = personal_data
        self._sender = sender
        self._now = now
        self._chance = chance
        self._directory = DirectoryCache()
        self._under_way: dict[Future[Answer], Claim] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._stopping = threading.Event()

    def run(self) -> Delivered:
        """Publish new events and make the deliveries that are due, until there are none or time is up.

        A delivery that fails by a fault of this program is left to its lease and holds up no other; such
        faults are raised at the end as NotAllDone.
        """
        done, failures = Delivered(), Failures()
        until = time.monotonic() + RUN_SECONDS
        while not self._stopping.is_set():
            published = self._publish()
            noted = self._note_answers(failures)
            begun = self._begin(failures)
            done = Delivered(done.published + published, done.delivered + noted[0], done.failed + noted[1])
            if time.monotonic() >= until or not (self._under_way or begun or published == PORTION):
                break
            if self._under_way:
                wait(self._under_way, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        failures.tell(done._asdict())
        return done

    def stop(self) -> None:
        """Let the run that is under way end soon, and begin no other. Any thread may call this."""
        self._stopping.set()

    def close(self) -> None:
        """After the last run: wait for the requests under way and note how they went."""
        self.stop()
        wait(self._under_way, timeout=TOTAL_SECONDS)
        self._note_answers(Failures())  # the log has them; nobody waits for this run
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _publish(self) -> int:
        with self._engine.begin() as connection:
            return publish(connection, self._now())

    def _begin(self, failures: Failures) -> int:
        """Claim what is due and send it off; how many deliveries. Failing endpoints have their own places."""
        failing = sum(one.failing for one in self._under_way.values())
        free = AT_ONCE - len(self._under_way)
        begun = self._claim_and_send(
            failures, min(free, AT_ONCE_FAILING - failing), EACH_FAILING, failing=True
        )
        return begun + self._claim_and_send(failures, free - begun, EACH, failing=False)

    def _claim_and_send(self, failures: Failures, most: int, each: int, *, failing: bool) -> int:
        if most <= 0:
            return 0
        busy = Counter(one.endpoint_id for one in self._under_way.values())
        with self._engine.begin() as connection:
            directory = self._directory.current(connection)
            claims = claim(connection, self._now(), most, each=each, failing=failing, busy=busy)
        begun = 0
        for one in claims:
            with failures.of(_named(one)):
                begun += self._send(one, directory)
        return begun

    def _send(self, claimed: Claim, directory: Directory) -> bool:
        event = shown(claimed.event, directory)
        try:
            secrets = self._secrets(claimed)
        except (KeyError, InvalidTag):
            # Not the receiver's fault: another process may have the key, or the operator bring it.
            log.error("webhook_secret_unreadable", endpoint=claimed.endpoint_id)
            return False
        body = body_of(event)
        headers = signed_headers(secrets, event["id"], body, self._now())
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        future = self._threads.submit(self._sender.send, claimed.url, headers, body.encode())
        self._under_way[future] = claimed
        return True

    def _secrets(self, claimed: Claim) -> Sequence[str]:
        """The present one first, and the one before while it is good."""
        ciphers = [claimed.secret_cipher]
        if (
            claimed.old_secret_cipher is not None
            and claimed.old_secret_until is not None
            and self._now() < claimed.old_secret_until
        ):
            ciphers.append(claimed.old_secret_cipher)
        return [unseal(self._personal_data, claimed.endpoint_id, cipher) for cipher in ciphers]

    def _note_answers(self, failures: Failures) -> tuple[int, int]:
        """Of the requests that have ended; how many were delivered and how many were not."""
        delivered = failed = 0
        for future in [future for future in self._under_way if future.done()]:
            claimed = self._under_way[future]
            # If the database is away this raises, and it is noted in the next run.
            with failures.of(_named(claimed)):
                answer = future.result()
                with self._engine.begin() as connection:
                    self._note(connection, claimed, answer)
                delivered += answer.delivered
                failed += not answer.delivered
            # Noted, or by a fault of ours never to be: that is left to its lease.
            del self._under_way[future]
        return delivered, failed

    def _note(self, connection: Connection, claimed: Claim, answer: Answer) -> None:
        note(connection, claimed, answer, self._now(), self._chance())
        if not answer.delivered:
            log.info(
                "webhook_not_delivered",
                endpoint=claimed.endpoint_id,
                attempt=claimed.attempt,
                status=answer.status,
                error=answer.error,
            )


def _named(claimed: Claim) -> str:
    return f"delivery of {claimed.event.type} to {endpoint_id_text(claimed.endpoint_id)}"


def body_of(event: dict[str, object]) -> str:
    """The body of a delivery: `type`, `timestamp` and `data` as Standard Webhooks has them, and `id` and
    `participant` as the list of events has them.
    """
    body = {
        "type": event["type"],
        "timestamp": event["made_at"],
        "id": event["id"],
        "participant": event["participant"],
        "data": event["data"],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
