"""The parts of one leaf, and which of them a participant is shown."""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing.core.accounts import CHART, Account, EntryKind
from clearing.core.leaf import ENTRY, FORMS, HEAD, LEG, PRIVATE, Form
from clearing.proof import rows

_LEAF = "SELECT number FROM tree_leaves WHERE wallet_id = %s AND transaction_id = %s"


class Part(NamedTuple):
    """A row of the journal in its leaf; `values` by the form's columns, in their order."""

    form: Form
    number: int
    salt: bytes
    commitment: bytes
    values: dict[str, Any]


def leaf_number(connection: Connection, wallet_id: int, transaction_id: int) -> int | None:
    """The place of a transaction in the tree; None if it is not sealed yet, or there is none."""
    number: int | None = connection.exec_driver_sql(_LEAF, (wallet_id, transaction_id)).scalar()
    return number


def read_parts(connection: Connection, wallet_id: int, transaction_id: int) -> list[Part]:
    """All parts of its leaf, in order, from the journal."""
    return [part for form in FORMS for part in _parts(connection, form, wallet_id, transaction_id)]


def is_shown(part: Part, participant_id: int | None, acceptor_id: int) -> bool:
    """Whether a participant may see the row; None sees all.

    The acceptor sees all legs and entries, an issuer its own. The rest of the transaction's row (the card,
    who posted it, sums over all legs) is for those who see everybody's.
    """
    if participant_id is None or part.form is HEAD:
        return True
    if part.form is PRIVATE:
        return False
    if participant_id == acceptor_id:
        return True
    if part.form is LEG:
        return bool(part.values["issuer_id"] == participant_id)
    posting = CHART[EntryKind(part.values["kind"])]
    sides = ((posting.debit, part.values["debit"]), (posting.credit, part.values["credit"]))
    # The owner of a lot's account is the lot; of all others it is a participant.
    return any(account is not Account.LOT and owner == participant_id for account, owner in sides)


def _parts(connection: Connection, form: Form, wallet_id: int, transaction_id: int) -> list[Part]:
    key, order = ("transaction_id", "number") if form in (LEG, ENTRY) else ("id", "id")
    columns = ", ".join(column.name for column in form.columns)
    query = f"""
        SELECT {"number" if form in (LEG, ENTRY) else "0"}, {rows.salt(form)}, {rows.commitment(form)},
               {columns}
          FROM {form.table} WHERE wallet_id = %s AND {key} = %s ORDER BY {order}
    """  # noqa: S608  put together from constants of this program
    names = [column.name for column in form.columns]
    found = connection.exec_driver_sql(query, (wallet_id, transaction_id))
    return [
        Part(form, number, bytes(salt), bytes(commitment), dict(zip(names, values, strict=True)))
        for number, salt, commitment, *values in found
    ]
