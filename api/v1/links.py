"""Links: participants agree that their cards are one person's, whose wallets then become one."""

from typing import Any

from flask import Response
from sqlalchemy import Connection

from api import present
from api.auth import current_caller, guard, own_participant
from api.narrowing import NOTHING
from api.once import once
from api.problems import HttpCode, Problem, refusal_response
from api.schemas.common import page_of
from api.schemas.links import LinkInput, LinkQuery, LinkSchema, UnlinkedSchema
from api.services import services
from api.v1.cards import number_in_path
from api.v1.wallets import visible_wallet
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from clearing.beside import Beside, nothing
from clearing.core.commands import Caller, Scope
from clearing.core.directory import Directory
from clearing.core.outcomes import Code, Refusal
from clearing.linking import LinkRecord, LinkStatus, list_links, read_link
from clearing.privacy import masked_number
from clearing.query import database_time, list_cards

blueprint = Blueprint("links", __name__, description="Cards of several participants that one person holds")

PARTIES = (Scope.PARTICIPANT, Scope.OPERATOR)
READERS = (*PARTIES, Scope.AUDITOR)


@blueprint.route("/wallets/<wallet_id>/links", methods=["POST"])
@guard(*PARTIES)
@blueprint.arguments(LinkInput)
@blueprint.response(201, LinkSchema)
@once(blueprint, repeatable=True)
def propose(body: dict[str, Any], wallet_id: str) -> Response:
    """Say that the holder of this wallet holds another participant's card too

    That proposes it: the participants concerned are told (`link.proposed`), and when all of them have agreed
    the two wallets become one, the older. The operator speaks for all of them at once. Sent again, it is the
    same link.
    """
    caller = current_caller()
    with services().engine.connect() as connection:
        sharers = list_cards(connection, visible_wallet(connection, wallet_id))
        zone = services().directory(connection).rulebook.settings.time_zone
        today = database_time(connection).astimezone(zone).date()
    own = [card for card in sharers if caller.may_issue_for(card.issuer_id)]
    # One that is good, if there is any: of others no link can be made.
    card = max(own, key=lambda one: one.is_good(today))
    return _agree(card.number, body["card"], 201)


@blueprint.route("/wallets/<wallet_id>/links")
@guard(*READERS)
@blueprint.arguments(LinkQuery, location="query")
@blueprint.response(200, page_of(LinkSchema))
def list_of_wallet(query: dict[str, Any], wallet_id: str) -> Response:
    """The links of the cards in this wallet, the newest first"""
    with services().engine.connect() as connection:
        wallet = visible_wallet(connection, wallet_id)
    return answer(links_page(**query, wallet=wallet))


@blueprint.route("/links")
@guard(*READERS)
@blueprint.arguments(LinkQuery, location="query")
@blueprint.response(200, page_of(LinkSchema))
def list_own(query: dict[str, Any]) -> Response:
    """Links that concern the caller, the newest first; `status=proposed` are those that wait for somebody"""
    return answer(links_page(**query))


@blueprint.route("/links/<link_id>")
@guard(*READERS)
@blueprint.response(200, LinkSchema)
def read_one(link_id: str) -> Response:
    """One link: whose consent it needs, and who has given it"""
    with services().engine.connect() as connection:
        found = _visible(connection, link_id)
    return _answer(found)


@blueprint.route("/links/<link_id>/approve", methods=["POST"])
@guard(*PARTIES)
@blueprint.response(200, LinkSchema)
@once(blueprint, repeatable=True)
def approve(link_id: str) -> Response:
    """Agree to it; with the last consent the wallets become one"""
    return _answer(approved(link_id))


@blueprint.route("/links/<link_id>/reject", methods=["POST"])
@guard(*PARTIES)
@blueprint.response(200, LinkSchema)
@once(blueprint, repeatable=True)
def reject(link_id: str) -> Response:
    """Refuse what is proposed, or take one's own proposal back"""
    return _answer(rejected(link_id))


def links_page(
    status: str | None, limit: int, cursor: str | None, wallet: int | None = None
) -> dict[str, Any]:
    """A page of the links that concern the caller (and this wallet) as JSON, the newest first."""
    caller = current_caller()
    wanted = LinkStatus(status) if status else None
    with services().engine.connect() as connection:
        before = cursor_number(cursor)
        rows = list_links(connection, own_participant(caller), wallet, wanted, before, limit + 1)
        if not rows:
            return NOTHING
        directory = services().directory(connection)
    return page(rows, limit, lambda one: _link(one, directory, caller), lambda one: one.row.id)


def approved(link_id: str, beside: Beside = nothing) -> LinkRecord | Refusal:
    """Agree to what is proposed; raises Problem."""
    with services().engine.connect() as connection:
        found = _visible(connection, link_id)
    if found.row.status not in (LinkStatus.PROPOSED, LinkStatus.LINKED):
        raise Problem(Code.ALREADY_EXISTS, f"It was {found.row.status} before; propose a new one.")
    outcome = services().linker.agree(
        current_caller(), found.row.card_number, found.row.other_card, beside=beside
    )
    return outcome if isinstance(outcome, Refusal) else outcome.link


def rejected(link_id: str, beside: Beside = nothing) -> LinkRecord | Refusal:
    """Refuse what is proposed; raises Problem."""
    with services().engine.connect() as connection:
        found = _visible(connection, link_id)
    return services().linker.reject(current_caller(), found.row.id, beside)


@blueprint.route("/cards/<number>/unlink", methods=["POST"])
@guard(*PARTIES)
@blueprint.response(200, UnlinkedSchema)
@once(blueprint, repeatable=True)
def unlink(number: str) -> Response:
    """Give the card's member a wallet of its own again, with the points and value of its own participant

    Its issuer alone decides. What others owe stays where it is. Refused (`hold_open`) while a hold with the
    card, or on what its issuer owes, is open. Sent again it changes nothing.
    """
    number = number_in_path(number)
    outcome = services().linker.unlink(current_caller(), number)
    if isinstance(outcome, Refusal):
        return refusal_response(outcome)
    return answer({"card": number, "wallet": ids.wallet_id(outcome)})


def _agree(card: str, other_card: str, status: int = 200) -> Response:
    outcome = services().linker.agree(current_caller(), card, other_card)
    return _answer(outcome if isinstance(outcome, Refusal) else outcome.link, status)


def _visible(connection: Connection, link_id: str) -> LinkRecord:
    (number,) = ids.decode("lnk", link_id) or (0,)
    found = read_link(connection, number)
    viewer = own_participant(current_caller())
    if found is None or (viewer is not None and all(one.participant_id != viewer for one in found.parties)):
        raise Problem(HttpCode.NOT_FOUND, f"There is no link {link_id!r}.")
    return found


def _answer(outcome: LinkRecord | Refusal, status: int = 200) -> Response:
    if isinstance(outcome, Refusal):
        return refusal_response(outcome)
    with services().engine.connect() as connection:
        directory = services().directory(connection)
    return answer(_link(outcome, directory, current_caller()), status)


def _link(one: LinkRecord, directory: Directory, caller: Caller) -> dict[str, Any]:
    viewer, zone = own_participant(caller), directory.rulebook.settings.time_zone
    issuers = {card.issuer_id for card in one.cards}
    shown = one.row.status == LinkStatus.LINKED and (viewer is None or viewer in issuers)
    return {
        "id": ids.link_id(one.row.id),
        "status": one.row.status,
        "cards": [
            {
                "number": card.number if viewer in (None, card.issuer_id) else masked_number(card.number),
                "issuer": directory.participants[card.issuer_id].code,
            }
            for card in one.cards
        ],
        "wallet": ids.wallet_id(one.cards[0].wallet_id) if shown else None,
        "consents": [
            {
                "participant": directory.participants[party.participant_id].code,
                "agreed": party.agreed_by is not None,
            }
            for party in one.parties
        ],
        "proposed_at": present.time_text(one.row.proposed_at.astimezone(zone)),
        "changed_at": present.time_text(one.row.changed_at.astimezone(zone)),
    }
