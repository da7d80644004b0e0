"""The audit log, with search."""

from datetime import date, datetime, time, timedelta

from flask import g, render_template, request
from flask_babel import lazy_gettext

from api.pages.guard import page
from api.pages.people.users import blueprint
from api.pages.typed import wanted
from api.pages.words import add_words
from api.v1.audit_log import acts_page
from api.v1.users import READERS
from clearing.core.calendar import YEARS

SHOWN = 50
FIRST_DAY, LAST_DAY = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)

add_words(
    "act",
    {
        "login.succeeded": lazy_gettext("logged in"),
        "login.failed": lazy_gettext("log-in failed"),
        "login.delayed": lazy_gettext("log-in refused for a while"),
        "logout": lazy_gettext("logged out"),
        "code.refused": lazy_gettext("code refused"),
        "password.changed": lazy_gettext("password changed"),
        "password.refused": lazy_gettext("present password was wrong"),
        "password.reset": lazy_gettext("password reset"),
        "second_factor.enrolled": lazy_gettext("second factor enrolled"),
        "second_factor.removed": lazy_gettext("second factor taken away"),
        "sessions.ended": lazy_gettext("sessions ended"),
        "user.made": lazy_gettext("user made"),
        "user.changed": lazy_gettext("user changed"),
        "member.changed": lazy_gettext("member changed"),
        "dispute.opened": lazy_gettext("dispute opened"),
        "dispute.answered": lazy_gettext("dispute answered"),
        "dispute.accepted": lazy_gettext("dispute accepted"),
        "dispute.rejected": lazy_gettext("dispute rejected"),
        "dispute.withdrawn": lazy_gettext("dispute withdrawn"),
    },
)


@blueprint.get("/audit-log")
@page(*READERS)
def audit() -> str:
    """`?who=`, `?what=` and `?about=` as in the API, `?since=` and `?until=` as days, both included."""
    since, until = _day("since"), _day("until")
    found = acts_page(
        cursor=request.args.get("cursor"),
        limit=SHOWN,
        who=wanted(request.args.get("who")) or None,
        what=wanted(request.args.get("what")) or None,
        about=wanted(request.args.get("about")) or None,
        since=_begin(since),
        until=_begin(until + timedelta(days=1)) if until else None,
    )
    return render_template("people/audit.html", found=found)


def _day(name: str) -> date | None:
    """A day of the address, moved into our times; what is none is passed over, as browsers send only days."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return min(max(day, FIRST_DAY), LAST_DAY)


def _begin(day: date | None) -> datetime | None:
    """The day's first instant in the alliance's time zone."""
    return datetime.combine(day, time(), g.directory.rulebook.settings.time_zone) if day else None
