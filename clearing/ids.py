"""Ids: made in the program, ordered by time, and opaque to the outside.

Inside, an id is a 63-bit number: milliseconds since 2020 (41 bits), the writer that made it (10 bits)
and a counter (12 bits). Outside it is a prefix and base-32 text; a transaction's and a lot's text also
holds the wallet, so that its rows are found by their primary key.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

EPOCH_MS = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1000
WRITERS = 1024  # as many numbers as an id has room for
_PER_MS = 4096

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUE = {letter: value for value, letter in enumerate(_ALPHABET)}
_LETTERS = 13  # 13 × 5 bits hold 63
#: Two letters at a time: a statement of a million lines makes millions of ids.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def make_ids(writer: int, now_ms: Iterator[int]) -> Iterator[int]:
    """Ever larger ids of one writer (0–1023); `now_ms` gives the time in ms since 1970 at each call.

    Two writers at work at the same time must not share a number. If more than 4,096 ids are asked for
    in a millisecond, or the clock goes back, the ids run on ahead of the clock.
    """
    last = 0
    while True:
        millisecond = next(now_ms) - EPOCH_MS
        last = max(last + 1, millisecond * _PER_MS)
        yield (last // _PER_MS * WRITERS + writer) * _PER_MS + last % _PER_MS


def first_id_at(at: datetime) -> int:
    """No id made at that time or later is smaller."""
    return max(int(at.timestamp() * 1000) - EPOCH_MS, 0) * _PER_MS * WRITERS


def encode(prefix: str, *numbers: int) -> str:
    """`encode("txn", wallet, id)` → `txn_…`."""
    return f"{prefix}_{''.join(map(letters, numbers))}"


def letters(number: int) -> str:
    """One number as the thirteen letters that stand for it in an id."""
    return (
        _ALPHABET[number >> 60]
        + _PAIRS[number >> 50 & 1023]
        + _PAIRS[number >> 40 & 1023]
        + _PAIRS[number >> 30 & 1023]
        + _PAIRS[number >> 20 & 1023]
        + _PAIRS[number >> 10 & 1023]
        + _PAIRS[number & 1023]
    )


def decode(prefix: str, text: str, count: int = 1) -> tuple[int, ...] | None:
    """The numbers in an id made by `encode`, or None if the text is not one of that kind."""
    head, _, body = text.partition("_")
    if head != prefix or len(body) != count * _LETTERS or any(letter not in _VALUE for letter in body):
        return None
    numbers = []
    for start in range(0, len(body), _LETTERS):
        number = 0
        for letter in body[start : start + _LETTERS]:
            number = number << 5 | _VALUE[letter]
        if number >= 1 << 63:
            return None
        numbers.append(number)
    return tuple(numbers)


def wallet_id(number: int) -> str:
    return encode("wal", number)


def member_id(number: int) -> str:
    return encode("mem", number)


def transaction_id(wallet: int, number: int) -> str:
    return encode("txn", wallet, number)


def hold_id(wallet: int, number: int) -> str:
    return encode("hold", wallet, number)


def lot_id(wallet: int, number: int) -> str:
    return encode("lot", wallet, number)


def link_id(number: int) -> str:
    return encode("lnk", number)
