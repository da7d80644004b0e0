"""What is done on pages, in the audit log, with the form that did it, so that one sent again is known."""

from typing import Any

from flask import request
from sqlalchemy import Connection

from api.auth import current_caller
from api.pages.typed import wanted
from clearing.beside import Beside
from users.audit import ActFilter, audit, list_acts

#: Within so many of one's own acts a form that is sent again is recognised.
ACTS_LOOKED_AT = 500
KEY_CHARACTERS_MAX = 64
FORM = "form"


class DoneBefore(Exception):
    """The form that was sent had been carried out; nothing was done now."""


def form_key() -> str:
    """The key that the form was made with: it names the act."""
    return wanted(request.form.get("idempotency_key"))[:KEY_CHARACTERS_MAX]


def by_form() -> dict[str, Any]:
    """What a row in the audit log says about the form that was sent."""
    return {FORM: form_key()} if form_key() else {}


def done_before(connection: Connection) -> bool:
    """Whether this form was carried out already. In the transaction that carries it out, before that.

    Two that arrive at once take turns, as they have the same lock.
    """
    caller, key = current_caller(), form_key()
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"form {key}",))
    acts = list_acts(connection, ActFilter(who=caller.key_id), None, ACTS_LOOKED_AT)
    return bool(key) and any(act.data.get(FORM) == key for act in acts)


def unless_done(connection: Connection) -> None:
    """Raises DoneBefore if this form was carried out already."""
    if done_before(connection):
        raise DoneBefore


def record(
    connection: Connection,
    what: str,
    about: str,
    data: dict[str, Any] | None = None,
    participant_id: int | None = None,
) -> None:
    """Write down what the visitor does, and by which form."""
    audit(
        connection,
        current_caller().key_id,
        what,
        about,
        {**(data or {}), **by_form()},
        participant_id=participant_id,
        address=request.remote_addr,
    )


def recording(
    what: str, about: str, data: dict[str, Any] | None = None, participant_id: int | None = None
) -> Beside:
    """What an act that has a transaction of its own is to write down in that.

    It raises DoneBefore, and the act is not done, if this form was carried out already.
    """

    def write(connection: Connection) -> None:
        unless_done(connection)
        record(connection, what, about, data, participant_id)

    return write
