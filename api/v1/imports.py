"""Imports: files of members, balances and acts."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from flask import Response, request
from sqlalchemy import Connection, Engine

from api.auth import current_caller, guard, own_participant, owner
from api.bodies import body_chunks
from api.imports import store
from api.imports.kinds import MEMBERS
from api.imports.receive import TooLarge, receive
from api.imports.refused import refused_csv, visible
from api.imports.results import results_csv
from api.once import Call
from api.problems import HttpCode, Problem
from api.schemas.common import KEY_WELCOME
from api.schemas.imports import ImportIdSchema, ImportQuery, ImportSchema
from api.services import Services, services
from api.web import Blueprint, answer, cursor_number, idempotency_key, page
from clearing import ids
from clearing.answers import hold_key
from clearing.core.amounts import rate_text
from clearing.core.commands import Scope
from clearing.core.outcomes import Code

blueprint = Blueprint("imports", __name__, description="Files: every row is posted, or listed as refused")

View = TypeVar("View", bound=Callable[..., Any])

BYTES_MAX = 1 << 30
NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

#: `curl --data-binary @file` says form-urlencoded and many programs octet-stream; what they send is CSV.
CSV_TYPES = ("text/csv", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "")

BODY = {
    "requestBody": {
        "required": True,
        "description": "CSV with a first line that names the columns, or one JSON object on each line",
        "content": {
            media_type: {"schema": {"type": "string"}} for media_type in ("text/csv", "application/x-ndjson")
        },
    }
}


def _with_key(view: View) -> View:
    """Document the key beside the query, whose parameters `blueprint.doc` would replace."""
    view._apidoc["arguments"]["parameters"].append(KEY_WELCOME)  # type: ignore[attr-defined]  # flask-smorest's
    return view


@blueprint.route("/imports", methods=["POST"])
@guard(Scope.PARTICIPANT, Scope.OPERATOR, takes_file=True)
@_with_key
@blueprint.arguments(ImportQuery, location="query")
@blueprint.doc(**BODY)
@blueprint.response(202, ImportIdSchema)
def start_import(query: dict[str, Any]) -> Response:
    """Send a file; its rows are posted in the background

    Columns: `members`: participant, name, phone, tier, card · `balances`: card, issuer, asset (points or
    stored_value), quantity, expires_on · `accruals`: card, merchant, amount, points · `redemptions`: card,
    merchant, points, amount · `loads`, `spends`: card, merchant, issuer, amount. Every row may carry `key`
    (its idempotency key), `reference` and `occurred_at`, and whatever else a request may say (`metadata` as
    JSON). The file is in UTF-8, UTF-16 with a byte order mark, or GB18030. A row that cannot be read, or has
    fewer or more cells than the first line, is refused alone. Sending a file again posts nothing twice: a row
    without a key is known by its place in that very file, so mend refused rows in the list of refused rows
    (`errors.csv`) and send that.
    """
    if query["historical"] and current_caller().scope is not Scope.OPERATOR:
        raise Problem(Code.FORBIDDEN, "Only the operator loads history.")
    if request.mimetype in NDJSON_TYPES:
        media_type = NDJSON_TYPES[0]
    elif request.mimetype in CSV_TYPES:
        media_type = CSV_TYPES[0]
    else:
        raise Problem(
            HttpCode.UNSUPPORTED_MEDIA_TYPE,
            f"Send the file itself as {CSV_TYPES[0]}, or one JSON object on each line as {NDJSON_TYPES[0]}.",
        )
    if "Idempotency-Key" in request.headers:
        idempotency_key()  # before the file is taken in
    try:
        text = started(
            body_chunks(BYTES_MAX),
            query["kind"],
            media_type,
            historical=query["historical"],
            beside=lambda connection, import_id: _keep(connection, import_id, query),
        )
    except _StartedBefore as before:
        return before.answer
    return _answer(text)


@blueprint.route("/imports/<import_id>")
@guard(Scope.PARTICIPANT, Scope.OPERATOR, Scope.AUDITOR)
@blueprint.response(200, ImportSchema)
def read_import(import_id: str) -> Response:
    """How far it is: counts of rows accepted, replayed and refused"""
    return answer(shown_import(import_id))


@blueprint.route("/imports/<import_id>/errors.csv")
@guard(Scope.PARTICIPANT, Scope.OPERATOR, Scope.AUDITOR)
@blueprint.response(200, {"type": "string"}, content_type="text/csv")
def list_refused_rows(import_id: str) -> Response:
    """The refused rows with the reason; mend them and send this file

    UTF-8 with a byte order mark. What could not be divided into columns stands in `line` as it was sent. A
    cell that a spreadsheet would run has an apostrophe in front, which is taken off when the list comes back.
    Names and phones of members are in it for who sent them only.
    """
    return refused_rows_file(import_id)


@blueprint.route("/imports/<import_id>/results.csv")
@guard(Scope.PARTICIPANT, Scope.OPERATOR, Scope.AUDITOR)
@blueprint.response(200, {"type": "string"}, content_type="text/csv")
def list_results(import_id: str) -> Response:
    """Of an import of members: the member, wallet and card of each row

    UTF-8 with a byte order mark; `row` counts as in `errors.csv`. Rows that were known before are in it, too.
    Names and whole card numbers are in it for who sent them only.
    """
    return results_file(import_id)


class _StartedBefore(Exception):
    """The call is answered with the import that it started the first time, or refused."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


def _answer(import_id: str) -> Response:
    return answer({"id": import_id}, 202, {"Location": f"/v1/imports/{import_id}"})


def _keep(connection: Connection, import_id: str, query: dict[str, Any]) -> None:
    """Keep the answer with the import. Raises _StartedBefore; then nothing is started."""
    numbers = ids.decode("imp", import_id)
    found = store.read(connection, numbers[0]) if numbers else None
    assert found is not None, "it was just written"
    call = Call.of_request({"query": query, "file": found.upload.file_hash})
    if call is None:
        return
    hold_key(connection, call.key)
    first = call.first_answer(connection)
    if first is not None:
        raise _StartedBefore(first)
    call.keep(connection, _answer(import_id))


def started(
    chunks: Iterable[bytes],
    kind: str,
    media_type: str,
    *,
    historical: bool = False,
    beside: Callable[[Connection, str], None] = lambda connection, import_id: None,
) -> str:
    """Take the file in, with what the caller writes `beside`, and begin to post it; the import's id.

    Raises Problem, and what `beside` raises.
    """
    caller = current_caller()
    try:
        import_id = receive(
            services().engine,
            services().files,
            chunks,
            kind=kind,
            historical=historical,
            owner=owner(caller),
            caller=caller,
            media_type=media_type,
            bytes_max=BYTES_MAX,
            beside=lambda connection, import_id: beside(connection, ids.encode("imp", import_id)),
        )
    except TooLarge as error:
        raise Problem(HttpCode.TOO_LARGE, f"A file has at most {BYTES_MAX} bytes; split it.") from error
    services().imports.submit(import_id)
    return ids.encode("imp", import_id)


def imports_page(limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of imports as JSON, the newest first: the caller's, or everybody's for who sees all."""
    caller = current_caller()
    whose = None if own_participant(caller) is None else owner(caller)
    with services().engine.connect() as connection:
        rows = store.recent(connection, whose, cursor_number(cursor), limit + 1)
    return page(rows, limit, _import, lambda one: one.id)


def shown_import(import_id: str) -> dict[str, Any]:
    """One import as JSON; raises Problem."""
    return _import(_found(import_id))


def refused_rows_page(import_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of the refused rows, in their order: row, code, detail, field, content. Raises Problem."""
    found = _found(import_id)
    in_clear = _may_see_persons(found)
    with services().engine.connect() as connection:
        rows = store.refused_rows(connection, found.id, cursor_number(cursor) or 0, limit + 1)
    for row in rows:
        row["content"] = visible(row["content"], found.upload.kind, in_clear)
    return page(rows, limit, lambda row: row, lambda row: row["row"])


def refused_rows_file(import_id: str) -> Response:
    """The list of refused rows as CSV; raises Problem."""
    found = _found(import_id)
    errors = _errors(services().engine, found, _may_see_persons(found))
    return Response(errors, content_type="text/csv; charset=utf-8")


def results_file(import_id: str) -> Response:
    """The members that an import of members has made, as CSV; raises Problem."""
    found = _found(import_id)
    if found.upload.kind != MEMBERS:
        raise Problem(
            HttpCode.NOT_FOUND,
            "Only an import of members has a file of results; look transactions up by their reference.",
        )
    results = _results(services(), found, _may_see_persons(found))
    return Response(results, content_type="text/csv; charset=utf-8")


def _may_see_persons(found: store.Import) -> bool:
    """Names and phones are for who sent them."""
    caller = current_caller()
    return caller.scope is not Scope.AUDITOR and found.upload.owner == owner(caller)


def _found(text: str) -> store.Import:
    """The import, if it is the caller's to see; raises Problem."""
    numbers = ids.decode("imp", text)
    with services().engine.connect() as connection:
        found = store.read(connection, numbers[0]) if numbers else None
    caller = current_caller()
    if found is None or (own_participant(caller) is not None and found.upload.owner != owner(caller)):
        raise Problem(HttpCode.NOT_FOUND, f"There is no import {text!r}.")
    return found


def _import(found: store.Import) -> dict[str, Any]:
    return {
        "id": ids.encode("imp", found.id),
        "kind": found.upload.kind,
        "historical": found.upload.historical,
        "status": found.status,
        "rows": found.rows,
        "accepted": found.accepted,
        "replayed": found.replayed,
        "refused": found.refused,
        "residue": rate_text(found.residue),
        "encoding": found.encoding,
        "error": found.error,
        "bytes_read": found.read_bytes,
        "bytes_total": found.upload.size_bytes,
        "started_at": found.started_at.isoformat(),
        "ended_at": found.ended_at.isoformat() if found.ended_at else None,
    }


def _results(of: Services, found: store.Import, in_clear: bool) -> Iterator[str]:
    """As `_errors`."""
    with of.engine.connect() as connection:
        directory = of.directory(connection)
        yield from results_csv(connection, found, directory, of.personal_data, in_clear=in_clear)


def _errors(engine: Engine, found: store.Import, in_clear: bool) -> Iterator[str]:
    """The list in pieces. They are taken when the request is over, so nothing here may ask for it."""
    with engine.connect() as connection:
        yield from refused_csv(connection, found, in_clear=in_clear)
