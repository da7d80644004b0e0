"""A call with an idempotency key is carried out once, also where it books nothing.

The ledger has outcomes of its own (`api.posting`); every other POST that makes something carries `once`. Sent
again with the same key and body it gives the first answer, with another body it is refused. Without a key
nothing is kept.

The answer is kept in the transaction of the act, which the view takes by `services.transaction`: a crash
leaves neither or both. A view that has transactions of its own, and does no harm when it is repeated, is
`repeatable`: it acts before its answer is kept, and after a crash between the two the next call acts again,
to no effect. A refusal makes nothing, and leaves the key free.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from threading import BoundedSemaphore
from typing import Any, NamedTuple, TypeVar, cast

import orjson
from flask import Response, g, request
from sqlalchemy import Connection

from api.auth import current_caller, owner
from api.posting import REPLAYED
from api.problems import HttpCode, Problem, refusal_response
from api.schemas.common import KEY_WELCOME
from api.services import services
from api.web import Blueprint, idempotency_key
from clearing import answers
from clearing.answers import Answer
from clearing.core.replay import REUSED
from clearing.idempotency import key_hash, request_hash, stated

View = TypeVar("View", bound=Callable[..., Any])

#: So many calls with a key are in hand at once in a process; others wait without a connection. Each has one
#: for its key and may need another for its act: if all threads had one, nobody would get a second.
CALLS_AT_ONCE = 4
_in_hand = BoundedSemaphore(CALLS_AT_ONCE)


def once(
    blueprint: Blueprint, *, told_once: str | None = None, repeatable: bool = False
) -> Callable[[View], View]:
    """Carry out the calls of a view once for each key; comes right above the view.

    `told_once`: a secret field of the answer. It is not kept, and null in an answer that is given again.
    """
    document = blueprint.doc(parameters=[KEY_WELCOME])

    def decorate(view: View) -> View:
        @wraps(view)
        def keyed(*args: Any, **kwargs: Any) -> Any:
            said = {"path": kwargs, "body": stated(args[0]) if args else {}}
            return once_for(said, lambda: view(*args, **kwargs), told_once=told_once, repeatable=repeatable)

        return cast(View, document(keyed))

    return decorate


def once_for(
    said: Mapping[str, Any],
    act: Callable[[], Response],
    *,
    told_once: str | None = None,
    repeatable: bool = False,
) -> Response:
    """The answer of the act, or the first one to this request, which says so much; else as `once`."""
    call = Call.of_request(said)
    if call is None:
        return act()
    if not _in_hand.acquire(timeout=answers.SECONDS_WAITED_MAX):
        raise Problem(HttpCode.IN_FLIGHT, "Too many calls are in hand. Send it again with its key.")
    try:
        return (_repeatable if repeatable else _joined)(call, act, told_once)
    finally:
        _in_hand.release()


class Call(NamedTuple):
    """A call with a key, both hashed."""

    key: str
    request_hash: str

    @classmethod
    def of_request(cls, said: Mapping[str, Any]) -> "Call | None":
        """This request, which says so much; None if it has no key. Raises Problem for an unusable one."""
        if "Idempotency-Key" not in request.headers:
            return None
        key = key_hash(owner(current_caller()), idempotency_key())
        return cls(key, request_hash(f"{request.method} {request.url_rule}", said))

    def first_answer(self, connection: Connection) -> Response | None:
        """The answer that was given to it before, or a refusal of another call's key; None if it is new.

        Hold the key meanwhile.
        """
        first = answers.find_answer(connection, self.key)
        if first is None:
            return None
        if first.request_hash != self.request_hash:
            return refusal_response(REUSED)
        headers = REPLAYED if first.location is None else REPLAYED | {"Location": first.location}
        return Response(first.body, first.status, headers, content_type="application/json")

    def keep(self, connection: Connection, response: Response, told_once: str | None = None) -> None:
        """Put the answer on record, less the field that is secret; that of a refusal is not kept."""
        if response.status_code >= 400:
            return
        body = response.get_data(as_text=True)
        if told_once is not None:
            body = orjson.dumps(orjson.loads(body) | {told_once: None}).decode()
        location = response.headers.get("Location")
        kept = Answer(self.request_hash, response.status_code, body, location)
        answers.keep_answer(connection, self.key, kept)


def _joined(call: Call, act: Callable[[], Response], told_once: str | None) -> Response:
    with services().engine.begin() as connection:
        answers.hold_key(connection, call.key)
        first = call.first_answer(connection)
        if first is not None:
            return first
        g.transaction = connection
        try:
            response = act()
        finally:
            del g.transaction
        call.keep(connection, response, told_once)
    return response


def _repeatable(call: Call, act: Callable[[], Response], told_once: str | None) -> Response:
    with services().engine.connect() as own:
        with own.begin():
            answers.hold_key_alone(own, call.key)
        try:
            with own.begin():
                first = call.first_answer(own)
            if first is not None:
                return first
            response = act()
            with own.begin():
                call.keep(own, response, told_once)
        finally:
            with own.begin():
                answers.give_key_back(own, call.key)
    return response
