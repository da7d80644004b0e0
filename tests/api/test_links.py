"""Links: who must agree, what each is told and sees, and that what was begun before comes to its end."""

import json
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from api.imports import store
from api.imports.receive import receive
from api.imports.runner import ImportRunner
from clearing.core.commands import Caller as Authority
from clearing.core.commands import Scope
from clearing.linking import Linker
from clearing.members import Enroller
from clearing.verify import frozen
from clearing.writer import Writer
from settlement.render import FORMATS
from settlement.verify import verify
from support.alliance import CHEN, LI, NOBODY, WANG, Alliance
from support.api import Caller, code, detail, good, wait_for_import

numbers = count(1)


@pytest.fixture(autouse=True)
def adds_up(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """After each test the ledger is whole."""
    used = [request.getfixturevalue(name) for name in ("alliance", "shared") if name in request.fixturenames]
    yield
    for one in used:
        with frozen(one.services.engine) as connection:
            assert list(verify(connection)) == []


def propose(alliance: Alliance, code_: str, card: str, other: str) -> Any:
    return alliance.participant(code_).post(f"/v1/wallets/{alliance.wallet(card)}/links", {"card": other})


def linked(alliance: Alliance, card: str = WANG, other: str = LI) -> dict[str, Any]:
    """By the operator, for all."""
    path = f"/v1/wallets/{alliance.wallet(card)}/links"
    link: dict[str, Any] = good(alliance.operator.post(path, {"card": other}))
    assert link["status"] == "linked"
    return link


def part(alliance: Alliance, code_: str, card: str) -> Any:
    return alliance.participant(code_).post(f"/v1/cards/{card}/unlink")


def told(caller: Caller, type_: str) -> list[dict[str, Any]]:
    return [one["data"] for one in good(caller.get(f"/v1/events?type={type_}"))["data"]]


def points(alliance: Alliance, card: str) -> tuple[int, int]:
    """What of it can be used, and what is held."""
    found = good(alliance.operator.get(f"/v1/wallets/{alliance.wallet(card)}"))["points"]
    return found["available"], found["held"]


def redeem(alliance: Alliance, at: str, card: str, points: int, **more: Any) -> Any:
    body = {"card": card, "merchant": at, "points": points, **more}
    return alliance.merchant(at).post("/v1/redemptions", body)


@pytest.fixture
def person(shared: Alliance) -> tuple[str, str]:
    """A new member of JADE with 500 points there, and one of LOTUS with 200; they may be one person."""
    number = next(numbers)
    cards = f"81{number:06d}", f"82{number:06d}"
    for card, issuer, quantity in zip(cards, ("JADE", "LOTUS"), (500, 200), strict=True):
        shared.enrol(issuer, card, name=f"Guest of {issuer}")
        shared.open_points(card, issuer, quantity)
    return cards


# ---- consent ------------------------------------------------------------------------------------


def test_one_proposes_the_other_agrees_and_the_wallets_are_one(alliance: Alliance) -> None:
    jade, lotus = alliance.participant("JADE"), alliance.participant("LOTUS")
    before, old = alliance.wallet(WANG), alliance.wallet(LI)
    proposed = good(propose(alliance, "LOTUS", LI, WANG))
    assert (proposed["status"], proposed["wallet"]) == ("proposed", None)
    assert proposed["consents"] == [
        {"participant": "JADE", "agreed": False},
        {"participant": "LOTUS", "agreed": True},
    ]
    assert alliance.wallet(LI) == old, "nothing has moved yet"
    assert told(jade, "link.proposed") == [{"link": proposed["id"]}]
    assert told(lotus, "link.proposed") == []
    waiting = good(jade.get("/v1/links?status=proposed"))["data"]
    assert [one["id"] for one in waiting] == [proposed["id"]]
    agreed = good(jade.post(f"/v1/links/{proposed['id']}/approve"))
    assert (agreed["status"], agreed["wallet"]) == ("linked", before)
    assert all(one["agreed"] for one in agreed["consents"])
    assert alliance.wallet(LI) == alliance.wallet(WANG) == before, "the older one stays"
    for caller in (jade, lotus):
        assert told(caller, "wallets.linked") == [{"link": proposed["id"]}]
    assert told(alliance.participant("PINE"), "wallets.linked") == []
    # A visit of Wang to LOTUS is at home now.
    body = {"card": WANG, "merchant": "LOTUS-1", "amount": 10_000}
    [leg] = good(alliance.merchant("LOTUS-1").post("/v1/accruals", body))["legs"]
    assert (leg["issuer"], leg["reason"], leg["fee"]) == ("LOTUS", "own_system", 0)


def test_saying_it_from_the_other_side_agrees_too(shared: Alliance, person: tuple[str, str]) -> None:
    jades, lotuses = person
    first = good(propose(shared, "JADE", jades, lotuses))
    again = good(propose(shared, "JADE", jades, lotuses))
    assert (again["id"], again["status"], again["consents"]) == (first["id"], "proposed", first["consents"])
    second = good(propose(shared, "LOTUS", lotuses, jades))
    assert (second["id"], second["status"]) == (first["id"], "linked")
    for caller, own, other in (("JADE", jades, lotuses), ("LOTUS", lotuses, jades)):
        assert good(propose(shared, caller, own, other)) == good(
            shared.participant(caller).get(f"/v1/links/{first['id']}")
        )
        assert good(shared.participant(caller).post(f"/v1/links/{first['id']}/approve"))["status"] == "linked"
    assert len(told(shared.participant("JADE"), "wallets.linked")) == 1
    rows = good(shared.participant("JADE").get(f"/v1/wallets/{shared.wallet(jades)}/links"))["data"]
    assert [one["id"] for one in rows] == [first["id"]]


def test_the_operator_speaks_for_all(shared: Alliance, person: tuple[str, str]) -> None:
    link = linked(shared, *person)
    assert link["wallet"] == shared.wallet(person[1])
    assert [card["number"] for card in link["cards"]] == sorted(person)
    assert good(shared.auditor.get(f"/v1/links/{link['id']}"))["status"] == "linked"


def test_either_side_can_reject_and_then_it_is_to_be_proposed_anew(
    shared: Alliance, person: tuple[str, str]
) -> None:
    jade, lotus = shared.participant("JADE"), shared.participant("LOTUS")
    first = good(propose(shared, "JADE", *person))
    path = f"/v1/links/{first['id']}"
    assert good(lotus.post(f"{path}/reject"))["status"] == "rejected"
    assert good(jade.post(f"{path}/reject"))["status"] == "rejected"
    assert code(lotus.post(f"{path}/approve")) == "already_exists"
    second = good(propose(shared, "JADE", *person))
    assert second["id"] != first["id"]
    good(jade.post(f"/v1/links/{second['id']}/reject"))  # one's own, taken back
    third = good(propose(shared, "LOTUS", person[1], person[0]))
    good(jade.post(f"/v1/links/{third['id']}/approve"))
    refused = jade.post(f"/v1/links/{third['id']}/reject")
    assert (code(refused), "unlink" in detail(refused)) == ("already_exists", True)


def test_who_shares_either_wallet_must_agree(alliance: Alliance) -> None:
    linked(alliance, LI, CHEN)
    proposed = good(propose(alliance, "JADE", WANG, LI))
    assert [one["participant"] for one in proposed["consents"]] == ["JADE", "LOTUS", "PINE"]
    lotus, pine = alliance.participant("LOTUS"), alliance.participant("PINE")
    assert told(pine, "link.proposed") == [{"link": proposed["id"]}]
    assert good(lotus.post(f"/v1/links/{proposed['id']}/approve"))["status"] == "proposed"
    seen = good(pine.get(f"/v1/links/{proposed['id']}"))
    assert [card["number"] for card in seen["cards"]] == ["****0001", "****0002"]
    approved = good(pine.post(f"/v1/links/{proposed['id']}/approve"))
    assert (approved["status"], approved["wallet"]) == ("linked", None)
    assert alliance.wallet(CHEN) == alliance.wallet(WANG)


def test_who_comes_to_share_a_wallet_is_asked_and_who_has_left_is_not(alliance: Alliance) -> None:
    pine = alliance.participant("PINE")
    proposed = good(propose(alliance, "JADE", WANG, LI))
    linked(alliance, LI, CHEN)
    path = f"/v1/links/{proposed['id']}"
    assert code(pine.get(path)) == "not_found"
    waits = good(alliance.participant("LOTUS").post(f"{path}/approve"))
    assert waits["consents"][-1] == {"participant": "PINE", "agreed": False}
    assert told(pine, "link.proposed") == [{"link": proposed["id"]}]
    good(part(alliance, "PINE", CHEN))
    assert good(alliance.participant("JADE").post(f"{path}/approve"))["status"] == "linked"
    assert code(pine.get(path)) == "not_found"
    assert alliance.wallet(CHEN) != alliance.wallet(LI)


def test_a_consent_that_was_cut_off_before_the_wallets_were_linked_is_completed_by_the_next(
    alliance: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = good(propose(alliance, "JADE", WANG, LI))
    with monkeypatch.context() as patch:
        patch.setattr(Linker, "_complete", lambda *_: 1 / 0)
        path = f"/v1/links/{proposed['id']}/approve"
        response = alliance.participant("LOTUS").post(path)
        assert response.status_code == 500
    waits = good(alliance.participant("JADE").get(f"/v1/links/{proposed['id']}"))
    assert (waits["status"], [one["agreed"] for one in waits["consents"]]) == ("proposed", [True, True])
    assert good(propose(alliance, "JADE", WANG, LI))["status"] == "linked"


# ---- refusals, and what is not to be seen -------------------------------------------------------


def test_what_cannot_be_linked_is_not_proposed(shared: Alliance, person: tuple[str, str]) -> None:
    jades, lotuses = person
    shared.enrol("LOTUS", f"9{lotuses}")
    shared.enrol("JADE", f"9{jades}")
    jade = shared.participant("JADE")
    for other, wanted in (
        (NOBODY, "card_unknown"),
        (jades, "already_exists"),
        (f"9{jades}", "not_linkable"),
    ):
        assert code(propose(shared, "JADE", jades, other)) == wanted
    assert code(jade.post(f"/v1/wallets/{shared.wallet(jades)}/links", {})) == "malformed"
    good(shared.participant("LOTUS").patch(f"/v1/cards/{lotuses}", {"status": "blocked"}))
    assert code(propose(shared, "JADE", jades, lotuses)) == "card_blocked"
    good(shared.participant("LOTUS").patch(f"/v1/cards/{lotuses}", {"status": "active"}))
    good(jade.patch(f"/v1/cards/{jades}", {"expires_on": "2020-01-01"}))
    assert code(propose(shared, "JADE", jades, lotuses)) == "card_expired"
    replaced = good(jade.post(f"/v1/cards/{jades}/replacement", {}))["number"]
    good(jade.patch(f"/v1/cards/{replaced}", {"expires_on": "2099-01-01"}))
    assert good(propose(shared, "JADE", jades, lotuses))["status"] == "proposed", "by the card that is good"
    assert good(jade.get(f"/v1/wallets/{shared.wallet(jades)}/links?status=linked"))["data"] == []


def test_only_who_has_a_member_there_sees_and_says_anything(
    shared: Alliance, person: tuple[str, str]
) -> None:
    proposed = good(propose(shared, "JADE", *person))
    pine, path = shared.participant("PINE"), f"/v1/links/{proposed['id']}"
    for response in (
        pine.get(path),
        pine.post(f"{path}/approve"),
        pine.post(f"{path}/reject"),
        pine.post(f"/v1/wallets/{shared.wallet(person[0])}/links", {"card": person[1]}),
        pine.get(f"/v1/wallets/{shared.wallet(person[0])}/links"),
        pine.get("/v1/links/lnk_nonsense"),
    ):
        assert code(response) == "not_found"
    assert good(pine.get("/v1/links"))["data"] == []
    assert told(pine, "link.proposed") == []
    linked(shared, *person)
    # Not in a file either, though the two share a wallet already.
    row = f"card,other_card\n{person[0]},{person[1]}\n"
    done = wait_for_import(pine, "links", row)
    assert (done["accepted"], done["replayed"], done["refused"]) == (0, 0, 1)
    for caller in (pine, shared.participant("LOTUS")):
        assert code(caller.post(f"/v1/cards/{person[0]}/unlink")) == "card_unknown"


def test_each_sees_its_own_cards_number_and_the_others_masked(
    shared: Alliance, person: tuple[str, str]
) -> None:
    link = linked(shared, *person)
    for index, issuer in enumerate(("JADE", "LOTUS")):
        caller = shared.participant(issuer)
        seen = good(caller.get(f"/v1/links/{link['id']}"))
        assert seen["wallet"] == link["wallet"]
        own, other = (person[index], person[1 - index])
        assert {card["number"] for card in seen["cards"]} == {own, f"****{other[-4:]}"}
        wallet = good(caller.get(f"/v1/wallets/{link['wallet']}"))
        assert other not in json.dumps(wallet)
        listed = caller.get(f"/v1/wallets/{link['wallet']}/transactions")
        assert {one["kind"] for one in good(listed)["data"]} >= {"opening"}
        assert other not in listed.text
        # Of the transfers each sees those of what it owes.
        moved = [one for one in good(listed)["data"] if one["kind"] == "transfer"]
        assert {leg["issuer"] for one in moved for leg in one["legs"]} <= {issuer}
        export = caller.get(f"/v1/members/{shared.member(own)}/export")
        assert json.loads(export.text)["points"]["available"] == 700
        assert other not in export.text


# ---- what was begun before ----------------------------------------------------------------------


def test_the_old_wallets_id_answers_with_the_new_one(shared: Alliance, person: tuple[str, str]) -> None:
    old = shared.wallet(person[1])
    wallet = linked(shared, *person)["wallet"]
    assert old != wallet
    lotus = shared.participant("LOTUS")
    assert good(lotus.get(f"/v1/wallets/{old}")) == good(lotus.get(f"/v1/wallets/{wallet}"))
    assert good(lotus.get(f"/v1/wallets/{old}"))["points"]["available"] == 700
    for path in ("lots", "transactions", "links"):
        assert good(lotus.get(f"/v1/wallets/{old}/{path}")) == good(lotus.get(f"/v1/wallets/{wallet}/{path}"))
    assert good(lotus.get(f"/v1/members/{shared.member(person[1])}"))["wallet"] == wallet


def test_a_hold_of_before_is_found_captured_and_reversed_by_its_old_ids(
    shared: Alliance, person: tuple[str, str]
) -> None:
    desk, reference = shared.merchant("PINE-1"), f"ROOM-{person[1]}"
    key = f"held {person[1]}"
    body = {"card": person[1], "merchant": "PINE-1", "points": 150, "capture": False, "reference": reference}
    held = good(desk.post("/v1/redemptions", body, idempotency_key=key))
    void = good(redeem(shared, "PINE-1", person[1], 20, capture=False))
    linked(shared, *person)
    assert points(shared, person[0]) == (530, 170)
    assert good(desk.get(f"/v1/holds/{held['hold']}"))["status"] == "held"
    assert good(desk.get(f"/v1/transactions/{held['id']}"))["status"] == "held"
    again = desk.post("/v1/redemptions", body, idempotency_key=key)
    assert (again.headers["Idempotency-Replayed"], good(again)["status"]) == ("true", "held")
    assert [one["status"] for one in good(desk.get(f"/v1/holds?card={person[0]}"))["data"]] == ["held"] * 2
    good(desk.post(f"/v1/holds/{void['hold']}/void"))
    captured = good(desk.post(f"/v1/holds/{held['hold']}/capture", {"points": 120}))
    assert (captured["status"], captured["captured"]) == ("captured", 120)
    found = good(desk.get(f"/v1/transactions/{held['id']}"))
    assert (found["status"], found["points"], found["legs"][0]["obligation"]) == ("posted", 120, 120)
    assert good(desk.get(f"/v1/transactions/{found['id']}")) == found, "and by the id that it has now"
    assert [one["id"] for one in good(desk.get(f"/v1/transactions?reference={reference}"))["data"]] == [
        found["id"]
    ]
    # A reversal names it, and it tells what was reversed.
    reversals = f"/v1/transactions/{held['id']}/reversals"
    back = good(desk.post(reversals, {"points": 20, "reason": "left early"}))
    assert (back["points"], back["reverses"]) == (-20, found["id"])
    assert good(desk.get(f"/v1/transactions/{held['id']}"))["reversed"] == 20
    assert points(shared, person[0]) == (600, 0)
    good(part(shared, "LOTUS", person[1]))
    good(desk.post(reversals, {"reason": "all of it"}))
    assert points(shared, person[1]) == (200, 0)


def test_what_was_booked_before_is_listed_and_reversed_after(
    shared: Alliance, person: tuple[str, str]
) -> None:
    desk, reference = shared.merchant("PINE-1"), f"POS-{person[1]}"
    used = good(redeem(shared, "PINE-1", person[1], 80, reference=reference))
    linked(shared, *person)
    assert good(desk.get(f"/v1/transactions/{used['id']}")) == used
    for query in (f"reference={reference}", f"card={person[0]}", f"card={person[1]}"):
        assert [one["id"] for one in good(desk.get(f"/v1/transactions?{query}"))["data"]] == [used["id"]]
    back = good(desk.post(f"/v1/transactions/{used['id']}/reversals", {"reason": "returned"}))
    assert (back["reverses"], points(shared, person[0])) == (used["id"], (700, 0))
    export = shared.operator.get(f"/v1/members/{shared.member(person[0])}/export")
    exported = {one["id"] for one in json.loads(export.text)["transactions"]}
    assert {used["id"], back["id"]} <= exported


def test_an_adjustment_is_booked_where_the_card_is_when_it_is_approved(
    shared: Alliance, person: tuple[str, str]
) -> None:
    body = {"kind": "points", "card": person[1], "issuer": "PINE", "points": 40, "reason": "goodwill"}
    proposed = good(shared.operator.post("/v1/adjustments", body))
    linked(shared, *person)
    second = shared.key("operator")
    approved = good(second.post(f"/v1/adjustments/{proposed['id']}/approve"))
    assert points(shared, person[0]) == (740, 0)
    booked = good(shared.operator.get(f"/v1/transactions/{approved['transaction']}"))
    assert (booked["kind"], booked["points"]) == ("adjustment", 40)


def test_erasure_takes_the_one_members_name_and_cards_and_leaves_the_other(
    shared: Alliance, person: tuple[str, str]
) -> None:
    linked(shared, *person)
    held = good(redeem(shared, "PINE-1", person[1], 20, capture=False))
    path = f"/v1/members/{shared.member(person[0])}/erasure"
    jade = shared.participant("JADE")
    assert code(jade.post(path, {"reason": "asked"})) == "hold_open"
    good(shared.merchant("PINE-1").post(f"/v1/holds/{held['hold']}/void"))
    good(jade.post(path, {"reason": "asked"}))
    assert code(redeem(shared, "PINE-1", person[0], 1)) == "card_blocked"
    good(redeem(shared, "PINE-1", person[1], 1))
    assert good(shared.participant("LOTUS").get(f"/v1/members/{shared.member(person[1])}"))["name"]
    # It can leave all the same, with what its participant owes.
    good(part(shared, "JADE", person[0]))
    assert sum(points(shared, person[0])) + sum(points(shared, person[1])) == 699


def test_the_limit_of_a_card_stays_its_own_after_linking(alliance: Alliance) -> None:
    alliance.open_points(LI, "LOTUS", 900)
    good(alliance.operator.put("/v1/alliance", {"card_points_per_day": 500}))
    good(redeem(alliance, "PINE-1", LI, 400))
    linked(alliance)
    refused = redeem(alliance, "PINE-1", LI, 101)
    assert (code(refused), "100 more points" in detail(refused)) == ("velocity_limit", True)
    good(redeem(alliance, "PINE-1", WANG, 500))
    assert code(redeem(alliance, "PINE-1", WANG, 1)) == "velocity_limit"
    # What was used stays with the wallet that it was used from.
    good(part(alliance, "LOTUS", LI))
    good(redeem(alliance, "LOTUS-1", LI, 101))
    assert code(redeem(alliance, "PINE-1", WANG, 1)) == "velocity_limit"


# ---- parting ------------------------------------------------------------------------------------


def test_parting_is_the_issuers_alone_told_to_all_and_harmless_to_repeat(alliance: Alliance) -> None:
    linked(alliance)
    link = linked(alliance, WANG, CHEN)
    alliance.open_points(LI, "LOTUS", 30)
    assert points(alliance, WANG) == (6530, 0)
    done = good(part(alliance, "LOTUS", LI))
    assert (done["card"], done["wallet"]) == (LI, alliance.wallet(LI))
    assert done["wallet"] != alliance.wallet(WANG) == alliance.wallet(CHEN)
    assert (points(alliance, WANG), points(alliance, LI)) == ((5000, 0), (1530, 0))
    for code_, card in (("JADE", WANG), ("LOTUS", LI), ("PINE", CHEN)):
        assert told(alliance.participant(code_), "wallets.parted") == [{"card": card}]
    assert good(part(alliance, "LOTUS", LI)) == done
    assert len(told(alliance.participant("JADE"), "wallets.parted")) == 1
    statuses = {one["id"]: one["status"] for one in good(alliance.operator.get("/v1/links"))["data"]}
    assert sorted(statuses.values()) == ["linked", "unlinked"]
    assert statuses[link["id"]] == "linked"
    assert code(alliance.participant("JADE").get(f"/v1/wallets/{alliance.wallet(LI)}")) == "not_found"
    # And once more, as if nothing had been.
    assert linked(alliance)["wallet"] == alliance.wallet(WANG)
    assert points(alliance, WANG) == (6530, 0)


def test_an_open_hold_keeps_a_member_until_it_is_over_by_the_clock(alliance: Alliance) -> None:
    linked(alliance)
    held = good(redeem(alliance, "PINE-1", LI, 20, capture=False))
    refused = part(alliance, "LOTUS", LI)
    assert (refused.status_code, code(refused)) == (409, "hold_open")
    with alliance.services.engine.begin() as connection:
        connection.execute(text("UPDATE holds SET expires_at = now() - interval '1 second'"))
    good(part(alliance, "LOTUS", LI))  # no sweep has run since
    assert good(alliance.merchant("PINE-1").get(f"/v1/holds/{held['hold']}"))["status"] == "expired"
    assert told(alliance.participant("PINE"), "hold.lapsed") != []


# ---- files --------------------------------------------------------------------------------------

ROWS = f"card,other_card\n{WANG},{LI}\n{CHEN},{LI}\n"


def counts(done: dict[str, Any]) -> tuple[int, int, int]:
    return done["accepted"], done["replayed"], done["refused"]


def test_both_sides_send_their_file_and_the_wallets_are_one(alliance: Alliance) -> None:
    jade, lotus = alliance.participant("JADE"), alliance.participant("LOTUS")
    row = f"card,other_card\n{WANG},{LI}\n"
    assert counts(wait_for_import(jade, "links", row)) == (1, 0, 0)
    assert alliance.wallet(LI) != alliance.wallet(WANG)
    assert counts(wait_for_import(jade, "links", row)) == (0, 1, 0)
    assert counts(wait_for_import(lotus, "links", f"other_card,card\n{WANG},{LI}\n")) == (1, 0, 0)
    assert alliance.wallet(LI) == alliance.wallet(WANG)
    assert counts(wait_for_import(lotus, "links", row)) == (0, 1, 0)


def test_the_operators_file_links_at_once_and_tells_what_it_could_not(alliance: Alliance) -> None:
    alliance.enrol("JADE", "62000009")
    wrong = f"{ROWS}{WANG},{NOBODY}\n62000009,{LI}\n{WANG},\n"
    done = wait_for_import(alliance.operator, "links", wrong)
    assert counts(done) == (2, 0, 3)
    assert len({alliance.wallet(card) for card in (WANG, LI, CHEN)}) == 1
    errors = alliance.operator.get(f"/v1/imports/{done['id']}/errors.csv").text
    for expected in ("card_unknown", "not_linkable", "malformed", "JADE has a member behind either card"):
        assert expected in errors
    assert counts(wait_for_import(alliance.operator, "links", wrong)) == (0, 2, 3)
    history = wait_for_import(alliance.operator, "links", ROWS, "&historical=true")
    assert counts(history) == (0, 2, 0)


class Killed(BaseException):
    """The process ends here."""


def test_a_file_that_was_cut_off_goes_on_where_it_stopped(
    alliance: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = alliance.services

    def new_runner() -> ImportRunner:
        return ImportRunner(
            services.engine,
            services.files,
            lambda: Writer(services.engine),
            lambda: Enroller(Writer(services.engine), services.personal_data),
            lambda: Linker(services.engine, Writer(services.engine)),
        )

    operator = Authority("tests", Scope.OPERATOR)
    import_id = receive(
        services.engine,
        services.files,
        iter([ROWS.encode()]),
        kind="links",
        historical=False,
        owner="hub",
        caller=operator,
        media_type="text/csv",
        bytes_max=1 << 20,
    )

    def killed(*_: Any) -> None:
        raise Killed

    # After the first row's wallets were linked, before it was counted.
    with monkeypatch.context() as patch:
        patch.setattr(store, "advance", killed)
        with pytest.raises(Killed):
            new_runner().run(import_id)
    assert alliance.wallet(LI) == alliance.wallet(WANG) != alliance.wallet(CHEN)
    finished = new_runner().run(import_id)
    assert finished is not None
    assert (finished.status, finished.rows) == ("done", 2)
    assert (finished.accepted, finished.replayed, finished.refused) == (1, 1, 0)
    assert alliance.wallet(CHEN) == alliance.wallet(WANG)


# ---- statements ---------------------------------------------------------------------------------


def test_statements_show_transfers_that_come_to_nothing(alliance: Alliance) -> None:
    alliance.open_points(LI, "JADE", 70)
    good(redeem(alliance, "PINE-1", LI, 50))
    linked(alliance)
    good(part(alliance, "LOTUS", LI))
    listed = good(alliance.operator.get(f"/v1/wallets/{alliance.wallet(WANG)}/transactions"))["data"]
    period = listed[0]["period"]
    settled = good(alliance.operator.post(f"/v1/periods/{period}/close", {"early": True}))
    assert settled["checks"] == {"zero_sum": True, "recomputed": True}
    assert {one["code"]: one["net"] for one in settled["participants"]} == {
        "JADE": -50,
        "LOTUS": 0,
        "PINE": 49,
    }
    for code_, opened, redeemed in (("JADE", 5070, 50), ("LOTUS", 1500, 0)):
        finance = alliance.finance(code_)
        statement = good(finance.get(f"/v1/statements?period={period}"))["data"][0]
        shown = json.loads(finance.get(f"/v1/statements/{statement['id']}.json").text)
        moved = [line for line in shown["detail"] if line["kind"] == "transfer"]
        assert len(moved) >= 2
        assert sum(line["points"] for line in moved) == sum(line["amount"] for line in moved) == 0
        assert {line["fee"] for line in moved} == {0}
        rolled = shown["points"]
        assert (rolled["opened"], rolled["redeemed_elsewhere"], rolled["issued"]) == (opened, redeemed, 0)
        for format_ in FORMATS:
            assert finance.get(f"/v1/statements/{statement['id']}.{format_}").status_code == 200, format_
