"""Statements: the documents finance downloads."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO, Any

from flask import Response

from api.auth import FINANCE, current_caller, guard, own_participant
from api.problems import HttpCode, Problem
from api.schemas.common import page_of
from api.schemas.settlement import StatementQuery, StatementSchema
from api.services import services
from api.v1.periods import number_of
from api.web import Blueprint, answer, cursor_position, page
from settlement.present import statement_json
from settlement.query import list_statements, read_statement
from settlement.render import FORMATS, filename, render
from settlement.statement import open_statement

blueprint = Blueprint("statements", __name__, description="One for each participant and closed period")

CHUNK_BYTES = 1 << 16
NOTHING: dict[str, Any] = {"data": [], "next_cursor": None}

FILES = {
    "responses": {
        "200": {
            "description": "The statement as a file",
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/json": {"schema": {"type": "object"}},
                FORMATS["xlsx"].media_type: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    }
}


@blueprint.route("/statements")
@guard(*FINANCE)
@blueprint.arguments(StatementQuery, location="query")
@blueprint.response(200, page_of(StatementSchema))
def list_all(query: dict[str, Any]) -> Response:
    """Statements, the newest period first; a participant sees its own"""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        participant_id = own_participant(current_caller())
        if query["participant"] is not None:
            wanted = directory.participant(query["participant"])
            if wanted is None or participant_id not in (None, wanted.id):
                return answer(NOTHING)
            participant_id = wanted.id
        period = number_of(query["period"]) if query["period"] else None
        before = cursor_position(query["cursor"])
        rows = list_statements(connection, period, participant_id, before, query["limit"] + 1)
    return answer(page(rows, query["limit"], statement_json, lambda header: header.id))


@blueprint.route("/statements/<statement_id>.<extension>")
@guard(*FINANCE)
@blueprint.doc(**FILES)
def download(statement_id: str, extension: str) -> Response:
    """The statement as json, csv or xlsx; the same bytes each time"""
    if extension not in FORMATS:
        raise Problem(HttpCode.NOT_FOUND, f"A statement comes as {', '.join(FORMATS)}.")
    with services().engine.connect() as connection:
        header = read_statement(connection, statement_id)
        viewer = own_participant(current_caller())
        if header is None or viewer not in (None, header.participant_id):
            raise Problem(HttpCode.NOT_FOUND, f"There is no statement {statement_id!r}.")
        statement = open_statement(connection, statement_id)
        assert statement is not None, "its header was just read"
        # A statement that does not tie out must fail before its first byte is sent, so it is made whole.
        spool = TemporaryFile()  # noqa: SIM115  closed when the answer has been sent
        try:
            render(connection, statement, {extension: spool})
        except BaseException:
            spool.close()
            raise
    headers = {
        "Content-Disposition": f'attachment; filename="{filename(statement, extension)}"',
        "Content-Length": str(spool.tell()),
    }
    return Response(_chunks(spool), headers=headers, content_type=FORMATS[extension].media_type)


def _chunks(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        spool.seek(0)
        while chunk := spool.read(CHUNK_BYTES):
            yield chunk
