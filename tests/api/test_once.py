"""A call with an idempotency key is carried out once, whatever it makes; a header sent twice is refused."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from time import monotonic
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from clearing import answers
from clearing.answers import Answer, find_answer, forget_answers, keep_answer
from clearing.idempotency import key_hash
from clearing.tables import keyed_answers
from clearing.verify import frozen
from database.engine import POOL_TIMEOUT_SECONDS
from settlement.verify import verify
from support.alliance import CHEN, LI, WANG, Alliance
from support.api import Caller, code, detail, good
from support.disputes import Closed
from support.receiver import LOCAL
from webhooks.addresses import AddressPolicy

HOOKS = "/v1/webhook-endpoints"
WORDS = {"text": "Booked twice"}


class Case(NamedTuple):
    """A call, and another one of the same kind; `secret`: what is in the first answer only."""

    caller: Caller
    path: str
    body: Any
    other_path: str = ""
    other_body: Any = None
    secret: str | None = None


class World:
    """An alliance in which there is something of everything, made when it is asked for."""

    def __init__(self, alliance: Alliance) -> None:
        self.alliance, self.operator = alliance, alliance.operator
        self.jade = alliance.participant("JADE")
        alliance.services.webhook_addresses = AddressPolicy(LOCAL)

    def made(self, path: str, body: Any, caller: Caller | None = None) -> Any:
        return good((caller or self.operator).post(path, body))

    def closed(self) -> Closed:
        return Closed(self.alliance)

    def approved(self) -> Closed:
        closed = self.closed()
        good(self.operator.post(f"/v1/periods/{closed.period}/approve"))
        return closed

    def hold(self) -> str:
        held = {"card": WANG, "merchant": "LOTUS-1", "points": 10, "capture": False}
        return str(self.made("/v1/redemptions", held)["hold"])

    def endpoint(self) -> str:
        return f"{HOOKS}/{self.made(HOOKS, {'url': 'http://127.0.0.1:9/'}, self.jade)['id']}"

    def two_adjustments(self) -> tuple[str, str]:
        body = {"kind": "points", "card": WANG, "issuer": "JADE", "points": 5, "reason": "gift"}
        first, second = (self.made("/v1/adjustments", body)["id"] for _ in "12")
        return f"/v1/adjustments/{first}", f"/v1/adjustments/{second}"

    def second_operator(self) -> Caller:
        return self.alliance.caller(self.made("/v1/api-keys", {"scope": "operator", "name": "two"})["key"])

    def user(self, name: str) -> None:
        self.made("/v1/users", {"name": name, "full_name": "Wu", "scope": "finance", "participant": "JADE"})

    def two_links(self) -> tuple[str, str]:
        """Proposed by JADE: of Wang's card with Li's, and with Chen's."""
        wallet = self.alliance.wallet(WANG)
        first, second = (
            self.made(f"/v1/wallets/{wallet}/links", {"card": card}, self.jade)["id"] for card in (LI, CHEN)
        )
        return f"/v1/links/{first}", f"/v1/links/{second}"

    def dispute(self, closed: Closed) -> str:
        return f"/v1/disputes/{closed.open('JADE', closed.redemption['id'])['id']}"


def _act(kind: str, **body: Any) -> Callable[[World], Case]:
    def case(world: World) -> Case:
        said = {"card": WANG, "merchant": "LOTUS-1", **body}
        first = next(iter(body))
        return Case(world.operator, f"/v1/{kind}", said, other_body=said | {first: body[first] + 1})

    return case


def _of_hold(act: str) -> Callable[[World], Case]:
    return lambda world: Case(
        world.operator, f"/v1/holds/{world.hold()}/{act}", {}, f"/v1/holds/{world.hold()}/{act}"
    )


def _reversal(world: World) -> Case:
    act = world.made("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 10})
    path, body = f"/v1/transactions/{act['id']}/reversals", {"reason": "left", "points": 3}
    return Case(world.operator, path, body, other_body=body | {"points": 4})


def _member(world: World) -> Case:
    body = {"participant": "JADE", "name": "Zhao"}
    return Case(world.jade, "/v1/members", body, other_body=body | {"name": "Qian"})


def _erasure(world: World) -> Case:
    body = {"reason": "asked for"}
    first, second = (f"/v1/members/{world.alliance.member(card)}/erasure" for card in (LI, CHEN))
    return Case(world.operator, first, body, second)


def _replacement(world: World) -> Case:
    path = f"/v1/cards/{LI}/replacement"
    return Case(world.operator, path, {"number": "62000031"}, other_body={"number": "62000032"})


def _adjustment(world: World) -> Case:
    body = {"kind": "money", "debtor": "JADE", "creditor": "PINE", "amount": 100, "reason": "agreed"}
    return Case(world.operator, "/v1/adjustments", body, other_body=body | {"amount": 101})


def _decision(act: str) -> Callable[[World], Case]:
    def case(world: World) -> Case:
        first, second = world.two_adjustments()
        return Case(world.second_operator(), f"{first}/{act}", {}, f"{second}/{act}")

    return case


def _fee_rule(world: World) -> Case:
    body = {"kind": "visit", "payer": "acceptor", "rate": "0.01"}
    return Case(world.operator, "/v1/fee-rules", body, other_body=body | {"rate": "0.02"})


def _participant(world: World) -> Case:
    body = {"code": "OAK", "name": "Oak"}
    return Case(world.operator, "/v1/participants", body, other_body=body | {"code": "ELM"})


def _merchant(world: World) -> Case:
    path, body = "/v1/participants/PINE/merchants", {"code": "PINE-7", "name": "Seven"}
    return Case(world.operator, path, body, "/v1/participants/JADE/merchants")


def _api_key(world: World) -> Case:
    body = {"scope": "finance", "participant": "JADE"}
    return Case(world.jade, "/v1/api-keys", body, other_body=body | {"name": "two"}, secret="key")


def _rotation(world: World) -> Case:
    first, second = (world.made("/v1/api-keys", {"scope": "auditor"})["id"] for _ in "12")
    path = "/v1/api-keys/{}/rotate"
    return Case(world.operator, path.format(first), {}, path.format(second), secret="key")


def _user(world: World) -> Case:
    body = {"name": "wu.fang", "full_name": "Wu", "scope": "finance", "participant": "JADE"}
    other = body | {"name": "zheng"}
    return Case(world.operator, "/v1/users", body, other_body=other, secret="password")


def _password(world: World) -> Case:
    world.user("wu.fang")
    world.user("zheng")
    return Case(
        world.operator, "/v1/users/wu.fang/password", {}, "/v1/users/zheng/password", secret="password"
    )


def _endpoint(world: World) -> Case:
    body = {"url": "http://127.0.0.1:9/"}
    other = body | {"description": "two"}
    return Case(world.jade, HOOKS, body, other_body=other, secret="secret")


def _of_endpoint(act: str, body: Any = None, secret: str | None = None) -> Callable[[World], Case]:
    return lambda world: Case(
        world.jade, f"{world.endpoint()}/{act}", body, f"{world.endpoint()}/{act}", secret=secret
    )


def _delivery(world: World) -> Case:
    path = world.endpoint()
    first, second = (world.made(f"{path}/test", {}, world.jade)["id"] for _ in "12")
    return Case(world.jade, f"{path}/deliveries/{first}/replay", {}, f"{path}/deliveries/{second}/replay")


def _link(world: World) -> Case:
    path = f"/v1/wallets/{world.alliance.wallet(WANG)}/links"
    return Case(world.jade, path, {"card": LI}, other_body={"card": CHEN})


def _linking(act: str) -> Callable[[World], Case]:
    def case(world: World) -> Case:
        first, second = world.two_links()
        return Case(world.operator, f"{first}/{act}", {}, f"{second}/{act}")

    return case


def _unlinking(world: World) -> Case:
    for link in world.two_links():
        good(world.operator.post(f"{link}/approve"))
    return Case(world.operator, f"/v1/cards/{LI}/unlink", {}, f"/v1/cards/{CHEN}/unlink")


def _closing(world: World) -> Case:
    world.made("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 10})
    [period] = good(world.operator.get("/v1/periods"))["data"]
    path = f"/v1/periods/{period['period']}/close"
    return Case(world.operator, path, {"early": True}, other_body={"early": False})


def _approval(world: World) -> Case:
    path = f"/v1/periods/{world.closed().period}"
    return Case(world.operator, f"{path}/approve", {}, f"{path}/close")


def _payment(world: World) -> Case:
    path = f"/v1/settlements/{world.approved().period}/payments"
    body = {"participant": "JADE", "direction": "in", "amount": 100, "bank_reference": "B-1"}
    return Case(world.operator, path, body, other_body=body | {"bank_reference": "B-2"})


def _taking_back(world: World) -> Case:
    path = f"/v1/settlements/{world.approved().period}/payments"
    body = {"participant": "JADE", "direction": "in", "amount": 100}
    first, second = (world.made(path, body | {"bank_reference": f"B-{n}"})["id"] for n in "12")
    reason = {"reason": "mistyped"}
    return Case(world.operator, f"{path}/{first}/reversals", reason, f"{path}/{second}/reversals")


def _carrying(world: World) -> Case:
    path = f"/v1/settlements/{world.approved().period}"
    reason = {"reason": "agreed"}
    return Case(world.operator, f"{path}/JADE/carry-forward", reason, f"{path}/PINE/carry-forward")


def _dispute(world: World) -> Case:
    closed = world.closed()
    body = closed.body("JADE", closed.redemption["id"])
    return Case(closed.jade, "/v1/disputes", body, other_body=body | {"text": "Other words"})


def _of_dispute(act: str, who: str, body: Any) -> Callable[[World], Case]:
    def case(world: World) -> Case:
        closed = world.closed()
        path = f"{world.dispute(closed)}/{act}"
        return Case(world.alliance.finance(who), path, body, other_body={"text": "Other words"})

    return case


#: Each POST that makes something, by its rule; a new one has to be added here.
CASES: dict[str, Callable[[World], Case]] = {
    "/v1/accruals": _act("accruals", amount=100),
    "/v1/redemptions": _act("redemptions", points=10),
    "/v1/loads": _act("loads", amount=100),
    "/v1/spends": _act("spends", amount=100),
    "/v1/holds/<hold_id>/capture": _of_hold("capture"),
    "/v1/holds/<hold_id>/void": _of_hold("void"),
    "/v1/transactions/<transaction_id>/reversals": _reversal,
    "/v1/members": _member,
    "/v1/members/<member_id>/erasure": _erasure,
    "/v1/cards/<number>/replacement": _replacement,
    "/v1/cards/<number>/unlink": _unlinking,
    "/v1/adjustments": _adjustment,
    "/v1/adjustments/<adjustment_id>/approve": _decision("approve"),
    "/v1/adjustments/<adjustment_id>/reject": _decision("reject"),
    "/v1/fee-rules": _fee_rule,
    "/v1/participants": _participant,
    "/v1/participants/<code>/merchants": _merchant,
    "/v1/api-keys": _api_key,
    "/v1/api-keys/<key_id>/rotate": _rotation,
    "/v1/users": _user,
    "/v1/users/<name>/password": _password,
    "/v1/webhook-endpoints": _endpoint,
    "/v1/webhook-endpoints/<endpoint_id>/rotate-secret": _of_endpoint("rotate-secret", secret="secret"),
    "/v1/webhook-endpoints/<endpoint_id>/test": _of_endpoint("test"),
    "/v1/webhook-endpoints/<endpoint_id>/replay": _of_endpoint(
        "replay", {"since": "2026-01-01T00:00:00+08:00"}
    ),
    "/v1/webhook-endpoints/<endpoint_id>/deliveries/<delivery_id>/replay": _delivery,
    "/v1/wallets/<wallet_id>/links": _link,
    "/v1/links/<link_id>/approve": _linking("approve"),
    "/v1/links/<link_id>/reject": _linking("reject"),
    "/v1/periods/<name>/close": _closing,
    "/v1/periods/<name>/approve": _approval,
    "/v1/settlements/<period>/payments": _payment,
    "/v1/settlements/<period>/payments/<payment>/reversals": _taking_back,
    "/v1/settlements/<period>/<participant>/carry-forward": _carrying,
    "/v1/disputes": _dispute,
    "/v1/disputes/<dispute_id>/answers": _of_dispute("answers", "LOTUS", WORDS),
    "/v1/disputes/<dispute_id>/accept": _of_dispute("accept", "LOTUS", WORDS),
    "/v1/disputes/<dispute_id>/reject": _of_dispute("reject", "LOTUS", WORDS),
    "/v1/disputes/<dispute_id>/withdraw": _of_dispute("withdraw", "JADE", WORDS),
}
FILES = {
    "/v1/imports": (
        "/v1/imports?kind=members",
        b"participant,name\nPINE,Sun\n",
        b"participant,name\nPINE,Li\n",
    ),
    "/v1/bank-files": (
        "/v1/bank-files",
        b"bank_reference,paid_on,amount_yuan,text\nB-9,2026-11-30,1.00,nothing\n",
        b"bank_reference,paid_on,amount_yuan,text\nB-8,2026-11-30,1.00,nothing\n",
    ),
}
#: They compute, and leave nothing behind that a second one could double.
MAKE_NOTHING = {"/v1/quotes", "/v1/fee-simulations"}


@pytest.fixture
def world(alliance: Alliance) -> World:
    return World(alliance)


def posts(alliance: Alliance) -> Iterator[str]:
    for rule in alliance.app.url_map.iter_rules():
        is_page = getattr(alliance.app.view_functions[rule.endpoint], "is_page", False)
        if "POST" in (rule.methods or ()) and not is_page:
            yield str(rule)


def test_every_post_is_known_to_honour_keys_or_to_make_nothing(shared: Alliance) -> None:
    assert set(posts(shared)) == CASES.keys() | FILES.keys() | MAKE_NOTHING


def test_every_post_that_makes_something_documents_its_key(shared: Alliance) -> None:
    paths = good(shared.app.test_client().get("/openapi.json"))["paths"]
    with_key = set()
    for path, operations in paths.items():
        parameters = operations.get("post", {}).get("parameters", ())
        if any(one["name"] == "Idempotency-Key" for one in parameters):
            with_key.add(path.replace("{", "<").replace("}", ">"))
    assert with_key == CASES.keys() | FILES.keys()
    names = {one["name"] for one in paths["/v1/imports"]["post"]["parameters"]}
    assert names == {"Idempotency-Key", "kind", "historical"}


@pytest.mark.parametrize("rule", CASES)
def test_with_a_key_it_is_carried_out_once(world: World, rule: str) -> None:
    case = CASES[rule](world)
    refuses_a_key_that_is_sent_twice(world, case.caller, case.path, json=case.body or {})
    first = case.caller.post(case.path, case.body, idempotency_key="once")
    good(first)
    assert "Idempotency-Replayed" not in first.headers
    before, sums = world.alliance.row_counts(), world.alliance.sums()
    again = case.caller.post(case.path, case.body, idempotency_key="once")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (first.status_code, "true")
    expected = dict(first.json)  # type: ignore[arg-type]
    if case.secret is not None:
        assert expected[case.secret]
        expected[case.secret] = None
    assert again.json == expected
    other = case.caller.post(
        case.other_path or case.path,
        case.body if case.other_body is None else case.other_body,
        idempotency_key="once",
    )
    assert (other.status_code, code(other)) == (422, "idempotency_key_reused")
    assert world.alliance.row_counts() == before
    assert world.alliance.sums() == sums


def refuses_a_key_that_is_sent_twice(world: World, caller: Caller, path: str, **sent: Any) -> None:
    before = world.alliance.row_counts()
    for keys in (("a", "b"), ("a", "a"), ("a,b",)):
        headers = [("Authorization", f"Bearer {caller.key}"), *(("Idempotency-Key", key) for key in keys)]
        refused = world.alliance.app.test_client().post(path, headers=headers, **sent)
        assert (refused.status_code, code(refused)) == (400, "malformed")
        assert "one key" in detail(refused)
    assert world.alliance.row_counts() == before


def file_sent(world: World, path: str, content: bytes, key: str = "once") -> TestResponse:
    headers = {"Authorization": f"Bearer {world.operator.key}", "Idempotency-Key": key}
    client = world.alliance.app.test_client()
    return client.post(path, data=content, headers=headers, content_type="text/csv")


@pytest.mark.parametrize("rule", FILES)
def test_a_file_sent_again_with_its_key_is_answered_as_the_first_time(world: World, rule: str) -> None:
    path, content, other = FILES[rule]
    refuses_a_key_that_is_sent_twice(world, world.operator, path, data=content, content_type="text/csv")
    first = file_sent(world, path, content)
    good(first)
    before = world.alliance.row_counts()
    again = file_sent(world, path, content)
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers.get("Location") == first.headers.get("Location")
    assert code(file_sent(world, path, other)) == "idempotency_key_reused"
    after = world.alliance.row_counts()
    assert after["imports"] == before["imports"]
    assert after["keyed_answers"] == before["keyed_answers"]
    assert not list(world.alliance.services.files.glob("*.upload")) or rule == "/v1/imports"


def test_without_a_key_nothing_is_kept_and_each_is_done(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.operator.key}"}
    case = _adjustment(world)
    before = world.alliance.row_counts()
    for _ in "12":
        made = world.alliance.app.test_client().post(case.path, json=case.body, headers=headers)
        assert made.status_code == 201
    after = world.alliance.row_counts()
    assert after["adjustments"] == before["adjustments"] + 2
    assert after["keyed_answers"] == before["keyed_answers"]


def test_an_adjustment_sent_twice_with_one_key_is_one_and_booked_once(world: World) -> None:
    """The case of the issue, to its end."""
    body = {"kind": "points", "card": WANG, "issuer": "JADE", "points": 700, "reason": "gift"}
    ids = {world.operator.post("/v1/adjustments", body, idempotency_key="a").json["id"] for _ in "123"}  # type: ignore[index]
    assert len(ids) == 1
    before = world.alliance.sums()["available"]
    approved = good(world.second_operator().post(f"/v1/adjustments/{ids.pop()}/approve"))
    assert approved["transaction"]
    assert good(world.operator.get("/v1/adjustments"))["data"] == [approved]
    assert world.alliance.sums()["available"] == before + 700
    with frozen(world.alliance.services.engine) as connection:
        assert list(verify(connection)) == []


# ---- at once, and cut off ------------------------------------------------------------------------


def at_once(
    world: World, caller: Caller, path: str, body: Any, keys: tuple[str, ...] = ("k",) * 4
) -> list[TestResponse]:
    together = Barrier(len(keys))

    def call(key: str) -> TestResponse:
        own = world.alliance.caller(caller.key)
        together.wait()
        return own.post(path, body, idempotency_key=key)

    with ThreadPoolExecutor(len(keys)) as threads:
        return list(threads.map(call, keys))


def test_calls_at_once_with_one_key_make_one_thing(world: World) -> None:
    body = {"kind": "money", "debtor": "JADE", "creditor": "PINE", "amount": 100, "reason": "agreed"}
    found = at_once(world, world.operator, "/v1/adjustments", body)
    assert {good(one)["id"] for one in found} == {good(found[0])["id"]}
    assert sorted(one.headers.get("Idempotency-Replayed", "") for one in found) == [
        "",
        "true",
        "true",
        "true",
    ]
    assert len(good(world.operator.get("/v1/adjustments"))["data"]) == 1


def test_calls_at_once_that_have_transactions_of_their_own_make_one_thing_too(world: World) -> None:
    first, _ = world.two_adjustments()
    found = at_once(world, world.second_operator(), f"{first}/approve", {})
    assert {good(one)["transaction"] for one in found} == {good(found[0])["transaction"]}
    assert sum("Idempotency-Replayed" in one.headers for one in found) == 3


def test_more_calls_at_once_than_there_are_connections_all_come_through(world: World) -> None:
    """Each has a connection for its key while its act asks for another."""
    first, _ = world.two_adjustments()
    started = monotonic()
    found = at_once(world, world.second_operator(), f"{first}/approve", {}, tuple(map(str, range(30))))
    assert {good(one)["transaction"] for one in found} == {good(found[0])["transaction"]}
    assert monotonic() - started < POOL_TIMEOUT_SECONDS


def test_a_call_whose_key_is_in_hand_for_long_is_told_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "SECONDS_WAITED_MAX", 0.2)
    with world.alliance.services.engine.begin() as other:
        answers.hold_key(other, key_hash("hub", "k"))
        for path, body in (
            ("/v1/participants", {"code": "OAK", "name": "Oak"}),
            (f"{world.two_adjustments()[0]}/reject", {}),
        ):
            waiting = world.operator.post(path, body, idempotency_key="k")
            assert (waiting.status_code, code(waiting)) == (409, "in_flight")
    good(world.operator.post("/v1/participants", {"code": "OAK", "name": "Oak"}, idempotency_key="k"))


def test_an_answer_that_cannot_be_kept_undoes_the_act(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = _adjustment(world)

    def fails(*_: Any) -> None:
        raise RuntimeError("the power went out")

    before = world.alliance.row_counts()
    with monkeypatch.context() as broken:
        broken.setattr(answers, "keep_answer", fails)
        assert code(world.operator.post(case.path, case.body, idempotency_key="k")) == "internal"
    assert world.alliance.row_counts() == before
    good(world.operator.post(case.path, case.body, idempotency_key="k"))
    assert len(good(world.operator.get("/v1/adjustments"))["data"]) == 1


def test_what_is_repeatable_is_done_again_to_no_effect_after_a_crash(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = world.two_adjustments()
    caller = world.second_operator()

    def fails(*_: Any) -> None:
        raise RuntimeError("the power went out")

    with monkeypatch.context() as broken:
        broken.setattr(answers, "keep_answer", fails)
        assert code(caller.post(f"{path}/approve", {}, idempotency_key="k")) == "internal"
    sums = world.alliance.sums()
    good(caller.post(f"{path}/approve", {}, idempotency_key="k"))
    assert world.alliance.sums() == sums


def test_a_refusal_leaves_the_key_free(world: World) -> None:
    taken = {"code": "JADE", "name": "Jade"}
    for _ in "12":
        refused = world.operator.post("/v1/participants", taken, idempotency_key="k")
        assert code(refused) == "already_exists"
        assert "Idempotency-Replayed" not in refused.headers
    good(world.operator.post("/v1/participants", taken | {"code": "OAK"}, idempotency_key="k"))


def test_who_may_not_call_learns_nothing_of_the_answer(world: World) -> None:
    case = _adjustment(world)
    good(world.operator.post(case.path, case.body, idempotency_key="k"))
    assert code(world.jade.post(case.path, case.body, idempotency_key="k")) == "forbidden"


def test_two_participants_may_use_the_same_key(world: World) -> None:
    body = {"url": "http://127.0.0.1:9/"}
    first = good(world.jade.post(HOOKS, body, idempotency_key="k"))
    second = good(world.alliance.participant("PINE").post(HOOKS, body, idempotency_key="k"))
    assert first["id"] != second["id"]


def test_secrets_are_not_in_what_is_kept(world: World) -> None:
    body = {"scope": "finance", "participant": "JADE"}
    made = good(world.operator.post("/v1/api-keys", body, idempotency_key="k"))
    with world.alliance.services.engine.connect() as connection:
        kept = list(connection.execute(text("SELECT keyed_answers::text FROM keyed_answers")).scalars())
    assert not any(made["key"] in one for one in kept)
    assert any(made["id"] in one for one in kept)


# ---- how long answers are kept -------------------------------------------------------------------


def test_answers_are_kept_as_long_as_their_month_is_open_and_two_months(world: World) -> None:
    now = datetime.now(UTC)
    engine = world.alliance.services.engine

    def left(at: datetime, made_at: datetime) -> bool:
        with engine.begin() as connection:
            connection.execute(keyed_answers.delete())
            key = key_hash("hub", "old")
            keep_answer(connection, key, Answer(key, 201, "{}"))
            connection.execute(keyed_answers.update().values(made_at=made_at))
            forget_answers(connection, at)
            return find_answer(connection, key) is not None

    with engine.connect() as connection:
        begun = connection.execute(text("SELECT min(starts_at) FROM periods WHERE state = 'open'")).scalar()
    assert begun is not None
    assert left(now + timedelta(days=400), begun + timedelta(seconds=1))  # its month is open still
    assert not left(now + timedelta(days=400), begun - timedelta(seconds=1))
    assert left(now, now - timedelta(days=61))
    assert not left(now, min(begun, now - timedelta(days=62)) - timedelta(seconds=1))
