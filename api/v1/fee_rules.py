"""Fee rules: what the hub charges on an exchange."""

from decimal import Decimal
from typing import Any

from flask import Response
from sqlalchemy import Connection

from api import present
from api.auth import EVERYONE, current_caller, guard
from api.once import once
from api.problems import FieldError, Problem
from api.schemas.alliance import FeeRuleInput, FeeRuleSchema
from api.schemas.common import PageQuery, page_of
from api.services import services, transaction
from api.web import Blueprint, answer, cursor_number, page
from clearing import alliance
from clearing.core.commands import Scope
from clearing.core.directory import Directory
from clearing.core.outcomes import Code
from clearing.core.rulebook import ExchangeKind, FeeRule, Tier

blueprint = Blueprint("fee rules", __name__, description="Dated and versioned prices of exchanges")


@blueprint.route("/fee-rules", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(FeeRuleInput)
@blueprint.response(201, FeeRuleSchema)
@once(blueprint)
def add_fee_rule(body: dict[str, Any]) -> Response:
    """Add a rule; makes a new rulebook version

    The most specific rule in force on the day of booking prices a leg: one that names issuer and acceptor,
    then one that names the acceptor, then the issuer, then neither. Of the same scope the newest
    `valid_from` wins, and of the same date the rule added last. `tiers` never change what a leg is charged:
    at closing each payer gets back what they save on its volume of the month under this rule.
    """
    with transaction() as connection:
        return answer(added_rule(connection, body), 201)


@blueprint.route("/fee-rules")
@guard(*EVERYONE)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(FeeRuleSchema))
def list_fee_rules(query: dict[str, Any]) -> Response:
    """All rules, in the order in which they were added"""
    return answer(rules_page(**query))


def added_rule(connection: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """Add the rule that a loaded `FeeRuleInput` describes; the rule as JSON. Raises Problem."""
    directory = services().directory(connection)
    added, version = alliance.add_fee_rule(connection, rule_from(directory, body), current_caller().key_id)
    return present.fee_rule(added, version, directory)


def rules_page(limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of all rules as JSON, in the order in which they were added."""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        rows = alliance.list_fee_rules(connection, cursor_number(cursor) or 0, limit + 1)
    return page(rows, limit, lambda row: present.fee_rule(*row, directory), lambda row: row[0].id)


def rule_from(directory: Directory, body: dict[str, Any], at: str = "") -> FeeRule:
    """The rule, not numbered yet, that a loaded `FeeRuleInput` describes.

    Raises Problem for an unknown participant; `at` is the JSON Pointer of this body in the request's.
    """
    kind = ExchangeKind[body["kind"].upper()]
    default_share = Decimal(0) if kind is ExchangeKind.LOAD else Decimal(1)
    return FeeRule(
        id=0,
        kind=kind,
        issuer=_participant_id(directory, body, "issuer", at),
        acceptor=_participant_id(directory, body, "acceptor", at),
        acceptor_share=default_share if body["payer"] is None else body["payer"],
        rate=body["rate"],
        flat=body["flat"],
        minimum=body["min"],
        maximum=body["max"],
        valid_from=body["valid_from"],
        tiers=tuple(Tier(**tier) for tier in body["tiers"]),
    )


def _participant_id(directory: Directory, body: dict[str, Any], field: str, at: str) -> int | None:
    if body[field] is None:
        return None
    participant = directory.participant(body[field])
    if participant is None:
        detail = f"There is no participant {body[field]!r}."
        raise Problem(Code.MALFORMED, detail, [FieldError(f"{at}/{field}", detail)])
    return participant.id
