"""Acts on a dispute that is there: answering, rejecting and withdrawing it. Accepting one books its
correction and has a module of its own. Every function works in the caller's transaction.
"""

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from clearing.beside import Beside, nothing
from clearing.core.events import EventType
from clearing.core.outcomes import Code
from clearing.directory import read_rulebook
from clearing.query import local_date
from settlement.core.disputes import (
    ENDS,
    PENDING,
    Act,
    ActRefused,
    DisputeStatus,
    Party,
    party_of,
    standing,
    step,
)
from settlement.disputes.refusals import Actor, DisputeRefusal, DisputeRefused, unknown
from settlement.disputes.telling import tell_others
from settlement.tables import dispute_messages, disputes

#: The act of opening, in the thread; it is none of the acts on a dispute that is there.
OPENED = "open"


def answer(
    connection: Connection, id_: int, actor: Actor, text: str, proposes: Act | None = None
) -> Row[Any] | DisputeRefusal:
    """Add to the thread; the counterparty's word, and what it proposes, goes to the operator."""
    row = lock_dispute(connection, id_, actor)
    if row is None:
        return unknown()
    status = next_status(connection, row, Act.ANSWER, actor)
    if isinstance(status, DisputeRefusal):
        return status
    if status != row.status:
        row = _change(connection, id_, {"status": status})
    write_message(connection, id_, actor, Act.ANSWER, text, proposes)
    tell_others(connection, EventType.DISPUTE_ANSWERED, row, actor.party_id)
    return row


def reject(
    connection: Connection, id_: int, actor: Actor, text: str, beside: Beside = nothing
) -> Row[Any] | DisputeRefusal:
    """End it without a correction; who was turned down is told why."""
    return _end(connection, id_, Act.REJECT, actor, text, beside)


def withdraw(
    connection: Connection, id_: int, actor: Actor, text: str | None = None, beside: Beside = nothing
) -> Row[Any] | DisputeRefusal:
    """Take one's own dispute back."""
    return _end(connection, id_, Act.WITHDRAW, actor, text, beside)


def lock_dispute(connection: Connection, id_: int, actor: Actor) -> Row[Any] | None:
    """The dispute, nobody else's until the transaction ends; None if it is none of the actor's."""
    row = connection.execute(select(disputes).where(disputes.c.id == id_).with_for_update()).one_or_none()
    if row is None or party_of(row.opener_id, row.counterparty_id, actor.party_id) is None:
        return None
    return row


def next_status(
    connection: Connection, row: Row[Any], act: Act, actor: Actor
) -> DisputeStatus | DisputeRefusal:
    """The state that the act leads to, or why it may not be done."""
    party = party_of(row.opener_id, row.counterparty_id, actor.party_id)
    assert party is not None, "a stranger does not find the dispute"
    today = local_date(connection, read_rulebook(connection).settings.time_zone)
    now = standing(DisputeStatus(row.status), row.counterparty_id, row.due_on, today)
    found = step(now, act, party)
    if isinstance(found, DisputeStatus):
        return found
    return DisputeRefusal(_CODES[found], _why_not(found, row, act, party))


def possible_acts(connection: Connection, id_: int, actor: Actor) -> frozenset[Act]:
    """What the actor may do about the dispute now, of what leads it on."""
    row = connection.execute(select(disputes).where(disputes.c.id == id_)).one_or_none()
    if row is None or party_of(row.opener_id, row.counterparty_id, actor.party_id) is None:
        return frozenset()
    if DisputeStatus(row.status) not in PENDING:
        return frozenset()
    return frozenset(
        act for act in Act if not isinstance(next_status(connection, row, act, actor), DisputeRefusal)
    )


def end_dispute(
    connection: Connection, id_: int, act: Act, actor: Actor, text: str | None, changes: dict[str, Any]
) -> Row[Any]:
    """Write the end of a dispute that `next_status` has let end, and tell the others."""
    row = _change(
        connection,
        id_,
        {
            "status": ENDS[act],
            "ended_at": func.clock_timestamp(),
            "ended_by": actor.party_id,
            **changes,
        },
    )
    write_message(connection, id_, actor, act, text)
    tell_others(connection, EventType.DISPUTE_CLOSED, row, actor.party_id)
    return row


def write_message(
    connection: Connection,
    id_: int,
    actor: Actor,
    act: str,
    text: str | None,
    proposes: Act | None = None,
) -> None:
    """The dispute's row must be locked, or new: nobody else can be writing to the thread."""
    table = dispute_messages.c
    number = select(func.coalesce(func.max(table.number), 0) + 1).where(table.dispute_id == id_)
    connection.execute(
        insert(dispute_messages).values(
            dispute_id=id_,
            number=number.scalar_subquery(),
            written_at=func.clock_timestamp(),
            party_id=actor.party_id,
            key_id=actor.key_id,
            act=act,
            text=text,
            proposes=proposes,
        )
    )


def _end(
    connection: Connection, id_: int, act: Act, actor: Actor, text: str | None, beside: Beside = nothing
) -> Row[Any] | DisputeRefusal:
    row = lock_dispute(connection, id_, actor)
    if row is None:
        return unknown()
    status = next_status(connection, row, act, actor)
    if isinstance(status, DisputeRefusal) or status == row.status:
        return status if isinstance(status, DisputeRefusal) else row
    row = end_dispute(connection, id_, act, actor, text, {})
    beside(connection)
    return row


def _change(connection: Connection, id_: int, changes: dict[str, Any]) -> Row[Any]:
    changed = update(disputes).where(disputes.c.id == id_).values(**changes)
    return connection.execute(changed.returning(disputes)).one()


_CODES: dict[ActRefused, DisputeRefused | Code] = {
    ActRefused.FORBIDDEN: Code.FORBIDDEN,
    ActRefused.DISPUTE_CLOSED: DisputeRefused.DISPUTE_CLOSED,
    ActRefused.RESPONSE_AWAITED: DisputeRefused.RESPONSE_AWAITED,
}


def _why_not(refused: ActRefused, row: Row[Any], act: Act, party: Party) -> str:
    match refused:
        case ActRefused.DISPUTE_CLOSED:
            return f"It is {row.status}; dispute the line again if there is something new."
        case ActRefused.RESPONSE_AWAITED:
            return f"The counterparty may answer until {row.due_on.isoformat()}; decide after that day."
    if party is Party.OPENER:
        return "Whoever opened it cannot decide it; withdraw it instead."
    if act is Act.WITHDRAW:
        return "Only who opened it can withdraw it; accept or reject it instead."
    return "You have answered it, so the operator decides; answer again, or accept it."
