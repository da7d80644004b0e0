"""Statements: the list, and the files to download."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.auth import FINANCE
from api.pages.guard import page
from api.v1.statements import statement_file, statements_page

blueprint = Blueprint("finance", __name__, url_prefix="/finance", template_folder="templates")

SHOWN = 24
FORMATS = ("pdf", "xlsx", "csv", "json", "beancount")


@blueprint.get("/")
@page(*FINANCE)
def statements() -> str:
    """The newest period first; a participant sees its own."""
    found = statements_page(
        period=request.args.get("period") or None,
        participant=request.args.get("participant") or None,
        cursor=request.args.get("cursor"),
        limit=SHOWN,
    )
    return render_template("finance/statements.html", found=found, formats=FORMATS)


@blueprint.get("/statements/<statement_id>.<extension>")
@page(*FINANCE)
def download(statement_id: str, extension: str) -> Response:
    """The file; a large one that is not ready yet brings the reader back to the list with a message."""
    response = statement_file(statement_id, extension)
    if response.status_code == 202:
        wait = response.headers["Retry-After"]
        flash(gettext("This file is large and being made. Try again in %(wait)s seconds.", wait=wait), "info")
        return redirect(url_for("finance.statements"), 303)
    return response
