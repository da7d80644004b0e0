"""What is sealed of one transaction: the leaf of the tree, byte by byte.

A leaf is made of parts, one for each row of the journal that belongs to the transaction; the row of the
transaction itself makes two, as not everybody who sees its legs may see all of it. Of each part the leaf
holds a commitment, the hash of a salt and of the row. So a reader is shown the rows that concern it, with
their salts, and of the others hashes that tell nothing: without its salt a row cannot be guessed.

    row        = what PostgreSQL sends for ROW('<name>', <columns>) in binary (record_send)
    salt       = SHA-256(secret ‖ wallet id ‖ transaction id ‖ part number)
    commitment = SHA-256(salt ‖ row)
    leaf       = commitments in the order of their part numbers

`docs/proof.md` has it in full. The forms below are for ever: a column that is added to a table of the journal
goes into a new form under a new name.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

SECRET_BYTES = 32

#: What PostgreSQL counts times from, in microseconds.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Column(NamedTuple):
    """`type`: its name in PostgreSQL."""

    name: str
    type: str


class Form(NamedTuple):
    """Which columns of which table make a part, in this order. `name` is part of the row, as a text."""

    name: str
    table: str
    columns: tuple[Column, ...]

    @property
    def order(self) -> int:
        """The part number of its row; that of a leg or an entry is this plus the row's own number."""
        return FORMS.index(self) << 16


def _form(name: str, table: str, columns: str) -> Form:
    pairs = [column.split() for column in columns.split(",")]
    return Form(name, table, tuple(Column(column, type_) for column, type_ in pairs))


#: Of the transaction, what everybody sees who sees a leg of it.
HEAD = _form(
    "tongdui.transaction.1",
    "transactions",
    "period int4, wallet_id int8, id int8, kind int2, merchant_id int4, acceptor_id int4,"
    " occurred_at timestamptz, booked_at timestamptz, late bool, rule_version int4, reference text,"
    " original_id int8, original_period int4, original_wallet_id int8",
)
#: The rest of it: sums over all legs, the card, who posted it, and what the merchant noted.
PRIVATE = _form(
    "tongdui.private.1",
    "transactions",
    "card_number text, points int8, amount int8, posted_by text, purpose text, metadata jsonb",
)
LEG = _form(
    "tongdui.leg.1",
    "legs",
    "period int4, wallet_id int8, transaction_id int8, number int2, kind int2, reason int2, issuer_id int4,"
    " acceptor_id int4, fee_rule_id int4, points int8, amount int8, obligation int8, acceptor_fee int8,"
    " issuer_fee int8",
)
ENTRY = _form(
    "tongdui.entry.1",
    "entries",
    "period int4, wallet_id int8, transaction_id int8, number int2, kind int2, debit int8, credit int8,"
    " quantity int8",
)

#: In the order of a leaf: first the two of the transaction, then its legs, then its entries.
FORMS = (HEAD, PRIVATE, LEG, ENTRY)


def salt(secret: bytes, wallet_id: int, transaction_id: int, order: int) -> bytes:
    return sha256(secret + struct.pack(">qqi", wallet_id, transaction_id, order)).digest()


def commitment(salt_: bytes, row: bytes) -> bytes:
    return sha256(salt_ + row).digest()


def row_bytes(form: Form, values: Mapping[str, Any]) -> bytes:
    """The row as PostgreSQL sends it: the number of columns, then of each its type, its length and its bytes.

    Raises KeyError for a column that is missing, ValueError for a value that does not fit its column.
    """
    try:
        sent = [_cell("text", form.name)]
        sent.extend(_cell(type_, values[name]) for name, type_ in form.columns)
    except (struct.error, TypeError, AttributeError) as error:
        raise ValueError(f"{form.table}: {error}") from error
    return struct.pack(">i", len(sent)) + b"".join(sent)


def _cell(type_: str, value: Any) -> bytes:
    number, encode = _TYPES[type_]
    if value is None:
        return struct.pack(">Ii", number, -1)
    content = encode(value)
    return struct.pack(">Ii", number, len(content)) + content


def _packed(form: str) -> Callable[[Any], bytes]:
    return struct.Struct(form).pack


def _time(value: datetime) -> bytes:
    return struct.pack(">q", (value - _EPOCH) // _MICROSECOND)


def _text(value: str) -> bytes:
    return value.encode()


def _jsonb(value: Mapping[str, str]) -> bytes:
    """PostgreSQL keeps the keys by length, then by their bytes, and writes a blank after colon and comma."""
    keys: Sequence[str] = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
    return b"\1" + json.dumps({key: value[key] for key in keys}, ensure_ascii=False).encode()


#: Types of PostgreSQL: the number by which it knows them (pg_type.oid), and how a value is sent.
_TYPES: Mapping[str, tuple[int, Callable[[Any], bytes]]] = {
    "bool": (16, _packed(">?")),
    "int8": (20, _packed(">q")),
    "int2": (21, _packed(">h")),
    "int4": (23, _packed(">i")),
    "text": (25, _text),
    "timestamptz": (1184, _time),
    "jsonb": (3802, _jsonb),
}
