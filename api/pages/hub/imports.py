"""Imports: send a file, follow it, and read what was refused."""

from collections.abc import Iterator
from typing import IO, Any

from flask import Response as FileResponse
from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from api.imports.kinds import KINDS
from api.imports.receive import CHUNK_BYTES
from api.pages.hub.room import blueprint, operators, readers
from api.pages.recording import DoneBefore, recording
from api.pages.sentences import told
from api.pages.words import title_of, word
from api.problems import Problem
from api.v1.imports import (
    CSV_TYPES,
    NDJSON_TYPES,
    imports_page,
    refused_rows_file,
    refused_rows_page,
    results_file,
    shown_import,
    started,
)

SHOWN = 50
COLOURS = {"running": "blue", "done": "green", "failed": "red"}


@blueprint.get("/imports")
@readers
def imports() -> str:
    found = imports_page(SHOWN, request.args.get("cursor"))
    return render_template("hub/imports.html", found=found, colours=COLOURS)


@blueprint.get("/imports/new")
@operators
def new_import() -> str:
    """`?kind=` and `?historical=`: what is chosen at first."""
    chosen = {name: request.args[name] for name in ("kind", "historical") if name in request.args}
    return _form({"kind": "members"} | chosen, {})


@blueprint.post("/imports/new")
@operators
def send_import() -> Response | tuple[str, int]:
    kind, file = request.form.get("kind", ""), request.files.get("file")
    historical = request.form.get("historical") == "yes"
    errors = {}
    if kind not in KINDS:
        errors["kind"] = gettext("Choose what is in the file.")
    if file is None or not file.filename:
        errors["file"] = gettext("Choose a file.")
    if errors or file is None:
        return _form(dict(request.form), errors), 422
    media_type = NDJSON_TYPES[0] if file.filename and _is_ndjson(file.filename) else CSV_TYPES[0]
    data = {"kind": kind, "historical": historical, "file": file.filename}

    def beside(connection: Connection, import_id: str) -> None:
        recording("import.started", f"import:{import_id}", data)(connection)

    try:
        import_id = started(_chunks(file.stream), kind, media_type, historical=historical, beside=beside)
    except DoneBefore:
        flash(gettext("This file was sent already."), "info")
        return redirect(url_for("hub.imports"), 303)
    except Problem as problem:
        return _form(dict(request.form), {}, told(problem)), 422
    return redirect(url_for("hub.import_", import_id=import_id), 303)


@blueprint.get("/imports/<import_id>", endpoint="import_")
@readers
def show_import(import_id: str) -> str:
    """The whole page, or for htmx the progress alone; while it runs, that asks for itself again."""
    found = shown_import(import_id)
    values: dict[str, Any] = {
        "one": found,
        "part": _part(found),
        "colours": COLOURS,
        "title_of": title_of,
        "within": "hub.imports",
    }
    if request.headers.get("HX-Request") == "true":
        return render_template("hub/_import_progress.html", **values)
    refused = refused_rows_page(import_id, SHOWN, request.args.get("cursor"))
    columns = sorted({name for row in refused["data"] for name in row["content"]})
    return render_template("hub/import.html", refused=refused, columns=columns, **values)


@blueprint.get("/imports/<import_id>/refused.csv")
@readers
def refused_rows(import_id: str) -> FileResponse:
    """To be mended and sent again as it is."""
    response = refused_rows_file(import_id)
    response.headers["Content-Disposition"] = f'attachment; filename="{import_id}-refused.csv"'
    return response


@blueprint.get("/imports/<import_id>/results.csv")
@readers
def import_results(import_id: str) -> FileResponse:
    """Which card each member has got."""
    response = results_file(import_id)
    response.headers["Content-Disposition"] = f'attachment; filename="{import_id}-members.csv"'
    return response


def _form(values: dict[str, str], errors: dict[str, str], problem: str | None = None) -> str:
    return render_template(
        "hub/import_form.html",
        values=values,
        errors=errors,
        problem=problem,
        kinds=[(kind, word(kind, "import_kind")) for kind in KINDS],
        columns={
            kind: (
                [name for name in of.columns if name in of.required],
                [name for name in of.columns if name not in of.required and name != "key"],
            )
            for kind, of in KINDS.items()
        },
        within="hub.imports",
    )


def _part(found: dict[str, Any]) -> int:
    """Per cent of the file that are read."""
    done, whole = found["bytes_read"], found["bytes_total"]
    return round(100 * done / whole) if whole else 100


def _is_ndjson(name: str) -> bool:
    return name.lower().endswith((".ndjson", ".jsonl", ".json"))


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
