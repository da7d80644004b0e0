"""Alliance settings and their history."""

from typing import Any

from flask import Response
from sqlalchemy import Connection, Row

from api.auth import EVERYONE, current_caller, guard
from api.problems import FieldError, Problem
from api.schemas.alliance import AllianceSchema
from api.schemas.common import PageQuery, page_of
from api.services import services
from api.web import Blueprint, answer, cursor_number, page
from clearing.alliance import change_settings, list_rulebooks
from clearing.core.amounts import rate_text
from clearing.core.commands import Scope
from clearing.core.outcomes import Code
from clearing.directory import read_rulebook

blueprint = Blueprint("alliance", __name__, description="Settings that hold for all participants")


@blueprint.route("/alliance")
@guard(*EVERYONE)
@blueprint.response(200, AllianceSchema)
def read_alliance() -> Response:
    """The settings in force"""
    with services().engine.connect() as connection:
        return answer(settings_in_force(connection))


@blueprint.route("/alliance", methods=["PUT"])
@guard(Scope.OPERATOR)
@blueprint.arguments(AllianceSchema)
@blueprint.response(200, AllianceSchema)
def change_alliance(body: dict[str, Any]) -> Response:
    """Change settings; makes a new rulebook version, and nothing already booked changes"""
    with services().engine.begin() as connection:
        return answer(changed_settings(connection, body))


@blueprint.route("/alliance/history")
@guard(Scope.OPERATOR, Scope.AUDITOR)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(AllianceSchema))
def list_alliance_history(query: dict[str, Any]) -> Response:
    """All rulebook versions, newest first"""
    return answer(settings_history(**query))


def settings_in_force(connection: Connection) -> dict[str, Any]:
    """The newest rulebook's settings as JSON."""
    return _settings(list_rulebooks(connection, None, 1)[0])


def check_settings(connection: Connection, body: dict[str, Any]) -> None:
    """Whether a loaded `AllianceSchema` fits what stays as it is; raises Problem."""
    wanted = read_rulebook(connection).settings._replace(**body)
    if wanted.hold_minutes_default > wanted.hold_minutes_max:
        detail = "Must not be greater than hold_minutes_max."
        raise Problem(Code.MALFORMED, detail, [FieldError("/hold_minutes_default", detail)])


def changed_settings(connection: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """The settings as JSON after what a loaded `AllianceSchema` says; raises Problem."""
    check_settings(connection, body)
    change_settings(connection, body, current_caller().key_id)
    return settings_in_force(connection)


def settings_history(limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of all rulebook versions as JSON, newest first."""
    with services().engine.connect() as connection:
        rows = list_rulebooks(connection, cursor_number(cursor), limit + 1)
    return page(rows, limit, _settings, lambda row: row.version)


def _settings(row: Row) -> dict[str, Any]:
    return {
        "version": row.version,
        "made_at": row.made_at.isoformat(),
        "time_zone": row.time_zone,
        "currency": row.currency,
        "point_value": rate_text(row.point_value),
        "reimbursement_rate": rate_text(row.reimbursement_rate),
        "draw_order": row.draw_order,
        "grace_days": row.grace_days,
        "vat_rate": rate_text(row.vat_rate),
        "hold_minutes_default": row.hold_minutes_default,
        "hold_minutes_max": row.hold_minutes_max,
        "card_points_per_day": row.card_points_per_day,
        "card_redemptions_per_hour": row.card_redemptions_per_hour,
        "merchant_points_per_day": row.merchant_points_per_day,
        "merchant_redemptions_per_hour": row.merchant_redemptions_per_hour,
        "hub_name": row.hub_name,
        "hub_address": row.hub_address,
        "hub_tax_number": row.hub_tax_number,
        "dual_control": row.dual_control,
        "close_quiet_minutes": row.close_quiet_minutes,
        "due_days": row.due_days,
        "suspend_overdue_days": row.suspend_overdue_days,
        "dispute_window_days": row.dispute_window_days,
        "dispute_response_days": row.dispute_response_days,
    }
