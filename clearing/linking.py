"""Links: participants say that their cards are one person's, and the wallets behind them become one.

One side proposes, every other participant with a member in either wallet agrees, and then it is posted. Each
of them can let its own member go again, alone.
"""

import threading
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, and_, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from clearing.core.commands import Caller, Link, Scope, Unlink
from clearing.core.events import EventType
from clearing.core.outcomes import Code, Moved, Outcome, Refusal, Replayed
from clearing.core.snapshot import Card
from clearing.idempotency import key_hash, request_hash
from clearing.query import list_cards, read_card
from clearing.quotes import quote
from clearing.tables import cards, events, link_parties, links
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


class Linker:
    """Links and parts wallets, one at a time. Any number of threads may call it; they take turns."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer
        self._turn = threading.Lock()

    def agree(self, caller: Caller, card: str, other_card: str) -> LinkRecord | Refusal:
        """Say that both cards are one person's: proposes it, or consents to what somebody else has proposed.

        The caller must be a participant with a member behind one of them; the operator speaks for all. When
        the last consent is there the wallets are linked. To repeat it does no harm.
        """
        with self._turn:
            link_id = self._writer.transact(
                lambda connection: self._consent(connection, caller, card, other_card)
            )
            return link_id if isinstance(link_id, Refusal) else self._complete(caller, link_id)

    def reject(self, caller: Caller, link_id: int) -> LinkRecord | Refusal:
        """Refuse what is proposed, or take one's own proposal back."""
        with self._turn, self._engine.begin() as connection:
            rejected = (
                update(links)
                .where(links.c.id == link_id, links.c.status == LinkStatus.PROPOSED)
                .values(status=LinkStatus.REJECTED, changed_at=func.clock_timestamp())
            )
            connection.execute(rejected)
            found = read_link(connection, link_id)
        assert found is not None, "links are never deleted"
        if found.row.status != LinkStatus.REJECTED:
            return Refusal(Code.ALREADY_EXISTS, f"It is {found.row.status}; to part the cards, unlink yours.")
        return found

    def unlink(self, caller: Caller, card: str) -> int | Refusal:
        """Give the card's member a wallet of its own again; the wallet's id. To repeat it does no harm."""
        with self._turn:
            with self._engine.connect() as connection:
                shown = read_card(connection, card)
                sharers = list_cards(connection, shown.wallet_id) if shown else []
            if shown is None or not caller.may_issue_for(shown.issuer_id):
                return Refusal(Code.CARD_UNKNOWN, f"There is no card {card!r} of yours.", "card")
            own = [one.number for one in sharers if one.issuer_id == shown.issuer_id]
            if len(own) == len(sharers):
                return shown.wallet_id
            named = {"card": card, "wallet": shown.wallet_id}
            command = Unlink(
                # A card that is linked again is in another wallet then, or in this one after it was away.
                key=key_hash(caller.key_id, f"unlink {card} {next(self._writer.ids)}"),
                request_hash=request_hash("unlink", named),
                caller=caller,
                card=card,
            )

            def note(connection: Connection, outcomes: Sequence[Outcome]) -> None:
                if isinstance(outcomes[0], Moved):
                    parted = or_(links.c.card_number.in_(own), links.c.other_card.in_(own))
                    self._end(connection, and_(parted, links.c.status == LinkStatus.LINKED))
                    # Each learns it by a card of its own.
                    for issuer_id, number in {one.issuer_id: one.number for one in sharers}.items():
                        self._tell(connection, EventType.WALLETS_PARTED, [issuer_id], {"card": number})

            [outcome] = self._writer.post([command], note)
            if isinstance(outcome, Moved):
                return outcome.wallet_id
            assert isinstance(outcome, Refusal), "the key is new"
            return outcome

    def close(self) -> None:
        self._writer.close()

    def _consent(self, connection: Connection, caller: Caller, card: str, other_card: str) -> int | Refusal:
        """Note the consent; the link's id."""
        first, second = sorted((card, other_card))
        found = connection.execute(_open_link(first, second).with_for_update()).one_or_none()
        if found is not None and found.status == LinkStatus.LINKED:
            return int(found.id)
        shown = [read_card(connection, number) for number in (card, other_card)]
        parties: set[int] = set()
        for one in shown:
            parties |= (
                {sharer.issuer_id for sharer in list_cards(connection, one.wallet_id)} if one else set()
            )
        agreeing = parties if caller.scope is Scope.OPERATOR else parties & {caller.participant_id}
        if not agreeing:
            return Refusal(Code.CARD_UNKNOWN, "Neither card shares a wallet with one of yours.", "card")
        # Asked as if all had agreed: what cannot be linked is not proposed.
        wanted = quote(connection, _command(caller, 0, card, other_card, parties), self._writer.directory)
        if isinstance(wanted, Refusal):
            return wanted
        link_id = int(found.id) if found is not None else next(self._writer.ids)
        if found is None:
            connection.execute(
                insert(links).values(
                    id=link_id,
                    card_number=first,
                    other_card=second,
                    status=LinkStatus.PROPOSED,
                    proposed_by=caller.key_id,
                    proposed_at=func.clock_timestamp(),
                    changed_at=func.clock_timestamp(),
                )
            )
        rows = [{"link_id": link_id, "participant_id": one} for one in sorted(parties)]
        connection.execute(upsert(link_parties).values(rows).on_conflict_do_nothing())
        connection.execute(
            update(link_parties)
            .where(
                link_parties.c.link_id == link_id,
                link_parties.c.participant_id.in_(agreeing),
                link_parties.c.agreed_by.is_(None),
            )
            .values(agreed_by=caller.key_id, agreed_at=func.clock_timestamp())
        )
        if found is None and agreeing != parties:
            data = {"link_id": link_id}
            self._tell(connection, EventType.LINK_PROPOSED, parties - agreeing, data)
        return link_id

    def _complete(self, caller: Caller, link_id: int) -> LinkRecord | Refusal:
        """Link the wallets if all have agreed."""
        with self._engine.connect() as connection:
            found = read_link(connection, link_id)
        assert found is not None, "it was just written"
        if found.row.status != LinkStatus.PROPOSED or found.waits_for:
            return found
        parties = {one.participant_id for one in found.parties}
        command = _command(caller, link_id, found.row.card_number, found.row.other_card, parties)

        def note(connection: Connection, outcomes: Sequence[Outcome]) -> None:
            if isinstance(outcomes[0], Moved):
                linked = {"status": LinkStatus.LINKED, "changed_at": func.clock_timestamp()}
                connection.execute(update(links).where(links.c.id == link_id).values(linked))
                data = {"link_id": link_id}
                self._tell(connection, EventType.WALLETS_LINKED, parties, data)

        [outcome] = self._writer.post([command], note)
        if isinstance(outcome, Replayed) and outcome.recorded.refusal is not None:
            outcome = outcome.recorded.refusal
        if isinstance(outcome, Refusal):
            # What the wallets have become since: it cannot be linked any more, and is to be proposed anew.
            with self._engine.begin() as connection:
                self._end(connection, links.c.id == link_id, LinkStatus.REJECTED)
            return outcome
        with self._engine.connect() as connection:
            found = read_link(connection, link_id)
        assert found is not None, "links are never deleted"
        return found

    @staticmethod
    def _end(connection: Connection, which: Any, status: LinkStatus = LinkStatus.UNLINKED) -> None:
        ended = update(links).where(which).values(status=status, changed_at=func.clock_timestamp())
        connection.execute(ended)

    def _tell(
        self, connection: Connection, type_: EventType, parties: Iterable[int], data: dict[str, Any]
    ) -> None:
        for participant_id in sorted(parties):
            connection.execute(
                insert(events).values(
                    id=next(self._writer.ids),
                    type=type_,
                    participant_id=participant_id,
                    made_at=func.clock_timestamp(),
                    data=data,
                )
            )


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
    numbers = {number for row in rows for number in (row.card_number, row.other_card)}
    known = {number: read_card(connection, number) for number in sorted(numbers)}
    query = select(link_parties).where(link_parties.c.link_id.in_([row.id for row in rows]))
    parties: dict[int, list[Party]] = {}
    for row in connection.execute(query.order_by(link_parties.c.participant_id)):
        parties.setdefault(row.link_id, []).append(Party(row.participant_id, row.agreed_by))
    records = []
    for row in rows:
        first, second = known[row.card_number], known[row.other_card]
        assert first is not None and second is not None, "cards are never deleted"
        records.append(LinkRecord(row, (first, second), tuple(parties.get(row.id, ()))))
    return records


def _open_link(first: str, second: str) -> Any:
    return select(links.c.id, links.c.status).where(
        links.c.card_number == first,
        links.c.other_card == second,
        links.c.status.in_((LinkStatus.PROPOSED, LinkStatus.LINKED)),
    )


def _command(caller: Caller, link_id: int, card: str, other_card: str, consents: Iterable[int]) -> Link:
    """The key is the link's own, so that one that was cut off is carried out once."""
    return Link(
        key=key_hash("links", str(link_id)),
        request_hash=request_hash("link", {"id": link_id}),
        caller=caller,
        card=card,
        other_card=other_card,
        consents=frozenset(consents),
    )
