"""Errors as RFC 9457 problem details, with a code from one closed list.

The ledger's refusals (`clearing.core.outcomes.Code`) and the faults of HTTP share the list; the table
below gives each its status and title, and is what `docs/errors.md` prints.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from flask import Flask, Response, g
from werkzeug.exceptions import ClientDisconnected, HTTPException

from clearing.core.outcomes import Code, Refusal

CONTENT_TYPE = "application/problem+json"

BODY_CUT = (
    "The body ended before it was complete, so nothing was done. Send it again as a whole, with the same"
    " Idempotency-Key if it had one."
)


class HttpCode(StrEnum):
    """Codes beside those of the ledger, for faults of a request as such."""

    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    IN_FLIGHT = "in_flight"
    PERIOD_NOT_ENDED = "period_not_ended"
    EARLIER_PERIOD_OPEN = "earlier_period_open"
    URL_REFUSED = "url_refused"
    ENDPOINT_DISABLED = "endpoint_disabled"
    TOO_MANY_ENDPOINTS = "too_many_endpoints"
    PERIOD_NOT_CLOSED = "period_not_closed"
    NOT_REPRODUCED = "not_reproduced"
    PERIOD_NOT_APPROVED = "period_not_approved"
    NOTHING_OUTSTANDING = "nothing_outstanding"
    BANK_ACCOUNT_MISSING = "bank_account_missing"
    BANK_ACCOUNT_INVALID = "bank_account_invalid"
    ACCOUNTS_CHANGED = "accounts_changed"
    NOT_A_BANK_DAY = "not_a_bank_day"
    REFERENCE_ROUNDED = "reference_rounded"
    DATE_OUT_OF_BOUNDS = "date_out_of_bounds"
    WRONG_DIRECTION = "wrong_direction"
    TO_BE_CONFIRMED = "to_be_confirmed"
    NOT_DISPUTABLE = "not_disputable"
    EXCEEDS_DISPUTABLE = "exceeds_disputable"
    DISPUTE_CLOSED = "dispute_closed"
    RESPONSE_AWAITED = "response_awaited"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class Meaning(NamedTuple):
    status: int
    title: str
    remedy: str


MEANINGS: dict[str, Meaning] = {
    Code.MALFORMED: Meaning(400, "The request is not in the expected form", "Mend the fields listed."),
    Code.UNAUTHORIZED: Meaning(401, "No valid API key", "Send `Authorization: Bearer <key>`."),
    Code.FORBIDDEN: Meaning(403, "This key may not do that", "Use a key of the right scope and place."),
    Code.IDEMPOTENCY_KEY_REQUIRED: Meaning(
        400, "An idempotency key is required", "Send a header `Idempotency-Key`, new for each new act."
    ),
    Code.IDEMPOTENCY_KEY_REUSED: Meaning(
        422, "The idempotency key belongs to another request", "Use a new key for a new act."
    ),
    Code.MERCHANT_UNKNOWN: Meaning(404, "There is no such merchant", "Check the merchant's code."),
    Code.MERCHANT_SUSPENDED: Meaning(409, "The merchant is suspended", "Ask the operator."),
    Code.PARTICIPANT_SUSPENDED: Meaning(
        409, "A participant is suspended", "Serve own members only, or ask the operator."
    ),
    Code.CARD_UNKNOWN: Meaning(404, "There is no such card", "Read the card again; check its number."),
    Code.CARD_BLOCKED: Meaning(409, "The card is blocked", "Send the member to the card's issuer."),
    Code.CARD_EXPIRED: Meaning(409, "The card has expired", "Send the member to the card's issuer."),
    Code.NOT_ENABLED: Meaning(
        409, "Stored value is not enabled across participants", "Use another means of payment."
    ),
    Code.AMOUNT_INVALID: Meaning(422, "The amount is not valid", "Send a whole number within the limits."),
    Code.OCCURRED_IN_FUTURE: Meaning(422, "It has not occurred yet", "Check the time and its offset."),
    Code.DUPLICATE_REFERENCE: Meaning(
        409, "The reference was used before", "Look the transaction up by its reference."
    ),
    Code.HOLD_UNKNOWN: Meaning(404, "There is no such hold", "Check the hold's id."),
    Code.HOLD_OPEN: Meaning(409, "There is an open hold", "Capture or void it, or wait until it ends."),
    Code.HOLD_CLOSED: Meaning(409, "The hold is no longer open", "Look at the hold's status."),
    Code.HOLD_EXPIRED: Meaning(409, "The hold has expired", "Make a new redemption."),
    Code.EXCEEDS_HELD: Meaning(422, "More than is held", "Capture at most what is held."),
    Code.INSUFFICIENT_POINTS: Meaning(422, "Not enough points", "Take fewer points."),
    Code.INSUFFICIENT_VALUE: Meaning(422, "Not enough stored value", "Take a smaller amount."),
    Code.VELOCITY_LIMIT: Meaning(
        422,
        "Too many points in a short time",
        "Try later, or take another payment; the operator sets the limits.",
    ),
    Code.NET_DEBIT_CAP: Meaning(422, "The issuer's debit cap is reached", "Ask for another payment."),
    Code.TRANSACTION_UNKNOWN: Meaning(404, "There is no such transaction", "Check the transaction's id."),
    Code.NOT_REVERSIBLE: Meaning(409, "This cannot be reversed", "Look at the transaction's kind."),
    Code.EXCEEDS_REVERSIBLE: Meaning(422, "More than is left to reverse", "Reverse at most what is left."),
    Code.ENROLLED_ELSEWHERE: Meaning(
        409, "Another participant has enrolled this person", "Honour the card the person has."
    ),
    Code.ALREADY_EXISTS: Meaning(
        409, "It exists already", "Use another code or number, or the existing one."
    ),
    Code.NOT_LINKABLE: Meaning(
        409, "These cards cannot be linked or parted", "Read in the detail what is in the way."
    ),
    Code.PERIOD_CLOSED: Meaning(409, "The period is closed", "Book it in the open period."),
    Code.RATE_LIMITED: Meaning(429, "Too many requests", "Slow down and try again."),
    HttpCode.NOT_FOUND: Meaning(404, "There is nothing here", "Check the path and the id."),
    HttpCode.METHOD_NOT_ALLOWED: Meaning(405, "This path does not take that method", "See /docs."),
    HttpCode.TOO_LARGE: Meaning(413, "The request is too large", "Send less at a time."),
    HttpCode.UNSUPPORTED_MEDIA_TYPE: Meaning(
        415, "The content type is not supported", "Send `Content-Type: application/json` (imports: text/csv)."
    ),
    HttpCode.IN_FLIGHT: Meaning(
        409, "The request is still being processed", "Send it again with the same idempotency key."
    ),
    HttpCode.PERIOD_NOT_ENDED: Meaning(409, "The period has not ended", "Wait, or close it early."),
    HttpCode.EARLIER_PERIOD_OPEN: Meaning(
        409, "An earlier period is still open", "Close the periods in their order."
    ),
    HttpCode.URL_REFUSED: Meaning(
        422, "This URL is not called", "Give an https URL whose name has public addresses only."
    ),
    HttpCode.ENDPOINT_DISABLED: Meaning(
        409, "The webhook endpoint is disabled", "Enable it first, when its receiver is well."
    ),
    HttpCode.TOO_MANY_ENDPOINTS: Meaning(
        409, "There are too many webhook endpoints", "Remove one that is not needed."
    ),
    HttpCode.PERIOD_NOT_CLOSED: Meaning(409, "The period is still open", "Close it first."),
    HttpCode.NOT_REPRODUCED: Meaning(
        409, "The journal adds up to something else than was settled", "Run `tongdui verify`."
    ),
    HttpCode.PERIOD_NOT_APPROVED: Meaning(
        409, "The period has not been approved", "Let an operator approve it first."
    ),
    HttpCode.NOTHING_OUTSTANDING: Meaning(409, "Nothing is left to be paid", "Look at the settlement."),
    HttpCode.BANK_ACCOUNT_MISSING: Meaning(
        409, "A bank account is not on record", "Put it on record, then ask again."
    ),
    HttpCode.BANK_ACCOUNT_INVALID: Meaning(
        409, "A bank account on record is not good", "Put it on record anew, then ask again."
    ),
    HttpCode.ACCOUNTS_CHANGED: Meaning(
        409,
        "A bank account was changed after the approval",
        "Check the change with its owner, then confirm it.",
    ),
    HttpCode.NOT_A_BANK_DAY: Meaning(422, "Banks do not pay on that day", "Choose a bank day."),
    HttpCode.REFERENCE_ROUNDED: Meaning(
        422, "A spreadsheet has rounded the reference", "Format the column as text and export it again."
    ),
    HttpCode.DATE_OUT_OF_BOUNDS: Meaning(422, "The date makes no sense here", "Check the date."),
    HttpCode.WRONG_DIRECTION: Meaning(
        409, "The payment goes the wrong way for this net", "Check sign and net; confirm it if it is right."
    ),
    HttpCode.TO_BE_CONFIRMED: Meaning(
        409, "More is paid than the net explains", "Check amount and net; confirm it if it is right."
    ),
    HttpCode.NOT_DISPUTABLE: Meaning(
        409, "Nothing on this line can be disputed", "Dispute a line on which something is owed or charged."
    ),
    HttpCode.EXCEEDS_DISPUTABLE: Meaning(
        422, "More than is left of the line", "Dispute at most what is left, or all of it."
    ),
    HttpCode.DISPUTE_CLOSED: Meaning(
        409, "The dispute is at its end", "Look at its status; dispute the line again if need be."
    ),
    HttpCode.RESPONSE_AWAITED: Meaning(
        409, "The counterparty still has time to answer", "Decide when it has answered, or after `due_on`."
    ),
    HttpCode.UNAVAILABLE: Meaning(
        503, "The database cannot be reached", "Send it again later with the same idempotency key."
    ),
    HttpCode.INTERNAL: Meaning(
        500,
        "Something is wrong on our side",
        "Send it again with the same idempotency key; report request_id.",
    ),
}

_BY_STATUS = {
    401: Code.UNAUTHORIZED,
    403: Code.FORBIDDEN,
    404: HttpCode.NOT_FOUND,
    405: HttpCode.METHOD_NOT_ALLOWED,
    413: HttpCode.TOO_LARGE,
    415: HttpCode.UNSUPPORTED_MEDIA_TYPE,
    429: Code.RATE_LIMITED,
}


class FieldError(NamedTuple):
    """`pointer` is a JSON Pointer into the body, or `?name` for a query parameter."""

    pointer: str
    detail: str


class Problem(Exception):
    """Ends a request with a problem document. For faults found at the edge; the ledger returns values."""

    def __init__(self, code: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.code, self.detail, self.errors = code, detail, errors


def problem_response(code: str, detail: str, errors: Sequence[FieldError] = ()) -> Response:
    meaning = MEANINGS[code]
    body: dict[str, Any] = {
        "type": f"/docs/errors#{code}",
        "title": meaning.title,
        "status": meaning.status,
        "detail": detail,
        "code": str(code),
        "errors": [error._asdict() for error in errors],
        "request_id": g.get("request_id", ""),
    }
    response = Response(json.dumps(body, ensure_ascii=False), meaning.status, content_type=CONTENT_TYPE)
    if meaning.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def refusal_response(refusal: Refusal) -> Response:
    errors = [FieldError(f"/{refusal.field}", refusal.detail)] if refusal.field else []
    return problem_response(refusal.code, refusal.detail, errors)


def http_problem(error: HTTPException) -> Response:
    """Werkzeug's errors in our form."""
    status = error.code or 500
    response = problem_response(code_of_status(status), _sentence(error))
    if status == 405 and (allowed := dict(error.get_headers()).get("Allow")):
        response.headers["Allow"] = allowed
    return response


def code_of_status(status: int) -> str:
    """The code of a fault of HTTP that has no other."""
    return _BY_STATUS.get(status, Code.MALFORMED if status < 500 else HttpCode.INTERNAL)


def field_errors(messages: Any) -> list[FieldError]:
    """marshmallow's nested messages, flattened; the outermost level is where the value was looked for."""
    errors: list[FieldError] = []
    for location, content in messages.items():
        if not isinstance(content, Mapping):
            errors.append(FieldError("", _text(content)))
            continue
        _flatten("?" if location == "query" else "/", content, errors)
    return errors


def register(app: Flask) -> None:
    @app.errorhandler(Problem)
    def _problem(error: Problem) -> Response:
        return problem_response(error.code, error.detail, error.errors)


def _flatten(prefix: str, messages: Mapping[Any, Any], errors: list[FieldError], depth: int = 0) -> None:
    for name, content in messages.items():
        # Of an entry of a map marshmallow says if its key or its value is wrong; a pointer names the entry.
        of_entry = depth >= 2 and name in ("key", "value")
        pointer = prefix.removesuffix("/") if name == "_schema" or of_entry else prefix + _escaped(str(name))
        if isinstance(content, Mapping):
            _flatten(f"{pointer}/", content, errors, depth + 1)
        else:
            errors.append(FieldError(pointer, _text(content)))


def _escaped(name: str) -> str:
    """A name as a part of a JSON Pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _text(content: Any) -> str:
    return " ".join(map(str, content)) if isinstance(content, list) else str(content)


def _sentence(error: HTTPException) -> str:
    if isinstance(error, ClientDisconnected):
        return BODY_CUT
    match error.code:
        case 404:
            return "There is nothing at this path."
        case 500:
            return "The request was not carried out, or its outcome is not known."
        case _:
            return error.description or error.name
