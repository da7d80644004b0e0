"""RFC 6962, section 2.1, word for word: recursive, slow, and without a line of the program's own.

What the program publishes is checked against this.
"""

import hashlib
from collections.abc import Sequence


def _largest_power_of_two_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k = 2 * k
    return k


def tree_hash(d: Sequence[bytes]) -> bytes:
    """MTH(D[n])"""
    n = len(d)
    if n == 0:
        return hashlib.sha256(b"").digest()
    if n == 1:
        return hashlib.sha256(bytes([0x00]) + d[0]).digest()
    k = _largest_power_of_two_below(n)
    return hashlib.sha256(bytes([0x01]) + tree_hash(d[:k]) + tree_hash(d[k:])).digest()


def path(m: int, d: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])"""
    n = len(d)
    if n == 1:
        return []
    k = _largest_power_of_two_below(n)
    if m < k:
        return [*path(m, d[:k]), tree_hash(d[k:])]
    return [*path(m - k, d[k:]), tree_hash(d[:k])]


def proof(m: int, d: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n])"""
    return _subproof(m, d, True)


def _subproof(m: int, d: Sequence[bytes], b: bool) -> list[bytes]:
    n = len(d)
    if m == n:
        return [] if b else [tree_hash(d)]
    k = _largest_power_of_two_below(n)
    if m <= k:
        return [*_subproof(m, d[:k], b), tree_hash(d[k:])]
    return [*_subproof(m - k, d[k:], False), tree_hash(d[:k])]
