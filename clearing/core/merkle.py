"""Merkle trees as RFC 6962 has them: SHA-256, a leaf hashed behind the byte 00, a node behind the byte 01.

A tree of n leaves is split at the largest power of two below n, so it only ever grows at its right edge:
every complete subtree stays as it is for ever. `Frontier` keeps the roots of those subtrees, which is all
that is needed to go on; proofs are told as spans of leaves whose hashes somebody has to look up.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32

#: The root of a tree without leaves.
EMPTY_ROOT = sha256().digest()

#: Of the nodes above the leaves only every eighth level is kept; what lies between is 256 hashes away.
TILE_LEVELS = 8
TILE_LEAVES = 1 << TILE_LEVELS


class Node(NamedTuple):
    """A complete subtree of 2^level leaves, the `number`-th (from 0) of its size from the left."""

    level: int
    number: int


class Span(NamedTuple):
    """The leaves from `start` up to but not including `end`, under one node of the tree."""

    start: int
    end: int


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over complete subtrees side by side, as `span_nodes` and a frontier have them."""
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes))


class Frontier:
    """A tree of which only the roots of its complete subtrees are kept, the largest first.

    `complete` collects the nodes of the tile levels (8, 16, …) as they are completed, for whoever keeps them.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)
        self.complete: list[tuple[Node, bytes]] = []

    def append(self, leaf: bytes) -> None:
        """Add the hash of one more leaf."""
        index, level, hashes = self.size, 0, self._hashes
        while index & 1:
            leaf = sha256(b"\1" + hashes.pop() + leaf).digest()
            index >>= 1
            level += 1
            if not level % TILE_LEVELS:
                self.complete.append((Node(level, index), leaf))
        hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        return fold(self._hashes) if self._hashes else EMPTY_ROOT


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over these hashes of leaves."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def frontier_nodes(size: int) -> list[Node]:
    """The complete subtrees of a tree of this size, the largest first."""
    return span_nodes(Span(0, size))


def span_nodes(span: Span) -> list[Node]:
    """The complete subtrees that a span is made of, from the left; `fold` of their hashes is its own."""
    nodes, start = [], span.start
    while start < span.end:
        level = (span.end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_spans(index: int, size: int) -> list[Span]:
    """What proves that leaf `index` is in a tree of `size`: its siblings, from the leaf up (RFC 6962, 2.1.1).

    Raises ValueError if there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """What proves that a tree of `second` leaves begins with the one of `first` (RFC 6962, 2.1.2).

    Raises ValueError unless 0 < first <= second.
    """
    if not 0 < first <= second:
        raise ValueError(f"a tree of {second} leaves does not begin with one of {first}")
    spans, start, end, whole = [], 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start, whole = middle, False
    if not whole:
        spans.append(Span(start, end))
    return spans[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root of the tree in which the path puts the leaf; None if no path of that tree has this length."""
    if not 0 <= index < size:
        return None
    node, last = leaf, size - 1
    for sibling in path:
        if not last:
            return None
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            # A node at the right edge without a sibling of its own is carried up to where it has one.
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return None if last else node


def is_consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path proves that the tree of `second` leaves begins with that of `first`."""
    if first > second or first < 0:
        return False
    if first in (0, second):
        # Every tree begins with the empty one, and with itself.
        return not path and first_root == (second_root if first else EMPTY_ROOT)
    hashes = list(path)
    index, last = first - 1, second - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    if index:
        if not hashes:
            return False
        old = new = hashes.pop(0)
    else:
        old = new = first_root  # a complete subtree, of which the first root is the proof itself
    for sibling in hashes:
        if not last:
            return False
        if index & 1 or index == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        index, last = index >> 1, last >> 1
    return not last and old == first_root and new == second_root


def in_tile(index: int, spans: Sequence[Span]) -> int:
    """How many of a leaf's siblings lie in its own tile of 256 leaves; they come first."""
    return sum(span.start >> TILE_LEVELS == index >> TILE_LEVELS for span in spans)


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
