"""From a request that moves value to its outcome."""

from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from flask import Response

from api.auth import current_caller
from api.commands import BUILDERS
from api.key_owners import act_of, envelope, participants_of
from api.problems import HttpCode, Problem, refusal_response
from api.services import services
from api.web import idempotency_key, json_body
from clearing.core.commands import Command
from clearing.core.holds import Hold
from clearing.core.journal import Booking
from clearing.core.outcomes import Held, Outcome, Posted, Refusal, Replayed
from clearing.query import read_bookings, read_hold

#: How long a request waits for its outcome. Repeating it with its key is safe.
SECONDS_WAITED_MAX = 30.0

REPLAYED = {"Idempotency-Replayed": "true"}


def submit(kind: str, body: Mapping[str, Any], **named: str) -> tuple[Command, Outcome]:
    """Post the act of a request; `named` is what its path names. Raises Problem as `post` does."""
    return submit_act(kind, json_body() | named, {**body, **named}, idempotency_key())


def submit_act(
    kind: str, said: Mapping[str, Any], body: Mapping[str, Any], key: str
) -> tuple[Command, Outcome]:
    """Post an act under this key. `said` is what was sent, by which earlier versions knew the act of a key;
    `body` the same as its schema has loaded it. Raises Problem as `post` does.
    """
    caller, known = current_caller(), services()
    [participant_id] = participants_of(caller, kind, [body], known.engine, known.posting_directory)
    act = act_of(kind, body, participant_id, known.engine, known.posting_directory)
    command = BUILDERS[kind](envelope(caller, participant_id, key, kind, body, said, act=act), body)
    return command, post(command)


def post(command: Command) -> Outcome:
    """The command's outcome. Raises Problem if it is not known in time."""
    try:
        return services().posting.post(command, SECONDS_WAITED_MAX)
    except FutureTimeoutError as error:
        raise Problem(
            HttpCode.IN_FLIGHT, "The outcome is not known yet. Send the same request again with the same key."
        ) from error


def refused(outcome: Outcome) -> Refusal | None:
    """The refusal of an act, now or when its key was first used."""
    if isinstance(outcome, Replayed):
        return outcome.recorded.refusal
    return outcome if isinstance(outcome, Refusal) else None


def refusal(outcome: Outcome) -> Response | None:
    """The answer to a refused act, or to one that was refused before."""
    found = refused(outcome)
    if found is None:
        return None
    response = refusal_response(found)
    if isinstance(outcome, Replayed):
        response.headers.update(REPLAYED)
    return response


def booking_of(outcome: Outcome) -> Booking:
    """What an act that was not refused has booked, now or at the first time."""
    if isinstance(outcome, Posted):
        return outcome.booking
    assert isinstance(outcome, Replayed), "neither refused nor held"
    if outcome.booking is not None:
        return outcome.booking
    recorded = outcome.recorded
    assert recorded.wallet_id is not None, "the outcome of a posting names its wallet"
    assert recorded.transaction_id is not None, "the outcome of a posting names its transaction"
    with services().engine.connect() as connection:
        return read_bookings(connection, [(recorded.wallet_id, recorded.transaction_id)])[0]


def hold_of(outcome: Outcome) -> Hold:
    """The hold that an act placed, captured or released, as it is now."""
    if isinstance(outcome, Held):
        return outcome.hold
    if isinstance(outcome, Replayed) and outcome.hold is not None:
        return outcome.hold
    if isinstance(outcome, Posted):
        wallet_id, hold_id = outcome.booking.transaction.wallet_id, outcome.booking.transaction.id
    else:
        assert isinstance(outcome, Replayed), "not refused"
        recorded = outcome.recorded
        found = recorded.hold_id if recorded.hold_id is not None else recorded.transaction_id
        assert recorded.wallet_id is not None, "the outcome names its wallet"
        assert found is not None, "the outcome names its hold"
        wallet_id, hold_id = recorded.wallet_id, found
    with services().engine.connect() as connection:
        hold = read_hold(connection, wallet_id, hold_id)
    assert hold is not None, "holds are never taken away"
    return hold
