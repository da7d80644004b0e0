"""Clients that post, each act under a key of its own, and remember what was answered.

An act without an answer is sent again with its key until there is one, as a till does it. So in the end every
act has an outcome, and the sum of the outcomes is a model of the alliance that the ledger must agree with.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from http.client import HTTPException
from random import Random
from typing import Any, NamedTuple

from drills.alliance import Alliance
from drills.installation import OPERATOR_KEY, Answer, Installation

RETRY_SECONDS = 0.2
#: Between two acts of a client: what is posted has to be asked for again afterwards.
PAUSE_SECONDS = 0.05
RETRIED = (409, 429, 500, 502, 503, 504)


class Act(NamedTuple):
    """What is sent, and by whom."""

    key: str
    path: str
    api_key: str
    body: dict[str, Any]


class Acknowledged(NamedTuple):
    """An act and what was answered, at the time when the answer was there."""

    act: Act
    answer: Answer
    at: datetime


class Load:
    """`clients` threads that post random acts until they are stopped."""

    def __init__(self, installation: Installation, alliance: Alliance, seed: int, clients: int = 8) -> None:
        self._installation = installation
        self._alliance = alliance
        self._stopping = threading.Event()
        self._acknowledged: list[list[Acknowledged]] = [[] for _ in range(clients)]
        self._threads = [
            threading.Thread(
                target=self._run, args=(Random(seed * 1_000 + number), f"{seed}-{number}", number)
            )
            for number in range(clients)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Acknowledged]:
        """All acts with their answers, in the order of the answers."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        return sorted((one for found in self._acknowledged for one in found), key=lambda one: one.at)

    def _run(self, random: Random, name: str, number: int) -> None:
        sent = 0
        while not self._stopping.is_set():
            self._stopping.wait(PAUSE_SECONDS)
            act = self._act(random, f"{name}-{sent}")
            sent += 1
            answer = outcome(self._installation, act, self._stopping)
            if answer is not None:
                self._acknowledged[number].append(Acknowledged(act, answer, datetime.now(UTC)))

    def _act(self, random: Random, key: str) -> Act:
        desk, card = random.choice(self._alliance.desks), random.choice(self._alliance.cards)
        body: dict[str, Any] = {"card": card, "merchant": desk.merchant}
        if random.random() < 0.6:
            return Act(key, "/v1/accruals", desk.api_key, body | {"amount": random.randint(100, 100_000)})
        return Act(key, "/v1/redemptions", desk.api_key, body | {"points": random.randint(1, 800)})


def outcome(installation: Installation, act: Act, stopping: threading.Event | None = None) -> Answer | None:
    """The answer to the act, sent again and again until there is one; None if it is stopped before."""
    while True:
        try:
            answer = installation.call("POST", act.path, act.body, api_key=act.api_key, key=act.key)
            if answer.status not in RETRIED:
                return answer
        except (OSError, HTTPException, ValueError):
            pass
        if stopping is not None and stopping.is_set():
            return None
        time.sleep(RETRY_SECONDS)


class Model(NamedTuple):
    """Points by card; fen owed by (debtor, creditor); fees by payer."""

    points: Counter[str]
    owed: Counter[tuple[str, str]]
    fees: Counter[str]


def model_of(outcomes: Iterable[tuple[Act, Answer]]) -> Model:
    """What all these acts come to."""
    model = Model(Counter(), Counter(), Counter())
    for act, answer in outcomes:
        if answer.status >= 400:
            continue
        sign = 1 if act.path == "/v1/accruals" else -1
        model.points[act.body["card"]] += sign * answer.body["points"]
        for leg in answer.body["legs"]:
            if leg["obligation"]:
                model.owed[leg["issuer"], answer.body["acceptor"]] += leg["obligation"]
            if leg["fee"]:
                model.fees[leg["fee_payer"]] += leg["fee"]
    return model


def model_in(installation: Installation, alliance: Alliance) -> Model:
    """What the ledger says: balances by card check, the rest by the settlement of the open period."""
    points: Counter[str] = Counter()
    desk = alliance.desks[0]
    for card in alliance.cards:
        path = f"/v1/cards/{card}?merchant={desk.merchant}"
        points[card] = installation.call("GET", path, api_key=desk.api_key).body["points"]["available"]
    owed: Counter[tuple[str, str]] = Counter()
    fees: Counter[str] = Counter()
    for period in installation.call("GET", "/v1/periods", api_key=OPERATOR_KEY).body["data"]:
        found = installation.call("GET", f"/v1/settlements/{period['period']}", api_key=OPERATOR_KEY).body
        for one in found["matrix"]:
            owed[one["debtor"], one["creditor"]] += one["amount"]
        for one in found["participants"]:
            fees[one["code"]] += one["fees"]
    return Model(+points, +owed, +fees)


def differences(expected: Model, found: Model) -> list[str]:
    """A line for each figure that differs."""
    pairs: tuple[tuple[str, Counter[Any], Counter[Any]], ...] = (
        ("points", expected.points, found.points),
        ("owed", expected.owed, found.owed),
        ("fees", expected.fees, found.fees),
    )
    return [
        f"{name} of {key}: expected {one[key]}, found {other[key]}"
        for name, one, other in pairs
        for key in sorted(one.keys() | other.keys(), key=str)
        if one[key] != other[key]
    ]
