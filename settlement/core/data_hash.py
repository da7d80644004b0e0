"""The one text of a statement's data from which its hash is taken; every format shows the same hash.

SHA-256 in UTF-8 of: the statement as in the API's lists, each row of the matrix, each rebate, the points and
the stored value, each as JSON on a line of its own that ends in LF (keys sorted, no spaces), and then each
line of the detail exactly as it stands in the CSV file, CRLF included.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from settlement.core.statement import DetailLine

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
#: How a spreadsheet recognises a formula, and what CSV puts in quotes.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_QUOTED = re.compile('[",\r\n]')


class DataHash:
    """Fed in the order above."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def record(self, record: Mapping[str, Any]) -> None:
        self._hash.update(f"{_CANONICAL.encode(record)}\n".encode())

    def line(self, text: bytes) -> None:
        """`text`: what `csv_line` gives, in UTF-8."""
        self._hash.update(text)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def csv_line(line: DetailLine) -> str:
    """One line of the detail as CSV, CRLF included.

    Written out because csv.writer takes twice the time; it gives the same for the same values. Only a
    merchant's own reference can hold anything that needs care: all else are numbers, ids, codes, and words of
    this program.
    """
    (number, transaction, reference, occurred_at, booked_at, merchant, transaction_kind, kind, issuer,
    acceptor,
     member, lots, points, amount, obligation, direction, fee_rate, fee, fee_payer, rule_version, reason,
     prior_period, reverses) = line  # fmt: skip
    return (
        f"{number},{transaction},{csv_text(reference) if reference else ''},{occurred_at},{booked_at},"
        f"{merchant or ''},{transaction_kind},{kind},{issuer},{acceptor},{member},{lots},{points},{amount},"
        f"{obligation},{direction},{fee_rate or ''},{fee},{fee_payer or ''},{rule_version},{reason},"
        f"{'true' if prior_period else 'false'},{reverses or ''}\r\n"
    )


def csv_text(text: str) -> str:
    """A text as a CSV field; what a spreadsheet would take for a formula gets an apostrophe in front."""
    if text.startswith(_FORMULA):
        text = f"'{text}"
    if _QUOTED.search(text):
        text = '"' + text.replace('"', '""') + '"'
    return text
