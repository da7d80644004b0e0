"""Members of the visitor's own participant: found by phone, card or tier, and corrected."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from api.narrowing import NOTHING
from api.pages.forms import field_errors
from api.pages.guard import page
from api.pages.people.users import blueprint
from api.pages.sentences import said_of_field, told
from api.problems import Problem
from api.schemas.people import MemberChange, MemberQuery
from api.v1.members import changed_member, member_shown, members_page
from clearing.core.commands import Scope

SHOWN = 50
SOUGHT = ("phone", "card", "tier")
CHANGED = ("name", "phone", "tier")
OWNERS = (Scope.PARTICIPANT,)


@blueprint.get("/members")
@page(*OWNERS)
def members() -> str | tuple[str, int]:
    """Those enrolled last first. A name is encrypted, so nobody is found by one."""
    sought = {name: request.args.get(name, "").strip() for name in SOUGHT}
    filled = {name: value for name, value in sought.items() if value}
    try:
        query = MemberQuery().load(filled)
    except ValidationError as error:
        return _list(NOTHING, sought, _errors(error)), 422
    query |= {"limit": SHOWN, "cursor": request.args.get("cursor")}
    return _list(members_page(query), sought, {})


@blueprint.get("/members/<member_id>")
@page(*OWNERS)
def member(member_id: str) -> str:
    shown = member_shown(member_id)
    return _form(shown, {name: shown[name] or "" for name in CHANGED}, {})


@blueprint.post("/members/<member_id>")
@page(*OWNERS)
def change_member(member_id: str) -> Response | tuple[str, int]:
    """A field that was emptied is taken away; one that was not sent stays."""
    typed = {name: request.form[name].strip() for name in CHANGED if name in request.form}
    try:
        body = MemberChange().load({name: value or None for name, value in typed.items()})
        changed_member(member_id, body)
    except ValidationError as error:
        return _form(member_shown(member_id), typed, _errors(error)), 422
    except Problem as problem:
        errors = field_errors(problem)
        return _form(member_shown(member_id), typed, errors, None if errors else told(problem)), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for("people.member", member_id=member_id), 303)


def _list(found: dict[str, Any], sought: dict[str, str], errors: dict[str, str]) -> str:
    return render_template(
        "people/members.html", found=found, values=sought, errors=errors, tiers=_tiers(sought["tier"])
    )


def _form(
    shown: dict[str, Any], values: dict[str, str], errors: dict[str, str], wrong: str | None = None
) -> str:
    return render_template(
        "people/member.html",
        member=shown,
        values=values,
        errors=errors,
        wrong=wrong,
        tiers=_tiers(shown["tier"] or ""),
        within="people.members",
    )


def _tiers(present: str) -> list[tuple[str, str]]:
    """Those of the participant, and the present one, which may be an older one."""
    own = g.directory.participants[g.caller.participant_id].tiers
    names = [*own, *([present] if present and present not in own else [])]
    return [("", "–"), *((name, name) for name in names)]


def _errors(error: ValidationError) -> dict[str, str]:
    return {
        name: " ".join(map(said_of_field, found if isinstance(found, list) else [str(found)]))
        for name, found in error.normalized_messages().items()
    }
