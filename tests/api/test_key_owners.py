"""A key belongs to the participant whose data it is, whoever sends it and however: the same act arrives
once. What was recorded by earlier versions is still found.
"""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from clearing.idempotency import act_hash, key_hash, request_hash
from clearing.tables import outcomes, participants
from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import CHEN, LI, WANG, Alliance
from support.api import Caller, code, good, wait_for_import

AT = {"card": WANG, "merchant": "LOTUS-1"}

#: How the operator, a participant and a till each say the same; defaults are left out, null or said.
ACCRUAL: list[dict[str, Any]] = [
    {**AT, "amount": 6800},
    {**AT, "amount": 6800, "points": None, "reference": None, "metadata": {}, "occurred_at": None},
]
REDEMPTION: list[dict[str, Any]] = [
    {**AT, "points": 100},
    {**AT, "points": 100, "amount": None, "capture": True, "expires_at": None},
]
#: LOTUS-1 belongs to LOTUS, whose stored value is sold there if nobody else is named.
LOAD: list[dict[str, Any]] = [
    {**AT, "amount": 6800},
    {**AT, "amount": 6800, "issuer": None},
    {**AT, "amount": 6800, "issuer": "LOTUS"},
]


def senders(alliance: Alliance) -> list[Caller]:
    return [alliance.operator, alliance.participant("LOTUS"), alliance.merchant("LOTUS-1")]


def row(values: dict[str, Any], key: str) -> str:
    """A file of one row of CSV."""
    columns = {**values, "key": key}
    return ",".join(columns) + "\n" + ",".join(map(str, columns.values())) + "\n"


def sent(caller: Caller, kind: str, values: dict[str, Any], key: str, way: str) -> str:
    """What became of the row: accepted, replayed or refused."""
    content, media_type = (
        (row(values, key), "text/csv")
        if way == "csv"
        else (json.dumps({**values, "key": key}), "application/x-ndjson")
    )
    done = wait_for_import(caller, kind, content, media_type=media_type)
    [became] = [name for name in ("accepted", "replayed", "refused") if done[name]]
    return became


def differences(alliance: Alliance) -> list[Any]:
    with frozen(alliance.services.engine) as connection:
        return list(verify(connection))


@pytest.mark.parametrize(
    ("kind", "path", "said"),
    [
        ("accruals", "/v1/accruals", ACCRUAL),
        ("redemptions", "/v1/redemptions", REDEMPTION),
        ("loads", "/v1/loads", LOAD),
        ("loads", "/v1/loads", LOAD[::-1]),
    ],
)
def test_the_same_act_arrives_once_by_call_and_by_file(
    alliance: Alliance, kind: str, path: str, said: list[dict[str, Any]]
) -> None:
    first = good(alliance.operator.post(path, said[0], idempotency_key="bill 1"))
    sums = alliance.sums()
    for sender in senders(alliance):
        for body in said:
            again = sender.post(path, body, idempotency_key="bill 1")
            assert (good(again)["id"], again.headers["Idempotency-Replayed"]) == (first["id"], "true")
    for sender in senders(alliance)[:2]:
        for way in ("csv", "ndjson"):
            for values in said if kind == "loads" else said[:1]:
                row_of = {name: value for name, value in values.items() if value is not None}
                assert sent(sender, kind, row_of, "bill 1", way) == "replayed"
    assert alliance.sums() == sums
    assert differences(alliance) == []


def test_a_load_of_anothers_stored_value_is_another_act(alliance: Alliance) -> None:
    good(alliance.operator.post("/v1/loads", LOAD[2], idempotency_key="bill 1"))
    for sender in senders(alliance):
        other = sender.post("/v1/loads", {**LOAD[2], "issuer": "JADE"}, idempotency_key="bill 1")
        assert (other.status_code, code(other)) == (422, "idempotency_key_reused")
    # And one that was recorded while naming oneself was another request than naming nobody.
    with alliance.services.engine.begin() as connection:
        named = act_hash("load", LOAD[2])
        connection.execute(update(outcomes).values(request_hash=named))
    for sender in senders(alliance):
        again = sender.post("/v1/loads", LOAD[2], idempotency_key="bill 1")
        assert again.headers["Idempotency-Replayed"] == "true"
    assert differences(alliance) == []


def test_the_same_act_arrives_once_by_file_and_by_call(alliance: Alliance) -> None:
    at = "2026-11-22T10:00:00+08:00"
    values = {**AT, "amount": 6800, "occurred_at": at, "reference": "B-1"}
    assert sent(alliance.participant("LOTUS"), "accruals", values, "bill 1", "csv") == "accepted"
    assert sent(alliance.operator, "accruals", values, "bill 1", "ndjson") == "replayed"
    body = values | {"occurred_at": "2026-11-22T02:00:00Z"}  # the same moment
    for sender in senders(alliance):
        assert sender.post("/v1/accruals", body, idempotency_key="bill 1").headers["Idempotency-Replayed"]
    other = body | {"amount": 6801}
    for sender in senders(alliance):
        refused = sender.post("/v1/accruals", other, idempotency_key="bill 1")
        assert (refused.status_code, code(refused)) == (422, "idempotency_key_reused")


def test_a_file_without_keys_arrives_once_whoever_sends_it(alliance: Alliance) -> None:
    content = "card,merchant,amount\n" + f"{WANG},LOTUS-1,100\n" * 3
    first = wait_for_import(alliance.operator, "accruals", content)
    again = wait_for_import(alliance.participant("LOTUS"), "accruals", content)
    assert (first["accepted"], again["accepted"], again["replayed"]) == (3, 0, 3)


def test_opening_balances_are_the_issuers(alliance: Alliance) -> None:
    values = {"card": LI, "issuer": "LOTUS", "asset": "points", "quantity": 70}
    assert sent(alliance.operator, "balances", values, "old 1", "csv") == "accepted"
    assert sent(alliance.participant("LOTUS"), "balances", values, "old 1", "ndjson") == "replayed"
    # Another issuer's row is another act, though the operator sends both with one key.
    theirs = values | {"issuer": "JADE"}
    assert sent(alliance.operator, "balances", theirs, "old 1", "csv") == "accepted"


def test_members_are_their_home_participants(alliance: Alliance) -> None:
    body = {"participant": "LOTUS", "name": "Zhao Min", "tier": None}
    first = good(alliance.operator.post("/v1/members", body, idempotency_key="m 1"))
    again = alliance.participant("LOTUS").post(
        "/v1/members", {"participant": "LOTUS", "name": "Zhao Min"}, idempotency_key="m 1"
    )
    assert (good(again)["id"], again.headers["Idempotency-Replayed"]) == (first["id"], "true")
    values = {"participant": "LOTUS", "name": "Zhao Min"}
    for sender in senders(alliance)[:2]:
        assert sent(sender, "members", values, "m 1", "csv") == "replayed"


def test_what_follows_a_hold_is_the_participants_at_whose_merchant_it_was_placed(alliance: Alliance) -> None:
    placed = good(alliance.operator.post("/v1/redemptions", {**AT, "points": 2000, "capture": False}))
    path = f"/v1/holds/{placed['hold']}/capture"
    good(alliance.operator.post(path, {"points": 1800}, idempotency_key="out"))
    for sender in senders(alliance):
        again = sender.post(path, {"points": 1800, "amount": None}, idempotency_key="out")
        assert (good(again)["captured"], again.headers["Idempotency-Replayed"]) == (1800, "true")
        assert code(sender.post(path, {"points": 1700}, idempotency_key="out")) == "idempotency_key_reused"


def test_so_it_is_when_the_wallet_was_merged_into_another_meanwhile(alliance: Alliance) -> None:
    alliance.open_points(LI, "LOTUS", 50)
    held = {"card": LI, "merchant": "LOTUS-1", "points": 50, "capture": False}
    placed = good(alliance.merchant("LOTUS-1").post("/v1/redemptions", held))
    good(alliance.operator.post(f"/v1/wallets/{alliance.wallet(WANG)}/links", {"card": LI}))
    assert alliance.wallet(LI) == alliance.wallet(WANG)
    path = f"/v1/holds/{placed['hold']}/capture"
    good(alliance.operator.post(path, {"points": 40}, idempotency_key="out"))
    again = alliance.merchant("LOTUS-1").post(path, {"points": 40}, idempotency_key="out")
    assert (good(again)["captured"], again.headers["Idempotency-Replayed"]) == (40, "true")


def test_releasing_is_the_participants_too(alliance: Alliance) -> None:
    placed = good(alliance.merchant("LOTUS-1").post("/v1/redemptions", {**AT, "points": 5, "capture": False}))
    path = f"/v1/holds/{placed['hold']}/void"
    good(alliance.merchant("LOTUS-1").post(path, {}, idempotency_key="no show"))
    assert alliance.operator.post(path, {}, idempotency_key="no show").headers["Idempotency-Replayed"]


def test_reversals_are_the_participants_whose_transaction_they_undo(alliance: Alliance) -> None:
    act = good(alliance.merchant("LOTUS-1").post("/v1/redemptions", {**AT, "points": 500}))
    path = f"/v1/transactions/{act['id']}/reversals"
    body = {"points": 200, "reason": "left early"}
    good(alliance.operator.post(path, body, idempotency_key="undo"))
    sums = alliance.sums()
    for sender in senders(alliance):
        assert sender.post(path, body, idempotency_key="undo").headers["Idempotency-Replayed"]
    values = {**body, "transaction": act["id"]}
    for sender in senders(alliance)[:2]:
        assert sent(sender, "reversals", values, "undo", "csv") == "replayed"
    assert alliance.sums() == sums
    assert differences(alliance) == []


def test_two_tills_of_one_participant_share_their_keys(alliance: Alliance) -> None:
    good(alliance.merchant("LOTUS-1").post("/v1/accruals", {**AT, "amount": 1}, idempotency_key="till"))
    other = {"card": WANG, "merchant": "LOTUS-2", "amount": 1}
    assert code(alliance.merchant("LOTUS-2").post("/v1/accruals", other, idempotency_key="till")) == (
        "idempotency_key_reused"
    )


def test_blanks_around_a_key_are_not_part_of_it(alliance: Alliance) -> None:
    values = {**AT, "amount": 5}
    assert sent(alliance.operator, "accruals", values, " padded  ", "ndjson") == "accepted"
    again = alliance.participant("LOTUS").post("/v1/accruals", values, idempotency_key="padded")
    assert again.headers["Idempotency-Replayed"] == "true"


# ---- what earlier versions have recorded ---------------------------------------------------------


def recorded_before(alliance: Alliance, key: str, owner: str, operation: str, said: dict[str, Any]) -> None:
    """Move the newest outcome to where an earlier version would have put it."""
    with alliance.services.engine.begin() as connection:
        newest = connection.execute(outcomes.select().order_by(outcomes.c.recorded_at.desc()).limit(1)).one()
        before = {"key": key_hash(owner, key), "request_hash": request_hash(operation, said)}
        connection.execute(update(outcomes).where(outcomes.c.key == newest.key).values(before))


def owner_of_lotus(alliance: Alliance) -> str:
    with alliance.services.engine.connect() as connection:
        lotus = connection.execute(participants.select().where(participants.c.code == "LOTUS")).one()
    return f"participant:{lotus.id}"


@pytest.mark.parametrize("sender", [0, 1], ids=["operator", "participant"])
def test_an_outcome_of_an_earlier_version_is_found_by_a_call(alliance: Alliance, sender: int) -> None:
    body = {**AT, "points": 100, "capture": True, "occurred_at": None}
    caller = senders(alliance)[sender]
    first = good(caller.post("/v1/redemptions", body))
    owner = "hub" if sender == 0 else owner_of_lotus(alliance)
    recorded_before(alliance, "k", owner, "redemption", body)
    sums = alliance.sums()
    again = caller.post("/v1/redemptions", body, idempotency_key="k")
    assert (good(again)["id"], again.headers["Idempotency-Replayed"]) == (first["id"], "true")
    other = caller.post("/v1/redemptions", body | {"points": 101}, idempotency_key="k")
    assert code(other) == "idempotency_key_reused"
    assert alliance.sums() == sums


def test_an_outcome_of_an_earlier_version_is_found_by_a_capture(alliance: Alliance) -> None:
    placed = good(alliance.operator.post("/v1/redemptions", {**AT, "points": 20, "capture": False}))
    path = f"/v1/holds/{placed['hold']}/capture"
    good(alliance.operator.post(path, {"points": 18}))
    recorded_before(alliance, "out", "hub", "capture", {"points": 18, "hold": placed["hold"]})
    again = alliance.operator.post(path, {"points": 18}, idempotency_key="out")
    assert again.headers["Idempotency-Replayed"] == "true"


SENDERS: list[Callable[[Alliance], Caller]] = [
    lambda all_: all_.operator,
    lambda all_: all_.participant("LOTUS"),
]


@pytest.mark.parametrize("of", SENDERS, ids=["operator", "participant"])
@pytest.mark.parametrize(
    ("kind", "operation", "values"),
    [
        ("redemptions", "redemption", {**AT, "points": 100, "purpose": "tea"}),
        ("members", "member", {"participant": "LOTUS", "name": "Qian", "tier": "gold"}),
        ("loads", "load", {**AT, "issuer": "LOTUS", "amount": 100}),
        ("balances", "opening", {"card": LI, "issuer": "LOTUS", "asset": "points", "quantity": 9}),
    ],
)
def test_an_outcome_of_an_earlier_version_is_found_by_a_row(
    alliance: Alliance,
    of: Callable[[Alliance], Caller],
    kind: str,
    operation: str,
    values: dict[str, Any],
) -> None:
    caller = of(alliance)
    assert sent(caller, kind, values, str(uuid4()), "ndjson") == "accepted"
    owner = "hub" if caller is alliance.operator else owner_of_lotus(alliance)
    recorded_before(alliance, "row", owner, operation, values)
    for way in ("csv", "ndjson"):
        assert sent(caller, kind, values, "row", way) == "replayed"
    assert sent(caller, kind, values | {"card": CHEN}, "row", "csv") == "refused"
