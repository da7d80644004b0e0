"""What an operator does and its row in the audit log are one transaction: neither is ever there alone."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from werkzeug.test import TestResponse

from support.alliance import LI, WANG, Alliance
from support.api import good
from support.disputes import Closed
from support.people import Reader, reader
from users.audit import ActFilter, list_acts


class Done(NamedTuple):
    """An act on a page: `send` does it, `state` is what it changes, `what` stands in the audit log."""

    what: str
    send: Callable[[], TestResponse]
    state: Callable[[], Any]


def adjustment(act: str) -> Callable[[Alliance, Reader], Done]:
    def prepare(alliance: Alliance, hub: Reader) -> Done:
        money = {"kind": "money", "debtor": "JADE", "creditor": "LOTUS", "amount": 500, "reason": "x"}
        path = f"adjustments/{good(alliance.operator.post('/v1/adjustments', money))['id']}"
        return Done(
            f"adjustment.{act.removesuffix('e')}ed",
            lambda: hub.post(f"/hub/{path}/{act}", page=f"/hub/{path}"),
            lambda: (good(alliance.operator.get(f"/v1/{path}"))["status"], alliance.row_counts()["legs"]),
        )

    return prepare


def link(act: str) -> Callable[[Alliance, Reader], Done]:
    def prepare(alliance: Alliance, hub: Reader) -> Done:
        path = f"/v1/wallets/{alliance.wallet(WANG)}/links"
        id_ = good(alliance.participant("JADE").post(path, {"card": LI}))["id"]
        return Done(
            "link.linked" if act == "approve" else "link.rejected",
            lambda: hub.post(f"/hub/links/{id_}/{act}", page="/hub/links"),
            lambda: good(alliance.operator.get(f"/v1/links/{id_}"))["status"],
        )

    return prepare


def closing(alliance: Alliance, hub: Reader) -> Done:
    period = good(alliance.operator.get("/v1/periods"))["data"][-1]["period"]
    path = f"/hub/periods/{period}/close"
    return Done(
        "period.closed",
        lambda: hub.post(path, {"early": "yes", "idempotency_key": "k"}, page="/account/password"),
        lambda: [(one["period"], one["state"]) for one in good(alliance.operator.get("/v1/periods"))["data"]],
    )


def approval(alliance: Alliance, hub: Reader) -> Done:
    closed = Closed(alliance)
    path = f"/hub/periods/{closed.period}"
    return Done(
        "period.approved",
        lambda: hub.post(f"{path}/approve", page=path),
        lambda: [one["state"] for one in good(alliance.operator.get("/v1/periods"))["data"]],
    )


def dispute(act: str) -> Callable[[Alliance, Reader], Done]:
    def prepare(alliance: Alliance, hub: Reader) -> Done:
        closed = Closed(alliance)
        id_ = closed.open("LOTUS", closed.redemption["id"], "wrong_fee")["id"]
        form = {"act": act, "text": "Right", "by": "money", "idempotency_key": "k", "confirmed": "yes"}

        def state() -> Any:
            shown = good(alliance.operator.get(f"/v1/disputes/{id_}"))
            return shown["status"], len(shown["messages"]), alliance.row_counts()["legs"]

        # The form's page offers nothing once it is decided; any other has the same token.
        return Done(
            f"dispute.{act}ed",
            lambda: hub.post(f"/hub/disputes/{id_}", form, page="/account/password"),
            state,
        )

    return prepare


def sending(alliance: Alliance, hub: Reader) -> Done:
    rows = f"card,issuer,asset,quantity,expires_on\n{WANG},JADE,points,10,2037-12-31\n"

    def send() -> TestResponse:
        file = (BytesIO(rows.encode()), "balances.csv")
        form = {"kind": "balances", "idempotency_key": "k", "file": file}
        return hub.post("/hub/imports/new", form)

    return Done(
        "import.started",
        send,
        lambda: (alliance.row_counts()["imports"], sorted(alliance.services.files.glob("*.upload"))),
    )


ACTS = {
    "approve an adjustment": adjustment("approve"),
    "reject an adjustment": adjustment("reject"),
    "approve a link": link("approve"),
    "reject a link": link("reject"),
    "close a month": closing,
    "approve a month": approval,
    "answer a dispute": dispute("answer"),
    "accept a dispute": dispute("accept"),
    "reject a dispute": dispute("reject"),
    "send a file": sending,
}


def rows(alliance: Alliance, what: str) -> int:
    with alliance.services.engine.connect() as connection:
        return len(list_acts(connection, ActFilter(what=what), None, 50))


def fails(*_: object, **__: object) -> None:
    raise RuntimeError("the server stops here")


@pytest.mark.parametrize("name", ACTS)
def test_what_cannot_be_recorded_is_not_done_and_what_is_done_is_recorded_once(
    alliance: Alliance, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    done = ACTS[name](alliance, reader(alliance, "operator"))
    before = done.state()
    with monkeypatch.context() as patch:
        patch.setattr("api.pages.recording.audit", fails)
        assert done.send().status_code == 500
    assert done.state() == before, "not done"
    assert rows(alliance, done.what) == 0
    assert done.send().status_code == 303
    after = done.state()
    assert after != before
    done.send()
    assert rows(alliance, done.what) == 1
    if name != "send a file":  # which is posted in the background
        assert done.state() == after


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("approve an adjustment", "api.v1.adjustments.post"),
        ("close a month", "settlement.close.finish"),
        ("answer a dispute", "api.v1.disputes._shown"),
        ("accept a dispute", "api.v1.disputes._shown"),
        ("send a file", "api.imports.runner.ImportRunner.submit"),
    ],
)
def test_what_was_cut_off_right_after_it_was_done_is_recorded(
    alliance: Alliance, monkeypatch: pytest.MonkeyPatch, name: str, place: str
) -> None:
    done = ACTS[name](alliance, reader(alliance, "operator"))
    before = done.state()
    with monkeypatch.context() as patch:
        patch.setattr(place, fails)
        assert done.send().status_code == 500
    assert done.state() != before
    assert rows(alliance, done.what) == 1
    assert done.send().status_code in (303, 422)
    assert rows(alliance, done.what) == 1, "to send it again makes up for the rest"
