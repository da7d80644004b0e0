"""The shell of enrolment: gather, decide, apply for any number of people in one transaction; and reading
members back. Names and phones are encrypted here, before they reach the database.
"""

import secrets
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, insert, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from clearing.core.commands import Caller
from clearing.core.enrolment import (
    Enrolled,
    Enrolment,
    EnrolmentDecision,
    EnrolmentOutcome,
    EnrolmentSnapshot,
    decide_enrolments,
)
from clearing.core.replay import keys_of
from clearing.directory import DirectoryCache
from clearing.load import read_recorded
from clearing.phones import FORM, e164, shown
from clearing.privacy import PersonalData
from clearing.tables import cards, members, outcomes, phone_collisions, wallets
from clearing.writer import Writer

CARD_DIGITS = 16


class Person(NamedTuple):
    """What is known of the person behind an enrolment, in clear; either may be unknown."""

    name: str | None
    phone: str | None


class Member(NamedTuple):
    """A member as its own participant may see it, with the card that was issued last.

    Of a member whose data was erased neither name nor phone is left.
    """

    id: int
    wallet_id: int
    participant_id: int
    name: str | None
    phone: str | None
    tier: str | None
    card: str
    card_status: str
    enrolled_at: datetime
    erased_at: datetime | None


class MemberFilter(NamedTuple):
    """None does not narrow. Nobody is found by a part of a name or phone: both are encrypted."""

    participant_id: int | None = None
    phone: str | None = None
    card: str | None = None
    tier: str | None = None


class Enroller:
    """Enrols people one request at a time. Any number of threads may call it; they take turns."""

    def __init__(self, writer: Writer, personal_data: PersonalData) -> None:
        self._writer = writer
        self._personal_data = personal_data
        self._turn = threading.Lock()

    def enrol(
        self,
        requests: Sequence[tuple[Enrolment, Person]],
        alongside: Callable[[Connection, Sequence[EnrolmentOutcome]], None] | None = None,
    ) -> list[EnrolmentOutcome]:
        """All in one transaction, in order; `alongside` writes something of the caller's in it too."""

        def work(connection: Connection) -> list[EnrolmentOutcome]:
            outcomes_ = enrol(
                connection, requests, self._personal_data, self._writer.directory, self._writer.ids
            )
            if alongside is not None:
                alongside(connection, outcomes_)
            return outcomes_

        with self._turn:
            return self._writer.transact(work)

    def request_of(
        self,
        key: str,
        request_hash: str,
        caller: Caller,
        body: Mapping[str, Any],
        *,
        former_key: str | None = None,
        former_hashes: Callable[[], Collection[str]] | None = None,
    ) -> tuple[Enrolment, Person]:
        """An enrolment from checked input: participant, name, phone, tier, card, card_expires_on."""
        person = Person(body.get("name"), body.get("phone"))
        enrolment = Enrolment(
            key=key,
            request_hash=request_hash,
            caller=caller,
            former_key=former_key,
            former_hashes=former_hashes,
            participant=body["participant"],
            phone_index=self._personal_data.phone_index(person.phone) if person.phone else None,
            tier=body.get("tier"),
            card=body.get("card"),
            card_expires_on=body.get("card_expires_on"),
        )
        return enrolment, person

    def close(self) -> None:
        self._writer.close()


def enrol(
    connection: Connection,
    requests: Sequence[tuple[Enrolment, Person]],
    personal_data: PersonalData,
    cache: DirectoryCache,
    ids: Iterator[int],
) -> list[EnrolmentOutcome]:
    """Judge and write the enrolments in the connection's transaction, in order.

    A person or card that another transaction enrols at the same moment raises the database's unique
    violation: repeat the transaction, and the repetition sees it.
    """
    enrolments = [enrolment for enrolment, _ in requests]
    snapshot = _gather(connection, enrolments, cache)
    decision = decide_enrolments(snapshot, enrolments, ids, random_card_numbers())
    people = {enrolment.key: person for enrolment, person in requests}
    _apply(connection, decision, people, personal_data)
    return decision.outcomes


def read_member(
    connection: Connection,
    personal_data: PersonalData,
    *,
    member_id: int | None = None,
    card: str | None = None,
) -> Member | None:
    """One member by id or by card number."""
    # A member's cards lie in the member's wallet, by which they are indexed.
    own = and_(cards.c.wallet_id == members.c.wallet_id, cards.c.member_id == members.c.id)
    query = select(members, cards.c.number, cards.c.status).join(cards, own)
    query = query.where(members.c.id == member_id) if card is None else query.where(cards.c.number == card)
    row = connection.execute(query.order_by(cards.c.issued_at.desc()).limit(1)).one_or_none()
    return None if row is None else _member(row, row, personal_data)


def list_members(
    connection: Connection,
    personal_data: PersonalData,
    wanted: MemberFilter,
    before: int | None,
    limit: int,
) -> list[Member]:
    """Members, those enrolled last first. Two statements, however many there are."""
    query = select(members).order_by(members.c.id.desc()).limit(limit)
    if wanted.participant_id is not None:
        query = query.where(members.c.participant_id == wanted.participant_id)
    if wanted.tier is not None:
        query = query.where(members.c.tier == wanted.tier)
    if wanted.card is not None:
        whose = select(cards.c.member_id).where(cards.c.number == wanted.card)
        query = query.where(members.c.id == whose.scalar_subquery())
    if wanted.phone is not None:
        index = personal_data.phone_index(wanted.phone)
        shared = select(phone_collisions.c.member_id).where(phone_collisions.c.phone_index == index)
        query = query.where(or_(members.c.phone_index == index, members.c.id.in_(shared)))
    if before is not None:
        query = query.where(members.c.id < before)
    found = list(connection.execute(query))
    newest = (
        select(cards.c.member_id, cards.c.number, cards.c.status)
        .ext(distinct_on(cards.c.member_id))
        .where(cards.c.wallet_id.in_([row.wallet_id for row in found]))
        .where(cards.c.member_id.in_([row.id for row in found]))
        .order_by(cards.c.member_id, cards.c.issued_at.desc())
    )
    issued = {row.member_id: row for row in connection.execute(newest)}
    return [_member(row, issued[row.id], personal_data) for row in found]


def _member(row: Row, card: Row, personal_data: PersonalData) -> Member:
    return Member(
        row.id,
        row.wallet_id,
        row.participant_id,
        personal_data.decrypt("name", row.name_cipher) if row.name_cipher is not None else None,
        shown(personal_data.decrypt("phone", row.phone_cipher)) if row.phone_cipher is not None else None,
        row.tier,
        card.number,
        card.status,
        row.enrolled_at,
        row.erased_at,
    )


def participant_of(connection: Connection, member_id: int) -> int | None:
    """The participant that enrolled the member."""
    query = select(members.c.participant_id).where(members.c.id == member_id)
    found: int | None = connection.execute(query).scalar_one_or_none()
    return found


def _gather(
    connection: Connection, enrolments: Sequence[Enrolment], cache: DirectoryCache
) -> EnrolmentSnapshot:
    indexes = [one.phone_index for one in enrolments if one.phone_index is not None]
    numbers = [one.card for one in enrolments if one.card is not None]
    phones = connection.execute(
        select(members.c.phone_index, members.c.participant_id).where(members.c.phone_index.in_(indexes))
    )
    taken = connection.execute(select(cards.c.number).where(cards.c.number.in_(numbers)))
    return EnrolmentSnapshot(
        directory=cache.current(connection),
        phones={bytes(row.phone_index): row.participant_id for row in phones},
        cards=frozenset(taken.scalars()),
        recorded=read_recorded(connection, list(keys_of(enrolments))),
    )


def _apply(
    connection: Connection,
    decision: EnrolmentDecision,
    people: dict[str, Person],
    personal_data: PersonalData,
) -> None:
    now = connection.execute(select(func.clock_timestamp())).scalar_one()
    if decision.enrolled:
        made = [(enrolled, people[one.key], one.phone_index) for one, enrolled in decision.enrolled]
        connection.execute(insert(wallets), [{"id": one.wallet_id, "opened_at": now} for one, _, _ in made])
        connection.execute(
            insert(members),
            [_member_row(one, person, index, personal_data, now) for one, person, index in made],
        )
        connection.execute(insert(cards), [_card_row(one, now) for one, _, _ in made])
    if decision.recorded:
        connection.execute(
            insert(outcomes),
            [
                {
                    "key": key,
                    "request_hash": outcome.request_hash,
                    "recorded_at": now,
                    "wallet_id": outcome.wallet_id,
                    "member_id": outcome.member_id,
                    "refusal_code": outcome.refusal.code.value if outcome.refusal else None,
                    "refusal_detail": outcome.refusal.detail if outcome.refusal else None,
                    "refusal_field": outcome.refusal.field if outcome.refusal else None,
                }
                for key, outcome in sorted(decision.recorded.items())
            ],
        )


def _member_row(
    one: Enrolled, person: Person, phone_index: bytes | None, personal_data: PersonalData, now: datetime
) -> dict[str, object]:
    return {
        "id": one.member_id,
        "wallet_id": one.wallet_id,
        "participant_id": one.participant_id,
        "name_cipher": personal_data.encrypt("name", person.name) if person.name else None,
        "phone_cipher": personal_data.encrypt("phone", e164(person.phone)) if person.phone else None,
        "phone_index": phone_index,
        "phone_form": FORM if person.phone else None,
        "tier": one.tier,
        "enrolled_at": now,
    }


def _card_row(one: Enrolled, now: datetime) -> dict[str, object]:
    return {
        "number": one.card,
        "wallet_id": one.wallet_id,
        "member_id": one.member_id,
        "issuer_id": one.participant_id,
        "expires_on": one.card_expires_on,
        "issued_at": now,
    }


def random_card_numbers() -> Iterator[str]:
    """Numbers for cards, one after another; it is for the caller to find those that are issued already."""
    # Sixteen random digits: a number that is already issued is one chance in millions of billions, and
    # then the primary key refuses it and the transaction is repeated with another.
    while True:
        yield "".join(secrets.choice("0123456789") for _ in range(CARD_DIGITS))
