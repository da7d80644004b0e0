"""Trees and proofs, against definitions written down anew from RFC 6962 and against its known numbers."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core import merkle
from clearing.core.merkle import Frontier, Node, Span
from support import rfc6962

#: Leaves and roots that implementations of Certificate Transparency are tested with.
KNOWN_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = [*range(1, 40), 255, 256, 257, 300]


def data(count: int) -> list[bytes]:
    return [f"leaf {number}".encode() for number in range(count)]


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(one) for one in data(count)]


def looked_up(leaves: list[bytes], spans: list[Span]) -> list[bytes]:
    """The hashes of the spans, as somebody finds them who keeps complete subtrees only."""

    def node(one: Node) -> bytes:
        start = one.number << one.level
        return merkle.root_of(leaves[start : start + (1 << one.level)])

    return [merkle.fold([node(one) for one in merkle.span_nodes(span)]) for span in spans]


def test_the_known_leaves_have_the_known_roots() -> None:
    leaves = [merkle.leaf_hash(bytes.fromhex(text)) for text in KNOWN_LEAVES]
    assert [merkle.root_of(leaves[:size]).hex() for size in range(len(KNOWN_ROOTS))] == KNOWN_ROOTS


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_proofs_are_those_of_the_definitions(size: int) -> None:
    leaves = hashes(size)
    root = merkle.root_of(leaves)
    assert root == rfc6962.tree_hash(data(size))
    for index in range(size):
        path = looked_up(leaves, merkle.inclusion_spans(index, size))
        assert path == rfc6962.path(index, data(size))
        assert merkle.root_from_inclusion(leaves[index], index, size, path) == root
    for first in range(1, size + 1):
        proof = looked_up(leaves, merkle.consistency_spans(first, size))
        assert proof == rfc6962.proof(first, data(size))
        old = merkle.root_of(leaves[:first])
        assert merkle.is_consistent(first, size, old, root, proof)


def test_what_is_not_there_has_no_proof() -> None:
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_spans(index, size)
        assert merkle.root_from_inclusion(b"", index, size, []) is None
    for first, second in ((0, 5), (6, 5)):
        with pytest.raises(ValueError, match="does not begin"):
            merkle.consistency_spans(first, second)
    assert merkle.is_consistent(0, 5, merkle.EMPTY_ROOT, b"any", [])
    assert not merkle.is_consistent(0, 5, b"other", b"any", [])
    assert not merkle.is_consistent(6, 5, b"any", b"any", [])
    assert merkle.is_consistent(5, 5, b"same", b"same", [])
    assert not merkle.is_consistent(5, 5, b"same", b"other", [])


def test_paths_that_fit_a_smaller_tree_prove_nothing() -> None:
    one, another = merkle.leaf_hash(b"1"), merkle.leaf_hash(b"2")
    # No path at all, where the root of the first is not a node of the second.
    assert not merkle.is_consistent(3, 5, one, another, [])
    # A tree of six does not begin one of five, though this path leads to one root for both.
    root = merkle.node_hash(another, one)
    assert not merkle.is_consistent(6, 5, root, root, [one, another])
    # The leaf behind the last.
    assert merkle.root_from_inclusion(one, 4, 4, [one, another]) is None


def test_a_span_is_made_of_the_fewest_complete_subtrees() -> None:
    # Leaves 3, 4 to 7, 8 to 11, 12; and a span that begins where it may be as large as it is.
    assert merkle.span_nodes(Span(3, 13)) == [Node(0, 3), Node(2, 1), Node(2, 2), Node(0, 12)]
    assert merkle.span_nodes(Span(8, 15)) == [Node(2, 2), Node(1, 6), Node(0, 14)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 21])
def test_a_proof_with_anything_changed_proves_nothing(size: int) -> None:
    leaves = hashes(size)
    root = merkle.root_of(leaves)
    other = sha256(b"other").digest()
    for index in range(size):
        path = looked_up(leaves, merkle.inclusion_spans(index, size))
        changed = [[*path[:at], other, *path[at + 1 :]] for at in range(len(path))]
        for wrong in ([*path, other], path[:-1] if path else [other], *changed):
            assert merkle.root_from_inclusion(leaves[index], index, size, wrong) != root
        assert merkle.root_from_inclusion(other, index, size, path) != root
        for elsewhere in set(range(size)) - {index}:
            assert merkle.root_from_inclusion(leaves[index], elsewhere, size, path) != root
    for first in range(1, size):
        old = merkle.root_of(leaves[:first])
        proof = looked_up(leaves, merkle.consistency_spans(first, size))
        changed = [[*proof[:at], other, *proof[at + 1 :]] for at in range(len(proof))]
        for wrong in ([*proof, other], proof[:-1], *changed):
            assert not merkle.is_consistent(first, size, old, root, wrong)
        assert not merkle.is_consistent(first, size, other, root, proof)
        assert not merkle.is_consistent(first, size, old, other, proof)


@given(st.integers(1, 10**12), st.data())
def test_paths_are_short_however_large_the_tree(size: int, draw: st.DataObject) -> None:
    index = draw.draw(st.integers(0, size - 1))
    spans = merkle.inclusion_spans(index, size)
    assert len(spans) <= size.bit_length()
    assert sum(span.end - span.start for span in spans) == size - 1
    own = merkle.in_tile(index, spans)
    assert [span.start >> 8 == index >> 8 for span in spans] == [True] * own + [False] * (len(spans) - own)
    for span in spans:
        nodes = merkle.span_nodes(span)
        assert sum(1 << node.level for node in nodes) == span.end - span.start


def test_a_frontier_goes_on_where_another_ended() -> None:
    leaves = hashes(70_000)
    whole = Frontier()
    for leaf in leaves:
        whole.append(leaf)
    cut = 43_987
    kept = [
        merkle.root_of(leaves[node.number << node.level : (node.number + 1) << node.level])
        for node in merkle.frontier_nodes(cut)
    ]
    resumed = Frontier(cut, kept)
    for leaf in leaves[cut:]:
        resumed.append(leaf)
    assert (resumed.size, resumed.root()) == (whole.size, whole.root())
    assert set(resumed.complete) <= set(whole.complete)
    assert [node for node, _ in whole.complete if node.level > 8] == [Node(16, 0)]
    assert [node for node, _ in whole.complete if node.level == 8] == [Node(8, at) for at in range(273)]
    tile = dict(whole.complete)[Node(8, 5)]
    assert tile == merkle.root_of(leaves[5 * 256 : 6 * 256])
