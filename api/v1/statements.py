"""Statements: the documents finance downloads."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO, Any

import structlog
from flask import Response, send_file

from api import statement_files
from api.auth import FINANCE, current_caller, guard, own_participant
from api.problems import HttpCode, Problem
from api.schemas.common import page_of
from api.schemas.settlement import PreparingSchema, StatementQuery, StatementSchema
from api.services import services
from api.v1.periods import number_of
from api.web import Blueprint, answer, cursor_position, page
from settlement.liabilities import read_lines_count, write_liabilities
from settlement.present import statement_json
from settlement.proof.made import prove
from settlement.query import StatementHeader, list_statements, read_statement
from settlement.render import FORMATS, filename, render
from settlement.statement import DoesNotTieOut, open_statement

log = structlog.get_logger(__name__)

blueprint = Blueprint("statements", __name__, description="One for each participant and closed period")

CHUNK_BYTES = 1 << 16
#: About what one process writes into a workbook; only to say when to ask again.
LINES_PER_SECOND = 4_000
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 5, 60
NOTHING: dict[str, Any] = {"data": [], "next_cursor": None}

FILES = {
    "responses": {
        "200": {
            "description": "The statement as a file",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                **{
                    one.media_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
                    for one in FORMATS.values()
                    if one.extension != "json"
                },
            },
        },
        "202": {
            "description": "It is being made; ask again after `Retry-After` seconds",
            "content": {"application/json": {"schema": PreparingSchema}},
        },
    }
}


@blueprint.route("/statements")
@guard(*FINANCE)
@blueprint.arguments(StatementQuery, location="query")
@blueprint.response(200, page_of(StatementSchema))
def list_all(query: dict[str, Any]) -> Response:
    """Statements, the newest period first; a participant sees its own"""
    return answer(statements_page(**query))


@blueprint.route("/statements/<statement_id>.<extension>")
@guard(*FINANCE)
@blueprint.doc(**FILES)
def download(statement_id: str, extension: str) -> Response:
    """The statement as json, csv, xlsx, pdf or beancount; the same bytes each time

    One of more than 20,000 lines is made in the background: the answer is 202 until it is ready, and then the
    file, which can be read in parts (`Range`) and has an `ETag`. It is kept for a week after its last use.
    """
    return statement_file(statement_id, extension)


def statements_page(
    *, period: str | None, participant: str | None, cursor: str | None, limit: int
) -> dict[str, Any]:
    """One page of the list of statements, as JSON. Raises Problem."""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        participant_id = own_participant(current_caller())
        if participant is not None:
            wanted = directory.participant(participant)
            if wanted is None or participant_id not in (None, wanted.id):
                return NOTHING
            participant_id = wanted.id
        number = number_of(period) if period else None
        before = cursor_position(cursor)
        rows = list_statements(connection, number, participant_id, before, limit + 1)
    return page(rows, limit, statement_json, lambda header: header.id)


def statement_file(statement_id: str, extension: str) -> Response:
    """The answer with the file, or with 202 while it is being made. Raises Problem."""
    if extension not in FORMATS:
        raise Problem(HttpCode.NOT_FOUND, f"A statement comes as {', '.join(FORMATS)}.")
    with services().engine.begin() as connection:
        header = read_statement(connection, statement_id)
        viewer = own_participant(current_caller())
        if header is None or viewer not in (None, header.participant_id):
            raise Problem(HttpCode.NOT_FOUND, f"There is no statement {statement_id!r}.")
        write_liabilities(connection, header.period)
        lines = read_lines_count(connection, header.period, header.participant_id)
    try:
        if lines > statement_files.LARGE_LINES:
            return _prepared(header, extension, lines)
        return _made(header, extension)
    except DoesNotTieOut as error:
        log.error("statement_does_not_tie_out", statement=statement_id, error=str(error))
        detail = f"{header.number} is not given out: its lines are not what was settled. The hub's operator"
        raise Problem(
            HttpCode.NOT_REPRODUCED, f"{detail} must run `tongdui verify`, which tells why."
        ) from error


def _made(header: StatementHeader, extension: str) -> Response:
    with services().engine.connect() as connection:
        statement = open_statement(connection, header.id)
        assert statement is not None, "its header was just read"
        if extension == "json":
            proof = prove(services().engine, connection, header, services().sealing_keys)
            statement = statement._replace(proof=proof)
        # A statement that does not tie out must fail before its first byte is sent, so it is made whole.
        spool = TemporaryFile()  # noqa: SIM115  closed when the answer has been sent
        try:
            render(connection, statement, {extension: spool})
        except BaseException:
            spool.close()
            raise
    headers = {
        "Content-Disposition": f'attachment; filename="{filename(header, extension)}"',
        "Content-Length": str(spool.tell()),
    }
    return Response(_chunks(spool), headers=headers, content_type=FORMATS[extension].media_type)


def _prepared(header: StatementHeader, extension: str, lines: int) -> Response:
    """The file if it is ready; else it is being made."""
    files = services().statements
    path = files.find(header.id, extension)
    if path is None:
        files.prepare(header.id, extension)
        wait = min(max(lines // LINES_PER_SECOND, RETRY_SECONDS_MIN), RETRY_SECONDS_MAX)
        return answer({"status": "preparing", "lines": lines}, 202, {"Retry-After": str(wait)})
    return send_file(
        path,
        mimetype=FORMATS[extension].media_type,
        as_attachment=True,
        download_name=filename(header, extension),
        etag=path.name,
    )


def _chunks(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        spool.seek(0)
        while chunk := spool.read(CHUNK_BYTES):
            yield chunk
