"""Statements: the documents finance downloads."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

import structlog
from flask import Response, send_file

from api import statement_files
from api.auth import FINANCE, current_caller, guard, own_participant
from api.problems import HttpCode, Problem
from api.schemas.common import page_of
from api.schemas.settlement import PreparingSchema, StatementQuery, StatementSchema
from api.services import services
from api.statement_files import NotMade
from api.v1.periods import number_of
from api.web import Blueprint, answer, cursor_number, cursor_position, page
from settlement.chosen_lines import ALL, Chosen, read_chosen, read_tally
from settlement.core.statement import Tally
from settlement.liabilities import read_lines_count, write_liabilities
from settlement.present import rebate_json, statement_json
from settlement.proof.made import prove
from settlement.query import StatementHeader, list_statements, read_statement
from settlement.render import FORMATS, filename, render
from settlement.statement import (
    DoesNotTieOut,
    Statement,
    liabilities_json,
    matrix_json,
    open_statement,
    tie_out,
)

log = structlog.get_logger(__name__)

blueprint = Blueprint("statements", __name__, description="One for each participant and closed period")

CHUNK_BYTES = 1 << 16
#: About what one process writes into a workbook; only to say when to ask again.
LINES_PER_SECOND = 4_000
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 5, 60
NOTHING: dict[str, Any] = {"data": [], "next_cursor": None}


class Preparing(NamedTuple):
    """A file with so many lines that is being made; it is worth asking again after so many seconds."""

    lines: int
    seconds: int


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
    _check(extension)
    header, lines = _own(statement_id)
    with _told(header, extension):
        if lines > statement_files.LARGE_LINES:
            return _prepared(header, extension, lines)
        return _made(header, extension)


@contextmanager
def _told(header: StatementHeader, extension: str) -> Iterator[None]:
    """Why there is no such file, as Problems."""
    try:
        yield
    except DoesNotTieOut as error:
        log.error("statement_does_not_tie_out", statement=header.id, error=str(error))
        detail = f"{header.number} is not given out: its lines are not what was settled. The hub's operator"
        raise Problem(
            HttpCode.NOT_REPRODUCED, f"{detail} must run `tongdui verify`, which tells why."
        ) from error
    except NotMade as error:
        name = filename(header, extension)
        raise Problem(
            HttpCode.INTERNAL,
            f"{name} could not be made, and the hub's log tells why. It is tried again when you ask again;"
            " its other formats and the other statements can be had.",
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


def preparing(statement_id: str, extension: str) -> Preparing | None:
    """Have a large file made if it is not there; None if it can be had at once. Raises Problem."""
    _check(extension)
    header, lines = _own(statement_id)
    with _told(header, extension):
        return _prepare(header, extension, lines) if lines > statement_files.LARGE_LINES else None


def statement_document(statement_id: str) -> dict[str, Any]:
    """A statement but for its lines, as JSON: what its file in JSON has, `merchants` as in the workbook, the
    number of its `lines`, and whether they come to what was settled (`agrees`). Raises Problem.
    """
    _own(statement_id)  # writes the liabilities, for good
    with services().engine.connect() as connection:
        statement = open_statement(connection, statement_id)
        assert statement is not None, "it was just read"
        tally = read_tally(connection, statement.header)
    points, stored_value = liabilities_json(statement)
    return {
        **statement_json(statement.header),
        "matrix": matrix_json(statement),
        "rebate_rows": [rebate_json(row, statement.header.period) for row in statement.rebates],
        "points": points,
        "stored_value": stored_value,
        "merchants": [row._asdict() for row in tally.merchants],
        "lines": statement.lines,
        "agrees": _agrees(statement, tally),
    }


def statement_lines(statement_id: str, chosen: Chosen, cursor: str | None, limit: int) -> dict[str, Any]:
    """One page of the statement's lines that were chosen, as JSON, with their `totals` and the `statement`.
    Raises Problem.
    """
    header, _ = _own(statement_id)
    with services().engine.connect() as connection:
        rows = read_chosen(connection, header, chosen, cursor_number(cursor) or 0, limit + 1)
        totals = read_tally(connection, header, chosen).totals
    return {
        "statement": statement_json(header),
        **page(rows, limit, lambda line: line._asdict(), lambda line: line.line),
        "totals": totals._asdict(),
    }


def statement_line(statement_id: str, line: int) -> dict[str, Any] | None:
    """One line as JSON, None if there is none of this number. Raises Problem."""
    header, _ = _own(statement_id)
    with services().engine.connect() as connection:
        rows = read_chosen(connection, header, ALL, line - 1, 1)
    return rows[0]._asdict() if rows and rows[0].line == line else None


def _own(statement_id: str) -> tuple[StatementHeader, int]:
    """The statement, if the caller may see it, and how many lines it has. Raises Problem."""
    with services().engine.begin() as connection:
        header = read_statement(connection, statement_id)
        viewer = own_participant(current_caller())
        if header is None or viewer not in (None, header.participant_id):
            raise Problem(HttpCode.NOT_FOUND, f"There is no statement {statement_id!r}.")
        write_liabilities(connection, header.period)
        return header, read_lines_count(connection, header.period, header.participant_id)


def _agrees(statement: Statement, tally: Tally) -> bool:
    try:
        tie_out(statement, tally)
    except DoesNotTieOut as error:
        log.error("statement_does_not_tie_out", statement=statement.header.id, error=str(error))
        return False
    return True


def _check(extension: str) -> None:
    if extension not in FORMATS:
        raise Problem(HttpCode.NOT_FOUND, f"A statement comes as {', '.join(FORMATS)}.")


def _prepare(header: StatementHeader, extension: str, lines: int) -> Preparing | None:
    files = services().statements
    if files.find(header.id, extension) is not None:
        return None
    files.prepare(header.id, extension)
    return Preparing(lines, min(max(lines // LINES_PER_SECOND, RETRY_SECONDS_MIN), RETRY_SECONDS_MAX))


def _prepared(header: StatementHeader, extension: str, lines: int) -> Response:
    """The file if it is ready; else it is being made."""
    waiting = _prepare(header, extension, lines)
    path = services().statements.find(header.id, extension)
    if path is None:
        wait = waiting.seconds if waiting else RETRY_SECONDS_MIN
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
