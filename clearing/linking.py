"""Links: participants say that their cards are one person's, and the wallets behind them become one.

One side proposes, every other participant with a member in either wallet agrees, and then it is posted. Each
of them can let its own member go again, alone.
"""

import threading
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from clearing.beside import Beside, nothing
from clearing.core.commands import Caller, Link, Scope, Unlink
from clearing.core.events import EventType
from clearing.core.outcomes import Code, Moved, Outcome, Refusal, Replayed
from clearing.core.snapshot import Card, CardStatus
from clearing.events import Told, tell
from clearing.idempotency import key_hash, request_hash
from clearing.ids import link_id as link_text
from clearing.query import list_cards, read_card, read_cards
from clearing.quotes import quote
from clearing.tables import cards, link_parties, links
from clearing.upkeep import lapse_holds
from clearing.writer import Writer


class LinkStatus(StrEnum):
    PROPOSED = "proposed"
    LINKED = "linked"
    REJECTED = "rejected"
    UNLINKED = "unlinked"


class Party(NamedTuple):
    participant_id: int
    agreed_by: str | None


class LinkRecord(NamedTuple):
    """A link as it stands; the cards in the order of their numbers."""

    row: Row[Any]
    cards: tuple[Card, Card]
    parties: tuple[Party, ...]

    @property
    def waits_for(self) -> frozenset[int]:
        return frozenset(one.participant_id for one in self.parties if one.agreed_by is None)


class Agreement(NamedTuple):
    """`changed`: whether saying so has changed anything; to repeat it does not."""

    link: LinkRecord
    changed: bool


class Linker:
    """Links and parts wallets, one at a time. Any number of threads may call it; they take turns."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer
        self._turn = threading.Lock()

    def agree(
        self, caller: Caller, card: str, other_card: str, *, beside: Beside = nothing
    ) -> Agreement | Refusal:
        """Say that both cards are one person's: proposes it, or consents to what somebody else has proposed.

        The caller must be a participant with a member behind one of them; the operator speaks for all. When
        the last consent is there the wallets are linked, with what the caller writes `beside`. To repeat it
        does no harm.
        """
        with self._turn:
            noted = self._writer.transact(
                lambda connection: self._consent(connection, caller, card, other_card)
            )
            return noted if isinstance(noted, Refusal) else self._complete(caller, noted, beside)

    def reject(self, caller: Caller, link_id: int, beside: Beside = nothing) -> LinkRecord | Refusal:
        """Refuse what is proposed, or take one's own proposal back."""
        with self._turn, self._engine.begin() as connection:
            proposed = and_(links.c.id == link_id, links.c.status == LinkStatus.PROPOSED)
            if _change(connection, caller, proposed, LinkStatus.REJECTED):
                beside(connection)
            found = read_link(connection, link_id)
        assert found is not None, "links are never deleted"
        if found.row.status != LinkStatus.REJECTED:
            return Refusal(Code.ALREADY_EXISTS, f"It is {found.row.status}; to part the cards, unlink yours.")
        return found

    def unlink(self, caller: Caller, card: str) -> int | Refusal:
        """Give the card's member a wallet of its own again; the wallet's id. To repeat it does no harm."""
        with self._turn:
            parted = self._part(caller, card)
            is_held = isinstance(parted, Refusal) and parted.code is Code.HOLD_OPEN
            # Whether a hold is over is for the clock to say, not for the next sweep.
            if is_held and lapse_holds(self._engine, self._writer):
                parted = self._part(caller, card)
            return parted

    def close(self) -> None:
        self._writer.close()

    def _part(self, caller: Caller, card: str) -> int | Refusal:
        with self._engine.connect() as connection:
            shown = read_card(connection, card)
            sharers = list_cards(connection, shown.wallet_id) if shown else []
        if shown is None or not caller.may_issue_for(shown.issuer_id):
            return Refusal(Code.CARD_UNKNOWN, f"There is no card {card!r} of yours.", "card")
        if {one.issuer_id for one in sharers} == {shown.issuer_id}:
            return shown.wallet_id

        def note(connection: Connection, outcomes: Sequence[Outcome]) -> None:
            if isinstance(outcomes[0], Moved):
                self._note_parting(connection, caller, outcomes[0])

        [outcome] = self._writer.post([_unlink(caller, shown, next(self._writer.ids))], note)
        if isinstance(outcome, Moved):
            return outcome.target_id
        assert isinstance(outcome, Refusal), "the key is new"
        return outcome

    def _note_parting(self, connection: Connection, caller: Caller, moved: Moved) -> None:
        left, stayed = (list_cards(connection, id_) for id_ in (moved.target_id, moved.source_id))
        own = [one.number for one in left]
        between = or_(links.c.card_number.in_(own), links.c.other_card.in_(own))
        _change(connection, caller, and_(between, links.c.status == LinkStatus.LINKED), LinkStatus.UNLINKED)
        # Each learns it by a card of its own, one that is good if there is any.
        known = sorted([*left, *stayed], key=lambda one: one.status is CardStatus.ACTIVE)
        for issuer_id, number in {one.issuer_id: one.number for one in known}.items():
            tell(connection, [Told(EventType.WALLETS_PARTED, issuer_id, {"card": number})])

    def _consent(
        self, connection: Connection, caller: Caller, card: str, other_card: str
    ) -> "_Noted | Refusal":
        """Note the consent."""
        parties: set[int] = set()
        for number in (card, other_card):
            shown = read_card(connection, number)
            parties |= {one.issuer_id for one in list_cards(connection, shown.wallet_id)} if shown else set()
        agreeing = parties if caller.scope is Scope.OPERATOR else parties & {caller.participant_id}
        if not agreeing:
            return Refusal(Code.CARD_UNKNOWN, "Neither card shares a wallet with one of yours.", "card")
        found = _lock_open_link(connection, card, other_card)
        if found is not None and found.status == LinkStatus.LINKED:
            return _Noted(found.id, changed=False)
        # Asked as if all had agreed: what cannot be linked is not proposed.
        wanted = quote(connection, _link(caller, 0, card, other_card, parties), self._writer.directory)
        if isinstance(wanted, Refusal):
            return wanted
        link_id = found.id if found is not None else self._propose(connection, caller, card, other_card)
        changed = self._note_consents(connection, caller, link_id, parties, agreeing)
        return _Noted(link_id, changed=changed)

    def _propose(self, connection: Connection, caller: Caller, card: str, other_card: str) -> int:
        first, second = sorted((card, other_card))
        link_id = next(self._writer.ids)
        row = insert(links).values(
            id=link_id,
            card_number=first,
            other_card=second,
            status=LinkStatus.PROPOSED,
            proposed_by=caller.key_id,
            proposed_at=func.clock_timestamp(),
            changed_by=caller.key_id,
            changed_at=func.clock_timestamp(),
        )
        connection.execute(row)
        return link_id

    def _note_consents(
        self, connection: Connection, caller: Caller, link_id: int, parties: set[int], agreeing: set[int]
    ) -> bool:
        """Whose consent it needs today, and whose the caller has given; whether any of them is new.

        Wallets may have been linked and parted since it was proposed: who has come is told, who has left is
        not asked any more.
        """
        table, of_link = link_parties.c, link_parties.c.link_id == link_id
        connection.execute(delete(link_parties).where(of_link, table.participant_id.not_in(parties)))
        rows = [{"link_id": link_id, "participant_id": one} for one in sorted(parties)]
        added = insert(link_parties).values(rows).on_conflict_do_nothing().returning(table.participant_id)
        new = set(connection.execute(added).scalars())
        _tell_parties(connection, EventType.LINK_PROPOSED, new - agreeing, link_id)
        said = update(link_parties).where(
            of_link, table.participant_id.in_(agreeing), table.agreed_by.is_(None)
        )
        given = said.values(agreed_by=caller.key_id, agreed_at=func.clock_timestamp())
        return connection.execute(given).rowcount > 0

    def _complete(self, caller: Caller, noted: "_Noted", beside: Beside) -> Agreement | Refusal:
        """Link the wallets if all have agreed."""
        link_id = noted.link_id
        with self._engine.connect() as connection:
            found = read_link(connection, link_id)
        assert found is not None, "it was just written"
        if found.row.status != LinkStatus.PROPOSED or found.waits_for:
            return Agreement(found, noted.changed)
        parties = {one.participant_id for one in found.parties}
        command = _link(caller, link_id, found.row.card_number, found.row.other_card, parties)

        def note(connection: Connection, outcomes: Sequence[Outcome]) -> None:
            if isinstance(outcomes[0], Moved):
                _change(connection, caller, links.c.id == link_id, LinkStatus.LINKED)
                _tell_parties(connection, EventType.WALLETS_LINKED, parties, link_id)
                beside(connection)

        [outcome] = self._writer.post([command], note)
        if isinstance(outcome, Replayed) and outcome.recorded.refusal is not None:
            outcome = outcome.recorded.refusal
        if isinstance(outcome, Refusal):
            # What the wallets have become since: it cannot be linked any more, and is to be proposed anew.
            with self._engine.begin() as connection:
                _change(connection, caller, links.c.id == link_id, LinkStatus.REJECTED)
            return outcome
        with self._engine.connect() as connection:
            found = read_link(connection, link_id)
        assert found is not None, "links are never deleted"
        return Agreement(found, changed=True)


def read_link(connection: Connection, link_id: int) -> LinkRecord | None:
    row = connection.execute(select(links).where(links.c.id == link_id)).one_or_none()
    return _records(connection, [row])[0] if row else None


def list_links(
    connection: Connection,
    participant_id: int | None,
    wallet_id: int | None,
    status: LinkStatus | None,
    before: int | None,
    limit: int,
) -> list[LinkRecord]:
    """The newest first: those that the participant is a party of, or all; of one wallet's cards, or all."""
    query = select(links).order_by(links.c.id.desc()).limit(limit)
    if participant_id is not None:
        is_party = and_(link_parties.c.link_id == links.c.id, link_parties.c.participant_id == participant_id)
        query = query.where(exists().where(is_party))
    if wallet_id is not None:
        own = select(cards.c.number).where(cards.c.wallet_id == wallet_id)
        query = query.where(or_(links.c.card_number.in_(own), links.c.other_card.in_(own)))
    if status is not None:
        query = query.where(links.c.status == status)
    if before is not None:
        query = query.where(links.c.id < before)
    return _records(connection, list(connection.execute(query)))


def _records(connection: Connection, rows: Sequence[Row[Any]]) -> list[LinkRecord]:
    known = read_cards(connection, {number for row in rows for number in (row.card_number, row.other_card)})
    query = select(link_parties).where(link_parties.c.link_id.in_([row.id for row in rows]))
    parties: dict[int, list[Party]] = {}
    for row in connection.execute(query.order_by(link_parties.c.participant_id)):
        parties.setdefault(row.link_id, []).append(Party(row.participant_id, row.agreed_by))
    return [
        LinkRecord(row, (known[row.card_number], known[row.other_card]), tuple(parties.get(row.id, ())))
        for row in rows
    ]


class _Noted(NamedTuple):
    """`changed`: whether a consent has come that was not there before."""

    link_id: int
    changed: bool


def _lock_open_link(connection: Connection, card: str, other_card: str) -> Row | None:
    """The link between the two that is proposed or linked: id, status."""
    first, second = sorted((card, other_card))
    query = select(links.c.id, links.c.status).where(
        links.c.card_number == first,
        links.c.other_card == second,
        links.c.status.in_((LinkStatus.PROPOSED, LinkStatus.LINKED)),
    )
    return connection.execute(query.with_for_update()).one_or_none()


def _change(connection: Connection, caller: Caller, which: ColumnElement[bool], status: LinkStatus) -> bool:
    """Whether there was any."""
    changed = {"status": status, "changed_by": caller.key_id, "changed_at": func.clock_timestamp()}
    return connection.execute(update(links).where(which).values(changed)).rowcount > 0


def _link(caller: Caller, link_id: int, card: str, other_card: str, consents: Iterable[int]) -> Link:
    """The key is the link's own, so that one that was cut off is carried out once."""
    return Link(
        key=key_hash("links", str(link_id)),
        request_hash=request_hash("link", {"id": link_id}),
        caller=caller,
        card=card,
        other_card=other_card,
        consents=frozenset(consents),
    )


def _unlink(caller: Caller, card: Card, number: int) -> Unlink:
    """The key is of this one time: a card may be linked and parted again."""
    return Unlink(
        key=key_hash(caller.key_id, f"unlink {card.number} {number}"),
        request_hash=request_hash("unlink", {"card": card.number, "wallet": card.wallet_id}),
        caller=caller,
        card=card.number,
    )


def _tell_parties(connection: Connection, type_: EventType, parties: Iterable[int], link_id: int) -> None:
    data = {"link": link_text(link_id)}
    tell(connection, [Told(type_, one, data) for one in sorted(parties)])
