"""What serving a card would cost the house: each act priced by the same function as its quote."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.pages.desk.wording import sentence
from api.v1.quotes import quoted_each
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
    acts = [("accrual", BILL_FEN, {**act, "amount": BILL_FEN})]
    if available := card["points"]["available"]:
        acts.append(("redemption", available, {**act, "points": available}))
    if usable := sum(one["available"] for one in card["stored_value"] if one["usable_here"]):
        acts.append(("spend", usable, {**act, "amount": usable}))
    quotes = quoted_each([(kind, body) for kind, _, body in acts])
    return [_cost(kind, of, quote, acceptor) for (kind, of, _), quote in zip(acts, quotes, strict=True)]


def our_fee(quote: Mapping[str, Any]) -> int:
    """What the acceptor pays of the fees of a quote or transaction."""
    return sum(leg["fee_shares"].get(quote["acceptor"], 0) for leg in quote["legs"])


def _cost(kind: str, of: int, quote: dict[str, Any] | Refusal, acceptor: str) -> Cost:
    if isinstance(quote, Refusal):
        return Cost(kind, of, refused=sentence(quote.code))
    # Points that the house itself issues for a visitor's bill are no part of the exchange.
    legs = [leg for leg in quote["legs"] if leg["kind"] != "issue"]
    return Cost(kind, of, our_fee(quote), [(leg["reason"], leg["issuer"]) for leg in legs])
