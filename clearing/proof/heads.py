"""Signed heads of the tree: its size, its root, when, and by which key. What is signed is the
TreeHeadSignature of RFC 6962, section 3.5.
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Row, insert, select

from clearing.proof.keys import SealingKeys
from clearing.tables import sealed_periods, tree_heads

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

#: Version 1, and the kind of signature that is over a tree's hash.
_V1, _TREE_HASH = 0, 1


class TreeHead(NamedTuple):
    """The root over the first `size` leaves. `timestamp`: milliseconds since 1970."""

    size: int
    root: bytes
    timestamp: int
    key_id: int
    signature: bytes

    @property
    def made_at(self) -> datetime:
        return _UNIX + self.timestamp * _MILLISECOND

    @property
    def signed(self) -> bytes:
        return signed_bytes(self.size, self.root, self.timestamp)


def signed_bytes(size: int, root: bytes, timestamp: int) -> bytes:
    """What is signed of a head: 50 bytes. Raises struct.error for numbers that no head can have."""
    return struct.pack(">BBQQ32s", _V1, _TREE_HASH, timestamp, size, root)


def sign_head(
    connection: Connection, keys: SealingKeys, size: int, root: bytes, made_at: datetime
) -> TreeHead:
    """Sign and keep the head of a tree that has grown to this size."""
    timestamp = (made_at - _UNIX) // _MILLISECOND
    signature = keys.sign(signed_bytes(size, root, timestamp))
    head = TreeHead(size, root, timestamp, keys.current, signature)
    connection.execute(
        insert(tree_heads).values(
            size=size, root=root, made_at=head.made_at, key_id=head.key_id, signature=signature
        )
    )
    return head


def read_head(connection: Connection, size: int | None = None) -> TreeHead | None:
    """The head of that size, or the newest; None if there is none."""
    query = select(tree_heads).order_by(tree_heads.c.size.desc()).limit(1)
    if size is not None:
        query = query.where(tree_heads.c.size == size)
    row = connection.execute(query).one_or_none()
    return _head(row) if row else None


def list_heads(connection: Connection, before: int | None, limit: int) -> list[TreeHead]:
    """The newest first; `before`: the size of the last one already seen."""
    query = select(tree_heads).order_by(tree_heads.c.size.desc()).limit(limit)
    if before is not None:
        query = query.where(tree_heads.c.size < before)
    return [_head(row) for row in connection.execute(query)]


def read_heads(connection: Connection) -> Iterator[TreeHead]:
    """All heads, the smallest tree first."""
    query = select(tree_heads).order_by(tree_heads.c.size)
    return (_head(row) for row in connection.execute(query, execution_options={"yield_per": 1_000}))


def read_head_of_period(connection: Connection, period: int) -> TreeHead | None:
    """The first head over all transactions of a closed period; None while there is none."""
    query = select(tree_heads).join(sealed_periods, sealed_periods.c.size == tree_heads.c.size)
    row = connection.execute(query.where(sealed_periods.c.period == period)).one_or_none()
    return _head(row) if row else None


def _head(row: Row) -> TreeHead:
    timestamp = (row.made_at - _UNIX) // _MILLISECOND
    return TreeHead(row.size, bytes(row.root), timestamp, row.key_id, bytes(row.signature))
