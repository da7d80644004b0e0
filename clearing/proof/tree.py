"""Hashes of the tree's nodes, as they are kept, and proofs made of them.

Kept are the leaves and every eighth level above them. Any other node is at most 256 kept hashes away, which
are read together: a tile. So a proof in a tree of millions of leaves reads three or four tiles.
"""

from collections import OrderedDict
from collections.abc import Sequence

from sqlalchemy import Connection

from clearing.core import merkle
from clearing.core.merkle import TILE_LEAVES, TILE_LEVELS, Frontier, Node, Span

TILES_KEPT = 256

_LEAVES = "SELECT hash FROM tree_leaves WHERE number >= %s AND number < %s ORDER BY number"
_NODES = "SELECT hash FROM tree_nodes WHERE number >= %s AND number < %s AND level = %s ORDER BY number"

#: The hashes of a tile: those that are kept, and above them one level after the other.
_Tile = list[list[bytes]]


class Tree:
    """The tree as one connection sees it. Tiles read lately are kept: not for use while the tree grows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tiles: OrderedDict[tuple[int, int], _Tile] = OrderedDict()

    def frontier(self, size: int) -> Frontier:
        """The tree of its first `size` leaves, ready to grow. Raises IndexError if it has not so many."""
        return Frontier(size, [self.node(node) for node in merkle.frontier_nodes(size)])

    def root(self, size: int) -> bytes:
        return self.frontier(size).root()

    def inclusion(self, number: int, size: int) -> list[bytes]:
        """The path from leaf `number` to the root of the first `size` leaves. Raises ValueError."""
        return self.spans(merkle.inclusion_spans(number, size))

    def consistency(self, first: int, second: int) -> list[bytes]:
        """What proves that the tree of `second` leaves begins with that of `first`. Raises ValueError."""
        return self.spans(merkle.consistency_spans(first, second))

    def spans(self, spans: Sequence[Span]) -> list[bytes]:
        return [merkle.fold([self.node(node) for node in merkle.span_nodes(span)]) for span in spans]

    def path_in_tile(self, number: int, size: int) -> list[bytes]:
        """The part of the leaf's path that lies in its own tile; the path of the tile goes on from there."""
        tile = number >> TILE_LEVELS
        if (tile + 1) * TILE_LEAVES <= size:  # nearly always: a tile that is complete
            levels, place = self._tile(0, tile), number % TILE_LEAVES
            return [levels[level][(place >> level) ^ 1] for level in range(TILE_LEVELS)]
        spans = merkle.inclusion_spans(number, size)
        return self.spans(spans[: merkle.in_tile(number, spans)])

    def path_of_tile(self, tile: int, size: int) -> list[bytes]:
        """The path from the tile's root to that of the tree, the same for all of its leaves."""
        number = tile * TILE_LEAVES
        spans = merkle.inclusion_spans(number, size)
        return self.spans(spans[merkle.in_tile(number, spans) :])

    def node(self, node: Node) -> bytes:
        above = node.level % TILE_LEVELS
        per_tile = TILE_LEAVES >> above
        tile = self._tile(node.level - above, node.number // per_tile)
        return tile[above][node.number % per_tile]

    def _tile(self, level: int, number: int) -> _Tile:
        key = (level, number)
        tile = self._tiles.get(key)
        if tile is None:
            tile = self._tiles[key] = _levels(self._read(level, number * TILE_LEAVES))
            if len(self._tiles) > TILES_KEPT:
                self._tiles.popitem(last=False)
        else:
            self._tiles.move_to_end(key)
        return tile

    def _read(self, level: int, start: int) -> list[bytes]:
        span = (start, start + TILE_LEAVES)
        rows = (
            self._connection.exec_driver_sql(_NODES, (*span, level))
            if level
            else self._connection.exec_driver_sql(_LEAVES, span)
        )
        return [bytes(hash_) for hash_ in rows.scalars()]


def _levels(hashes: list[bytes]) -> _Tile:
    levels = [hashes]
    for _ in range(TILE_LEVELS):
        pairs = zip(hashes[::2], hashes[1::2], strict=False)
        hashes = [merkle.node_hash(left, right) for left, right in pairs]
        levels.append(hashes)
    return levels
