"""Who may call what. Every route carries `guard` or `public`; a test fails for one that carries neither."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import g, request

from api.bodies import BODY_BYTES_MAX, whole_body
from api.key_owners import owner_of
from api.problems import FieldError, Problem
from api.services import services
from clearing.core.commands import Caller, Scope
from clearing.core.directory import Directory, Merchant
from clearing.core.outcomes import Code

View = TypeVar("View", bound=Callable[..., Any])

EVERYONE = tuple(Scope)
DESKS = (Scope.MERCHANT, Scope.PARTICIPANT, Scope.OPERATOR)
FINANCE = (Scope.FINANCE, Scope.PARTICIPANT, Scope.OPERATOR, Scope.AUDITOR)
BOOKS = (*FINANCE, Scope.MERCHANT)

#: Scopes that see every participant's data.
SEES_ALL = frozenset({Scope.OPERATOR, Scope.AUDITOR})


def guard(*scopes: Scope, takes_file: bool = False) -> Callable[[View], View]:
    """Let only callers of these scopes in; comes right below the route, before the body is looked at.

    Then the body is waited for, also by a view that does nothing with it: of a request that did not arrive
    as a whole nothing is carried out. A view that `takes_file` reads its body itself, with `body_chunks`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            g.caller = caller = authenticate()
            if caller.scope not in scopes:
                raise Problem(
                    Code.FORBIDDEN,
                    f"A key of scope {caller.scope.value!r} may not call this; it takes "
                    + ", ".join(repr(scope.value) for scope in scopes)
                    + ".",
                )
            if not takes_file:
                whole_body(BODY_BYTES_MAX)
            return view(*args, **kwargs)

        guarded.guarded_for = scopes  # type: ignore[attr-defined]  # read by the test of all routes
        return cast(View, guarded)

    return decorate


def public(view: View) -> View:
    """A route that anybody may call: it tells nothing of anybody."""
    view.guarded_for = EVERYONE  # type: ignore[attr-defined]  # read by the test of all routes
    return view


def authenticate() -> Caller:
    """The caller of this request; raises Problem if there is none."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Problem(Code.UNAUTHORIZED, "Send your API key as `Authorization: Bearer tdk_live_…`.")
    caller = services().keyring.open(key.strip())
    if caller is None:
        raise Problem(Code.UNAUTHORIZED, "This API key is not known, or it was revoked.")
    return caller


def current_caller() -> Caller:
    caller: Caller = g.caller
    return caller


def owner(caller: Caller) -> str:
    """To whom belongs what the caller makes; of the keys of acts see `api.key_owners`."""
    return owner_of(caller.participant_id)


def actor(caller: Caller) -> str:
    """Who the caller is in the audit log: `user:NAME`, or `key:ID`."""
    return caller.key_id if ":" in caller.key_id else f"key:{caller.key_id}"


def own_participant(caller: Caller) -> int | None:
    """The participant to whose data the caller is confined; None for one who sees everybody's."""
    return None if caller.scope in SEES_ALL else caller.participant_id


def merchant_of_caller(directory: Directory, caller: Caller, code: str | None) -> Merchant:
    """The merchant named, or the caller's own if it has one and names none; raises Problem."""
    if code is None:
        if caller.merchant_id is None:
            detail = "Say at which merchant: add `?merchant=CODE`."
            raise Problem(Code.MALFORMED, detail, [FieldError("?merchant", detail)])
        return directory.merchant(caller.merchant_id)
    merchant = directory.merchants.get(code)
    if merchant is None:
        raise Problem(Code.MERCHANT_UNKNOWN, f"There is no merchant {code!r}.")
    if not caller.may_post_at(merchant):
        raise Problem(Code.FORBIDDEN, f"This key may not act for merchant {code}.")
    return merchant
