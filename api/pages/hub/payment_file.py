"""What the hub pays out for a month: looked at, then taken away as a file for its bank."""

from datetime import date

from flask import render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.pages.hub.room import blueprint, operators, readers
from api.pages.recording import record
from api.pages.sentences import InWords, told
from api.problems import Problem
from api.services import services
from api.v1.payments import payment_file_of, payouts_of
from api.v1.periods import number_of
from clearing.core.outcomes import Code
from clearing.query import database_time
from settlement.payout import Payouts, execution_day
from settlement.refusals import Refusal


@blueprint.get("/periods/<name>/payment-file")
@readers
def payment_file(name: str) -> str:
    """Every transfer, the day, and the accounts that were changed since the approval."""
    return _page(name)


@blueprint.post("/periods/<name>/payment-file")
@operators
def make_payment_file(name: str) -> Response | tuple[str, int]:
    """The file. Changed accounts must have been looked at; a change since then is shown first."""
    confirmed = request.form.get("accounts_confirmed", "") if request.form.get("seen") == "yes" else ""
    try:
        return payment_file_of(
            name,
            _day(request.form.get("execution_on", "")),
            int(confirmed) if confirmed.isascii() and confirmed.isdigit() else None,
            lambda connection: record(connection, "payment_file.made", f"period:{name}"),
        )
    except Problem as problem:
        return _page(name, told(problem)), 422


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Problem(Code.MALFORMED, InWords(gettext("Not a valid date."))) from error


def _page(name: str, problem: str | None = None) -> str:
    number_of(name)
    payouts: Payouts | None = None
    day: date | Refusal | None = None
    try:
        with services().engine.begin() as connection:
            payouts = payouts_of(connection, name)
            zone = services().directory(connection).rulebook.settings.time_zone
            today = database_time(connection).astimezone(zone).date()
        day = execution_day(payouts, today)
    except Problem as found:
        problem = problem or told(found)
    with services().engine.connect() as connection:
        codes = {one.id: one.code for one in services().directory(connection).participants.values()}
    return render_template(
        "hub/payment_file.html", name=name, payouts=payouts, day=day, codes=codes, problem=problem
    )
