"""Check a statement's JSON file by itself, without a database: that it adds up, that its lines are what was
sealed, and that the hub has signed it.

Four things hold one another: the summary, the matrix and the other totals are added up again from the lines;
each line leads, by its own figures, to a leaf of the tree whose root the hub has signed; the data hash is
over every letter of the lines; and the hub's signature is over the summary, the totals and the data hash.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO, get_type_hints

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearing.core.calendar import period_number
from clearing.core.merkle import EMPTY_ROOT, TILE_LEVELS
from clearing.proof.heads import signed_bytes
from clearing.proof.keys import fingerprint, is_signed, read_public_key
from settlement.core.data_hash import DataHash, csv_line
from settlement.core.statement import DetailLine, Direction, Tally, split_vat
from settlement.proof.lines import (
    Directory,
    DoesNotFit,
    LineProof,
    leaf_hash,
    order_of,
    tile_root,
    tree_root,
    unpacked,
)
from settlement.proof.made import signed_text
from settlement.proof.reading import Unreadable, pieces

FAULTS_MAX = 20
PROGRESS_LINES = 1_000

#: What is in each field of a line.
_KINDS = get_type_hints(DetailLine)

BEFORE_LINES = ("statement", "matrix", "rebates", "points", "stored_value", "proof")
_MATRIX = ("count", "points", "amount", "receivable", "payable", "fees")


@dataclass
class Verdict:
    """What was found. `faults`: sentences, the first ones; none if all is well.

    `fingerprint` is that of the key it is signed with. `is_trusted`: whether that is a key of the hub's that
    the reader knew before; otherwise the file only says so itself.
    """

    faults: list[str] = field(default_factory=list)
    number: str = ""
    lines: int = 0
    tree_size: int = 0
    fingerprint: str = ""
    is_trusted: bool = False

    def add(self, sentence: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(sentence)


def check_file(
    file: BinaryIO,
    trusted: Sequence[Ed25519PublicKey] = (),
    on_progress: Callable[[int], None] | None = None,
) -> Verdict:
    """Check a statement. `trusted`: the hub's public keys; without any, the one in the file is taken.

    `on_progress` is called with the number of lines read since its last call. Raises Unreadable for a file
    that is no statement with a proof.
    """
    document: dict[str, Any] = {}
    lines: _Lines | None = None
    for piece in pieces(file, "detail"):
        if not piece.is_item:
            document[piece.name] = piece.value
            continue
        if lines is None:
            lines = _begin(document)
        lines.read(piece.value)
        if on_progress is not None and not lines.count % PROGRESS_LINES:
            on_progress(PROGRESS_LINES)
    lines = lines or _begin(document)
    try:
        return _judged(document, lines, trusted)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, struct.error) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"a part of the statement is not as it should be: {error!r}") from error


def _begin(document: Mapping[str, Any]) -> "_Lines":
    """Everything needed for the lines comes before them."""
    missing = [name for name in BEFORE_LINES if name not in document]
    if missing:
        raise Unreadable(f"there is no {missing[0]!r} before the lines, so they cannot be checked")
    try:
        return _Lines(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"the statement's head is not as it should be: {error!r}") from error


class _Lines:
    """One pass over the lines: their sums, their hash, and the roots of their tiles."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        statement, proof = document["statement"], document["proof"]
        directory = proof["directory"]
        self.reader: str = statement["participant"]
        self.period = period_number(statement["period"])
        self.size = int(proof["head"]["size"])
        self.directory = Directory(directory["participants"], directory["merchants"], directory["fee_rules"])
        self.tally = Tally(self.reader)
        self.matrix: dict[tuple[str, str], list[int]] = {}
        self.tiles: dict[int, dict[bytes, int]] = {}
        self.verdict = Verdict(number=str(statement["number"]), tree_size=self.size)
        self._hash = DataHash()
        for record in (
            statement,
            *document["matrix"],
            *document["rebates"],
            document["points"],
            document["stored_value"],
        ):
            self._hash.record(record)
        self.count = 0
        self._last: tuple[Any, ...] | None = None

    def read(self, value: Any) -> None:
        self.count = number = self.count + 1
        try:
            record = dict(value)
            proof = LineProof(**record.pop("proof"))
            line = _line(record)
            self._hash.line(csv_line(line).encode())
            self._add(line)
            self._prove(line, proof)
            if line.line != number:
                raise DoesNotFit(f"it has the number {line.line}")
            order = order_of(line, proof)
            if self._last is not None and order <= self._last:
                raise DoesNotFit("it is out of order, or there twice")
            self._last = order
        except DoesNotFit as error:
            self.verdict.add(f"Line {number}{_named(value)}: {error}.")
        except (KeyError, TypeError, ValueError, AttributeError, struct.error) as error:
            self.verdict.add(f"Line {number}{_named(value)} is not as a line should be: {error}.")

    @property
    def data_hash(self) -> str:
        return self._hash.hexdigest()

    def _add(self, line: DetailLine) -> None:
        self.tally.add(line)
        if line.issuer == line.acceptor:
            return
        other = line.issuer if line.acceptor == self.reader else line.acceptor
        receivable = line.obligation if line.direction == Direction.RECEIVABLE else 0
        payable = line.obligation if line.direction == Direction.PAYABLE else 0
        total = self.matrix.setdefault((other, line.kind), [0] * len(_MATRIX))
        for index, value in enumerate((1, line.points, line.amount, receivable, payable, line.fee)):
            total[index] += value

    def _prove(self, line: DetailLine, proof: LineProof) -> None:
        if not 0 <= proof.leaf < self.size:
            raise DoesNotFit(f"it names leaf {proof.leaf} of a tree of {self.size}")
        hash_ = leaf_hash(line, proof, self.period, self.reader, self.directory)
        root = tile_root(hash_, proof.leaf, self.size, proof.path)
        if root is None:
            raise DoesNotFit("its path does not lead to the tree")
        # All lines of a tile lead to the same hash; of a wrong one the first line is named at the end.
        self.tiles.setdefault(proof.leaf >> TILE_LEVELS, {}).setdefault(root, line.line)


def _judged(document: Mapping[str, Any], lines: _Lines, trusted: Sequence[Ed25519PublicKey]) -> Verdict:
    verdict = lines.verdict
    verdict.lines = lines.count
    for sentence in (*_summary(document, lines), *_totals(document, lines)):
        verdict.add(sentence)
    if document["data_hash"] != lines.data_hash:
        verdict.add(
            f"The data hash is {document['data_hash']}, that of summary, matrix and lines {lines.data_hash}:"
            " something in them was changed."
        )
    head = document["proof"]["head"]
    root = bytes.fromhex(head["root"])
    for sentence in _places(document["tiles"], lines, root):
        verdict.add(sentence)
    key = read_public_key(document["proof"]["public_key"])
    verdict.fingerprint = fingerprint(key)
    verdict.is_trusted = verdict.fingerprint in map(fingerprint, trusted)
    if trusted and not verdict.is_trusted:
        verdict.add(f"It is signed with a key that is not the hub's (fingerprint {verdict.fingerprint}).")
    message = signed_bytes(lines.size, root, head["timestamp"])
    if not is_signed(key, unpacked(head["signature"]), message):
        verdict.add("The head of the tree (size, root, timestamp) is not what the hub has signed.")
    if not is_signed(key, unpacked(document["signature"]), signed_text(document)):
        verdict.add("The hub has not signed this: something outside the lines was changed, or the data hash.")
    return verdict


def _summary(document: Mapping[str, Any], lines: _Lines) -> Iterable[str]:
    statement, tally = document["statement"], lines.tally
    for name in ("receivable", "payable", "fees", "adjustments"):
        summed = getattr(tally, name)
        if statement[name] != summed:
            yield f"The summary's {name} is {statement[name]} fen, its lines come to {summed}."
    given_back = sum(row["rebate"] for row in document["rebates"])
    if statement["rebates"] != given_back:
        yield f"The summary's rebates are {statement['rebates']} fen, by rule they come to {given_back}."
    less_rebates = statement["fees"] - statement["rebates"]
    if statement["fees_less_rebates"] != less_rebates:
        found = statement["fees_less_rebates"]
        yield f"The summary's fees_less_rebates is {found} fen and must be {less_rebates}."
    fees = split_vat(less_rebates, Decimal(statement["vat_rate"]))
    for name, part in (("fees_net", fees.net), ("fees_vat", fees.vat)):
        if statement[name] != part:
            yield f"The summary's {name} is {statement[name]} fen; of fees of {fees.gross} it is {part}."
    net = (
        statement["receivable"]
        - statement["payable"]
        - less_rebates
        + statement["adjustments"]
        + statement["carried_forward"]
    )
    if statement["net"] != net:
        yield (
            f"The summary's net is {statement['net']} fen; receivable less payable less fees, with"
            f" adjustments, rebates and what was carried forward, is {net}."
        )
    closing = statement["opening_balance"] + statement["payments"] + net - statement["carried_forward"]
    if statement["closing_balance"] != closing:
        yield f"The summary's closing_balance is {statement['closing_balance']} fen and must be {closing}."


def _totals(document: Mapping[str, Any], lines: _Lines) -> Iterable[str]:
    """Matrix, merchants, points and the number of lines."""
    found = {(row["counterparty"], row["kind"]): row for row in document["matrix"]}
    if len(found) != len(document["matrix"]):
        yield "The matrix has a row twice."
    summed = {key: dict(zip(_MATRIX, total, strict=True)) for key, total in lines.matrix.items()}
    yield from _rows("matrix", found, summed)
    merchants = {(row["merchant"], row["kind"]): row for row in document["merchants"]}
    if len(merchants) != len(document["merchants"]):
        yield "The merchants have a row twice."
    own = {(row.merchant, row.kind): row._asdict() for row in lines.tally.merchants}
    yield from _rows("merchants", merchants, own)
    for name, moved in (("points", lines.tally.points), ("stored_value", lines.tally.stored_value)):
        yield from _rolled_forward(name, document[name], moved._asdict())
    if document["lines"] != lines.count:
        yield f"It says that it has {document['lines']} lines, and has {lines.count}."


#: By what names the document has what was moved, and its sign in the closing balance.
_POINTS = {
    "issued": ("issued", 1),
    "opened": ("opened", 1),
    "used_own": ("redeemed_own", -1),
    "used_elsewhere": ("redeemed_elsewhere", -1),
    "expired": ("expired", -1),
    "adjusted": ("adjusted", 1),
}
_STORED_VALUE = {
    "issued": ("loaded", 1),
    "opened": ("opened", 1),
    "used_own": ("spent_own", -1),
    "used_elsewhere": ("spent_elsewhere", -1),
    "expired": ("expired", -1),
}


def _rolled_forward(name: str, found: Mapping[str, Any], moved: Mapping[str, int]) -> Iterable[str]:
    """Points or stored value: what the lines show, and from opening to closing and what is outstanding.

    Opening balance and arrears stand in no line of the period; they are the hub's word, signed.
    """
    names, each = (_POINTS, "points") if name == "points" else (_STORED_VALUE, "amount")
    closing = found["opening"] + found.get("arrears", 0)
    for part, (called, sign) in names.items():
        closing += sign * found[called]
        if found[called] != moved[part]:
            yield f"Of {name}, {called} is {found[called]}, the lines come to {moved[part]}."
    if found["closing"] != closing:
        yield f"Of {name}, closing is {found['closing']} and must be {closing}."
    outstanding = sum(one[each] for one in found["outstanding"])
    if outstanding != found["closing"]:
        yield f"Of {name}, outstanding comes to {outstanding}, and closing is {found['closing']}."


def _rows(
    what: str, found: Mapping[tuple[str, str], Any], summed: Mapping[tuple[str, str], Any]
) -> Iterable[str]:
    for key in sorted(found.keys() | summed.keys()):
        row = f"The row {', '.join(key)} of the {what}" if any(key) else f"The {what}"
        if key not in summed:
            yield f"{row} has no line."
        elif key not in found:
            yield f"{row} is missing."
        else:
            for name, value in summed[key].items():
                if found[key][name] != value:
                    yield f"{row}: {name} is {found[key][name]}, the lines come to {value}."


def _places(tiles: Mapping[str, str], lines: _Lines, root: bytes) -> Iterable[str]:
    """Whether the lines' tiles are where they are said to be in the tree."""
    if set(tiles) != set(map(str, lines.tiles)):
        yield "The paths of the tiles are not those of its lines."
        return
    if not lines.size and root != EMPTY_ROOT:
        yield "The root is not that of a tree without leaves."
    wrong = [
        line
        for tile, roots in lines.tiles.items()
        for found, line in roots.items()
        if tree_root(found, tile, lines.size, tiles[str(tile)]) != root
    ]
    if wrong and len(wrong) == sum(map(len, lines.tiles.values())):
        named = "No line leads" if len(wrong) > 1 else f"Line {wrong[0]} and what is beside it do not lead"
        yield f"{named} to the root of the tree: a figure, a proof, or the root itself was changed."
        return
    for line in sorted(wrong):
        yield f"Line {line} is not what was sealed: one of its figures was changed, or its proof."


def _line(record: Mapping[str, Any]) -> DetailLine:
    line = DetailLine(**record)
    for name, value in zip(line._fields, line, strict=True):
        kind = _KINDS[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise DoesNotFit(f"its {name} is {value!r}")
    return line


def _named(value: Any) -> str:
    transaction = value.get("transaction") if isinstance(value, dict) else None
    return f" ({transaction})" if isinstance(transaction, str) else ""
