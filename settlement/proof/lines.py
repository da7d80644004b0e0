"""From a line of a statement back to the leaf of the tree. Pure: what the line says, and nothing else.

The rows of the journal that a line was made of are made again from its own figures, so no figure can be
changed without another hash. What the line leaves out (the microseconds, the number of a rule, what the other
party pays) stands in its proof; of rows that it does not show it has the commitments.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from clearing.core import leaf, merkle
from clearing.core.accounts import CHART, Account, EntryKind
from clearing.core.journal import LegKind, Reason, TransactionKind
from clearing.core.leaf import ENTRY, HEAD, LEG, Form
from clearing.core.merkle import HASH_BYTES, TILE_LEAVES, TILE_LEVELS
from clearing.ids import decode
from settlement.core.statement import DetailLine, direction_of

#: Kinds of entries that put something into a lot, and that take something out.
INTO_LOT = tuple(kind for kind, posting in CHART.items() if posting.credit is Account.LOT)
FROM_LOT = tuple(kind for kind, posting in CHART.items() if posting.debit is Account.LOT)


class LineProof(NamedTuple):
    """What stands under `proof` of a line.

    `leaf`: the number of the transaction's leaf. `parts`: 32 bytes of each of its parts, in order: the salt
    of one that the line shows, the commitment of one that it does not. `leg`: which leg the line is.
    `entries`: number and kind of each entry on a lot, in the order of `lots`; if there are any, `legs` tells
    after how many legs they come. `path`: the siblings within the tile of 256 leaves. `microseconds`: what
    the line's two times leave out.
    """

    leaf: int
    leg: int
    legs: int | None
    entries: Sequence[Sequence[int]]
    microseconds: Sequence[int]
    fee_rule: int | None
    other_fee: int
    original_period: int | None
    parts: str
    path: str


@dataclass(frozen=True)
class Directory:
    """The numbers behind a statement's codes, as they stand in the journal, and the rates of fee rules."""

    participants: Mapping[str, int]
    merchants: Mapping[str, int]
    fee_rules: Mapping[str, str]


class DoesNotFit(ValueError):
    """The line contradicts itself or its proof; the text says where."""


def leaf_hash(line: DetailLine, proof: LineProof, period: int, reader: str, directory: Directory) -> bytes:
    """The hash of the leaf that the line and its proof make. Raises DoesNotFit."""
    parts = hashes(proof.parts)
    for index, form, values in _shown(line, proof, period, reader, directory):
        if not 0 <= index < len(parts):
            raise DoesNotFit("its proof has too few parts")
        parts[index] = leaf.commitment(parts[index], leaf.row_bytes(form, values))
    return merkle.leaf_hash(b"".join(parts))


def tile_root(hash_: bytes, number: int, size: int, path: str) -> bytes | None:
    """The root of the leaf's tile in a tree of that size; None if the path is none."""
    tile = number >> TILE_LEVELS
    leaves = min(TILE_LEAVES, size - tile * TILE_LEAVES)
    return merkle.root_from_inclusion(hash_, number % TILE_LEAVES, leaves, hashes(path))


def tree_root(root_of_tile: bytes, tile: int, size: int, path: str) -> bytes | None:
    """The root of the tree in which the path puts the tile. Above the tiles it is a tree over tiles."""
    return merkle.root_from_inclusion(root_of_tile, tile, -(-size // TILE_LEAVES), hashes(path))


def unpacked(text: str) -> bytes:
    """What a base64 text holds. Raises DoesNotFit for one that is none, or could be written otherwise."""
    try:
        content = b64decode(text, validate=True)
    except ValueError as error:
        raise DoesNotFit("its proof is not base64") from error
    if b64encode(content).decode() != text:
        raise DoesNotFit("its proof is not base64 as it should be")
    return content


def hashes(text: str) -> list[bytes]:
    """The hashes in a base64 text. Raises DoesNotFit."""
    content = unpacked(text)
    if len(content) % HASH_BYTES:
        raise DoesNotFit("its hashes are not of 32 bytes each")
    return [content[start : start + HASH_BYTES] for start in range(0, len(content), HASH_BYTES)]


def order_of(line: DetailLine, proof: LineProof) -> tuple[datetime, int, int, int]:
    """Lines follow one another by this."""
    wallet_id, transaction = _id("txn", line.transaction)
    return _time(line.booked_at, proof.microseconds[1]), transaction, proof.leg, wallet_id


def _shown(
    line: DetailLine, proof: LineProof, period: int, reader: str, directory: Directory
) -> Iterator[tuple[int, Form, dict[str, Any]]]:
    """Place in the leaf, form and values of each row that the line shows."""
    wallet_id, transaction = _id("txn", line.transaction)
    key = {"period": period, "wallet_id": wallet_id, "transaction_id": transaction}
    acceptor_id = _number("acceptor", line.acceptor, directory.participants)
    issuer_id = _number("issuer", line.issuer, directory.participants)
    kind = _kind(LegKind, "kind", line.kind)
    yield 0, HEAD, _head(line, proof, key, acceptor_id, directory)
    if proof.leg < 1:
        raise DoesNotFit("its proof names a leg that is not there")
    fees = (line.fee, proof.other_fee) if line.acceptor == reader else (proof.other_fee, line.fee)
    parties = _Parties(issuer_id, acceptor_id, _number("participant", reader, directory.participants))
    rate = None if proof.fee_rule is None else directory.fee_rules.get(str(proof.fee_rule))
    _check_derived(line, kind, parties, fees, rate)
    yield (
        1 + proof.leg,
        LEG,
        {
            **key,
            "number": proof.leg,
            "kind": kind,
            "reason": _kind(Reason, "reason", line.reason),
            "issuer_id": issuer_id,
            "acceptor_id": acceptor_id,
            "fee_rule_id": proof.fee_rule,
            "points": line.points,
            "amount": line.amount,
            "obligation": line.obligation,
            "acceptor_fee": fees[0],
            "issuer_fee": fees[1],
        },
    )
    lots = line.lots.split(" ") if line.lots else []
    if len(lots) != len(proof.entries):
        raise DoesNotFit("it names more or fewer lots than its proof")
    if (proof.legs is None) != (not proof.entries):
        raise DoesNotFit("its proof must tell the number of legs where it has entries, and only there")
    for lot, (number, entry_kind) in zip(lots, proof.entries, strict=True):
        if number < 1:
            raise DoesNotFit("its proof names an entry that is not there")
        entry = _entry(lot, number, entry_kind, wallet_id, issuer_id)
        yield 1 + (proof.legs or 0) + number, ENTRY, {**key, **entry}


def _head(
    line: DetailLine, proof: LineProof, key: Mapping[str, int], acceptor_id: int, directory: Directory
) -> dict[str, Any]:
    original = original_wallet = None
    if line.reverses is not None:
        wallet_id, original = _id("txn", line.reverses)
        # Another wallet's, where wallets were linked or parted in between.
        original_wallet = None if wallet_id == key["wallet_id"] else wallet_id
    return {
        "period": key["period"],
        "wallet_id": key["wallet_id"],
        "id": key["transaction_id"],
        "kind": _kind(TransactionKind, "transaction kind", line.transaction_kind),
        "merchant_id": line.merchant and _number("merchant", line.merchant, directory.merchants),
        "acceptor_id": acceptor_id,
        "occurred_at": _time(line.occurred_at, proof.microseconds[0]),
        "booked_at": _time(line.booked_at, proof.microseconds[1]),
        "late": line.prior_period,
        "rule_version": line.rule_version,
        "reference": line.reference,
        "original_id": original,
        "original_period": proof.original_period,
        "original_wallet_id": original_wallet,
    }


class _Parties(NamedTuple):
    issuer_id: int
    acceptor_id: int
    reader_id: int


def _check_derived(
    line: DetailLine, kind: LegKind, parties: _Parties, fees: tuple[int, int], rate: str | None
) -> None:
    """What a line says that is no column of the journal, but follows from them."""
    if parties.reader_id not in (parties.issuer_id, parties.acceptor_id):
        raise DoesNotFit("it is neither the reader's as issuer nor as acceptor")
    direction = direction_of(kind, parties.issuer_id, parties.acceptor_id, line.obligation, parties.reader_id)
    if line.direction != direction:
        raise DoesNotFit(f"its direction is {line.direction!r} and must be {direction.value!r}")
    payers = [code for code, fee in zip((line.acceptor, line.issuer), fees, strict=True) if fee]
    if line.fee_payer != (" ".join(payers) or None):
        raise DoesNotFit(f"its fee payer is {line.fee_payer!r}, which does not fit its fees")
    if line.fee_rate != rate:
        raise DoesNotFit(f"its fee rate is {line.fee_rate!r}, that of its fee rule {rate!r}")


def _entry(lot: str, number: int, kind_number: int, wallet_id: int, issuer_id: int) -> dict[str, Any]:
    text, _, quantity = lot.partition(":")
    owner, lot_id = _id("lot", text)
    if owner != wallet_id:
        raise DoesNotFit("it names a lot of somebody else")
    try:
        kind = EntryKind(kind_number)
    except ValueError as error:
        raise DoesNotFit("its proof names an unknown kind of entry") from error
    debit, credit = (issuer_id, lot_id) if kind in INTO_LOT else (lot_id, issuer_id)
    if not quantity.isascii() or not quantity.isdigit():
        raise DoesNotFit(f"{quantity!r} is no quantity")
    return {"number": number, "kind": kind, "debit": debit, "credit": credit, "quantity": int(quantity)}


def _id(prefix: str, text: str) -> tuple[int, int]:
    found = decode(prefix, text, 2)
    if found is None:
        raise DoesNotFit(f"{text!r} is no id")
    return found[0], found[1]


def _number(what: str, code: str, numbers: Mapping[str, int]) -> int:
    if code not in numbers:
        raise DoesNotFit(f"its {what} {code!r} is not in the statement's directory")
    return numbers[code]


def _kind(kinds: type[Any], what: str, label: str) -> Any:
    for kind in kinds:
        if kind.label == label:
            return kind
    raise DoesNotFit(f"its {what} {label!r} is unknown")


def _time(text: str, microseconds: int) -> datetime:
    if not 0 <= microseconds < 1_000:
        raise DoesNotFit("its proof has wrong microseconds")
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise DoesNotFit(f"{text!r} is no time") from error
    if at.tzinfo is None or at.microsecond % 1_000:
        raise DoesNotFit(f"{text!r} is no time in milliseconds with its offset")
    return at + timedelta(microseconds=microseconds)
