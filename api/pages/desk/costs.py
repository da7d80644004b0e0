"""What serving a card would cost the house: each act priced by the same function as its quote."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.pages.desk.wording import sentence
from api.v1.quotes import quoted
from clearing.core.directory import Merchant
from clearing.core.outcomes import Refusal

#: A cash bill of this many fen stands for all: the fee of another one is in proportion, or nearly so.
BILL_FEN = 100_00


class Cost(NamedTuple):
    """`fee`: fen that the house pays; `of`: fen of the bill, points or value used; `why`: (reason, issuer) of
    each part. `refused`: why it is not possible now, instead.
    """

    kind: str
    of: int
    fee: int = 0
    why: Sequence[tuple[str, str]] = ()
    refused: str | None = None

    @property
    def is_own(self) -> bool:
        return self.refused is None and all(reason == "own_system" for reason, _ in self.why)


def costs(number: str, merchant: Merchant, acceptor: str, card: Mapping[str, Any]) -> list[Cost]:
    """Of a cash bill, of redeeming all points that are usable here, of spending all stored value."""
    act = {"card": number, "merchant": merchant.code}
    found = [_cost("accrual", BILL_FEN, {**act, "amount": BILL_FEN}, acceptor)]
    if available := card["points"]["available"]:
        found.append(_cost("redemption", available, {**act, "points": available}, acceptor))
    if usable := sum(one["available"] for one in card["stored_value"] if one["usable_here"]):
        found.append(_cost("spend", usable, {**act, "amount": usable}, acceptor))
    return found


def our_fee(quote: Mapping[str, Any]) -> int:
    """What the acceptor pays of the fees of a quote or transaction."""
    return sum(leg["fee_shares"].get(quote["acceptor"], 0) for leg in quote["legs"])


def _cost(kind: str, of: int, act: Mapping[str, Any], acceptor: str) -> Cost:
    quote = quoted(kind, act)
    if isinstance(quote, Refusal):
        return Cost(kind, of, refused=sentence(quote.code))
    # Points that the house itself issues for a visitor's bill are no part of the exchange.
    legs = [leg for leg in quote["legs"] if leg["kind"] != "issue"]
    return Cost(kind, of, our_fee(quote), [(leg["reason"], leg["issuer"]) for leg in legs])
