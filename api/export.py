"""All that is kept of one person, as far as it is the caller's to see, as one JSON document."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select

from api import people, present
from api.auth import own_participant
from clearing import ids
from clearing.cards import IssuedCard, list_issued_cards
from clearing.core.commands import Caller
from clearing.core.directory import Directory
from clearing.core.holds import Hold, first_of
from clearing.core.journal import Booking
from clearing.members import Member
from clearing.originals import NOTHING_GIVEN_BACK, read_given_back
from clearing.privacy import masked_number
from clearing.query import (
    HoldFilter,
    TransactionFilter,
    database_time,
    list_bookings,
    list_holds,
    list_lots,
)
from clearing.tables import arrears

PORTION = 200

Row = TypeVar("Row")


class Export:
    """Of a member that the caller may see, in clear.

    Holds and transactions are those made with a card of the caller's own, and those of which it is acceptor
    or issuer; what concerns others in them is left out as ever. The operator sees them all, whole.
    """

    def __init__(self, engine: Engine, person: Member, directory: Directory, caller: Caller) -> None:
        self._engine = engine
        self._person = person
        self._directory = directory
        self._caller = caller
        self._viewer = own_participant(caller)
        with engine.connect() as connection:
            self._at = database_time(connection)
            cards = list_issued_cards(connection, person.wallet_id)
            self._head = self._read_head(connection, cards)
        self._own_cards = frozenset(one.number for one in cards if self._is_own(one))

    def stream(self) -> Iterator[str]:
        """The document in pieces. No connection is kept while they are on their way."""
        yield json.dumps(self._head, ensure_ascii=False)[:-1]
        yield ', "holds": ['
        yield from self._items(self._read_holds, lambda one: one.id, self._show_holds)
        yield '], "transactions": ['
        yield from self._items(self._read_bookings, lambda one: one.transaction.id, self._show_bookings)
        yield "]}\n"

    def _items(
        self,
        read: Callable[[Connection, int | None], list[Row]],
        id_of: Callable[[Row], int],
        show: Callable[[Connection, list[Row]], Sequence[dict[str, Any]]],
    ) -> Iterator[str]:
        """What is to be seen, portion by portion, as the items of a JSON array."""
        last, separator = None, ""
        while True:
            with self._engine.connect() as connection:
                rows = read(connection, last)
                shown = show(connection, rows)
            for one in shown:
                yield separator + json.dumps(one, ensure_ascii=False)
                separator = ", "
            if len(rows) < PORTION:
                return
            last = id_of(rows[-1])

    def _read_head(self, connection: Connection, cards: list[IssuedCard]) -> dict[str, Any]:
        lots = list_lots(connection, self._person.wallet_id)
        return {
            "exported_at": present.time_text(self._local(self._at)),
            "member": people.member(self._person, self._directory, in_clear=True),
            "wallet": ids.wallet_id(self._person.wallet_id),
            "cards": [self._card(one) for one in cards],
            **present.balances(lots, self._directory),
            "lots": [present.lot(one, self._directory) for one in lots],
            "arrears": self._read_arrears(connection),
        }

    def _read_arrears(self, connection: Connection) -> list[dict[str, Any]]:
        query = select(arrears).where(arrears.c.wallet_id == self._person.wallet_id, arrears.c.points > 0)
        return [
            {"issuer": self._directory.participants[row.issuer_id].code, "points": row.points}
            for row in connection.execute(query.order_by(arrears.c.issuer_id))
        ]

    def _is_own(self, card: IssuedCard) -> bool:
        return self._viewer in (None, card.issuer_id)

    def _card(self, card: IssuedCard) -> dict[str, Any]:
        shown = people.card(card, self._directory)
        if not self._is_own(card):
            for name in ("number", "replaced_by", "replaces"):
                shown[name] = masked_number(shown[name]) if shown[name] else None
        return shown | {"issued_at": present.time_text(self._local(card.issued_at))}

    def _read_holds(self, connection: Connection, before: int | None) -> list[Hold]:
        wanted = HoldFilter(wallet_id=self._person.wallet_id)
        return list_holds(connection, wanted, self._at, before, PORTION)

    def _show_holds(self, _: Connection, holds: list[Hold]) -> list[dict[str, Any]]:
        return [
            self._hold(one)
            for one in holds
            if self._viewer in (None, one.acceptor_id, *(draw.issuer_id for draw in one.draws))
            or one.card_number in self._own_cards
        ]

    def _hold(self, hold: Hold) -> dict[str, Any]:
        """As a transaction is shown: an issuer that is not the acceptor sees its own part only."""
        shown = present.hold(hold, self._directory, self._at)
        if self._viewer in (None, hold.acceptor_id):
            return shown
        code = present.participant_code(self._directory, self._viewer)
        legs = [one for one in present.held(hold, self._directory)["legs"] if one["issuer"] == code]
        taken = [one for one in first_of(hold.draws, hold.captured) if one.issuer_id == self._viewer]
        return shown | {
            "card": masked_number(hold.card_number),
            "points": sum(leg["points"] for leg in legs),
            "amount": sum(leg["amount"] for leg in legs),
            "captured": sum(draw.quantity for draw in taken),
            "metadata": {},
        }

    def _read_bookings(self, connection: Connection, before: int | None) -> list[Booking]:
        wanted = TransactionFilter(wallet_id=self._person.wallet_id)
        return list_bookings(connection, wanted, before, PORTION)

    def _show_bookings(self, connection: Connection, bookings: list[Booking]) -> list[dict[str, Any]]:
        seen = [one for one in bookings if self._concerns(one)]
        given_back = read_given_back(connection, [one.transaction.id for one in seen])
        return [
            present.transaction(
                one, self._directory, self._caller, given_back.get(one.transaction.id, NOTHING_GIVEN_BACK)
            )
            for one in seen
        ]

    def _concerns(self, booking: Booking) -> bool:
        return booking.transaction.card_number in self._own_cards or self._has_part_in(booking)

    def _has_part_in(self, booking: Booking) -> bool:
        issuers = (leg.issuer_id for leg in booking.legs)
        return self._viewer in (None, booking.transaction.acceptor_id, *issuers)

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._directory.rulebook.settings.time_zone)
