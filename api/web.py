"""Small things every route uses: the blueprint, JSON answers, cursors and idempotency keys."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Any, TypeVar, cast

import orjson
from flask import Response, request
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import RAISE, Schema, ValidationError

from api.bodies import BODY_BYTES_MAX, whole_body
from api.problems import FieldError, Problem, field_errors
from clearing.core.outcomes import Code
from clearing.json_text import read_json

Row = TypeVar("Row")
View = TypeVar("View", bound=Callable[..., Any])

KEY_CHARACTERS_MAX = 255
_JSON_BODY = "tongdui.json_body"


class Blueprint(SmorestBlueprint):
    """flask-smorest's, for its documents. What it does with a request is done here, in a fifth of the time:
    every view gives a Response, and all that is sent is loaded by one schema.
    """

    def arguments(
        self, schema: type[Schema] | Schema, *, location: str = "json", **options: Any
    ) -> Callable[[View], View]:
        """Give the view what was sent as its first argument: the JSON body, or `location="query"`.

        A field nobody knows is an error: a misspelt name must not be passed over in silence. So is a body
        that is not there, unless the schema has no fields or `required=False` says it may be left out.
        """
        # One instance for all requests.
        loading = schema() if isinstance(schema, type) else schema
        must_come = bool(loading.load_fields) and options.get("required", True)
        given = _query if location == "query" else partial(_sent_json, must_come=must_come)
        document = super().arguments(loading, location=location, error_status_code=400, **options)

        def decorate(view: View) -> View:
            @wraps(view)
            def loaded(*args: Any, **kwargs: Any) -> Any:
                try:
                    values = loading.load(given(), unknown=RAISE)
                except ValidationError as error:
                    raise _not_as_documented(location, error) from error
                return view(values, *args, **kwargs)

            return cast(View, _documented(loaded, document(view)))

        return decorate

    def response(self, status_code: int, *args: Any, **options: Any) -> Callable[[View], View]:
        """Only what the documents say of it; the view makes the Response."""
        document = super().response(status_code, *args, **options)
        return lambda view: _documented(view, document(view))


def _documented(view: Callable[..., Any], by_smorest: Any) -> Any:
    view._apidoc = by_smorest._apidoc  # type: ignore[attr-defined]  # where flask-smorest looks for it
    return view


def _query() -> Mapping[str, str]:
    given = request.args.to_dict(flat=False)
    twice = [name for name, values in given.items() if len(values) > 1]
    if twice:
        errors = [FieldError(f"?{name}", "Send it once.") for name in twice]
        raise Problem(Code.MALFORMED, f"The query names {twice[0]!r} twice; send it once."[:300], errors)
    return {name: values[0] for name, values in given.items()}


def _sent_json(*, must_come: bool) -> Mapping[str, Any]:
    body = whole_body(BODY_BYTES_MAX)
    if body and not request.is_json:
        raise Problem("unsupported_media_type", "Send the body as `Content-Type: application/json`.")
    if must_come and not body:
        raise Problem(
            Code.MALFORMED,
            "The request has no body, so nothing was done. Send a JSON object with what you mean; `{}` stands"
            " for the defaults of all fields, as for all that is held or left.",
        )
    return json_body()


def _not_as_documented(location: str, error: ValidationError) -> Problem:
    errors = field_errors({location: error.messages})
    return Problem(Code.MALFORMED, "; ".join(f"{one.pointer}: {one.detail}" for one in errors[:3]), errors)


def json_body() -> dict[str, Any]:
    """The request's body, which must be a JSON object; no body is an empty one. Raises Problem.

    It is read once, and checked and hashed from the same.
    """
    environ = request.environ
    if _JSON_BODY not in environ:
        environ[_JSON_BODY] = _json_body()
    body: dict[str, Any] = environ[_JSON_BODY]
    return body


def _json_body() -> dict[str, Any]:
    content = whole_body(BODY_BYTES_MAX)
    if not content:
        return {}
    try:
        body = read_json(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Problem(Code.MALFORMED, f"The body is not JSON in UTF-8: {error}"[:300]) from error
    if not isinstance(body, dict):
        errors = [FieldError("", "Must be an object.")]
        raise Problem(Code.MALFORMED, "The body must be a JSON object.", errors)
    return body


def answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body, default=str), status, headers, content_type="application/json")


def idempotency_key() -> str:
    """The request's key; raises Problem if it is absent, sent twice or not usable."""
    given = request.headers.get("Idempotency-Key", "")
    if "," in given:
        # A header that is sent twice arrives as one, with a comma between the values.
        raise Problem(
            Code.MALFORMED, "Idempotency-Key: send one key, in one header; a key in a header has no comma."
        )
    return usable_key(given)


def usable_key(given: str) -> str:
    """The key that was given; raises Problem if it is none, or not usable."""
    key = given.strip()
    if not key:
        raise Problem(
            Code.IDEMPOTENCY_KEY_REQUIRED,
            "Send a header Idempotency-Key, new for each act (a UUID is good). Then a request that is sent"
            " again after a lost answer cannot be carried out twice.",
        )
    if len(key) > KEY_CHARACTERS_MAX or not key.isprintable():
        raise Problem(Code.MALFORMED, f"Idempotency-Key: at most {KEY_CHARACTERS_MAX} printable characters.")
    return key


def page(
    rows: Sequence[Row], limit: int, present: Callable[[Row], Any], cursor: Callable[[Row], object]
) -> dict[str, Any]:
    """One page from `limit + 1` rows read; the extra one only tells that there is a next page."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {
        "data": [present(row) for row in shown],
        "next_cursor": cursor_text(cursor(shown[-1])) if more else None,
    }


def cursor_text(position: object) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def cursor_position(text: str | None) -> str | None:
    """What `cursor_text` was given; raises Problem for a cursor that is not ours."""
    if text is None:
        return None
    try:
        position = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise bad_cursor() from error
    if not position.isprintable():
        raise bad_cursor()
    return position


def cursor_number(text: str | None) -> int | None:
    position = cursor_position(text)
    if position is None:
        return None
    if not (position.isascii() and position.isdigit() and len(position) < 20):
        raise bad_cursor()
    return min(int(position), 2**63 - 1)


def bad_cursor() -> Problem:
    detail = "Use next_cursor of the page before, or leave the cursor out."
    return Problem(Code.MALFORMED, detail, [FieldError("?cursor", detail)])
