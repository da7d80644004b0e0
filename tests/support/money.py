"""A dispute about a line of JADE's, on a ledger without the API, that is accepted in money."""

from clearing.core.journal import Booking
from settlement.close import statement_id
from settlement.core.disputes import DisputeReason
from settlement.disputes.acceptance import Judgement, accept
from settlement.disputes.opening import Claim, open_dispute
from settlement.disputes.refusals import Actor, DisputeRefusal
from support.ledger import OPERATOR, Ledger


def disputed(
    ledger: Ledger,
    id_: int,
    booking: Booking,
    opener: str,
    reason: DisputeReason = DisputeReason.DUPLICATE,
    **part: int,
) -> bool:
    """Dispute the line, or `points` or an `amount` of it; False if nothing, or not so much, is left of it."""
    row, ids = booking.transaction, ledger.participant_ids
    with ledger.engine.begin() as connection:
        claim = Claim(
            statement_id(row.period, ids[opener]),
            reason,
            "Wrong",
            transaction=(row.wallet_id, row.id),
            issuer_id=ids["JADE"],
            **part,
        )
        opened = open_dispute(connection, id_, claim, Actor(ids[opener], "key"))
        if isinstance(opened, DisputeRefusal):
            return False
    accepted = accept(ledger.writer, id_, Judgement(Actor(opened.counterparty_id, "key"), OPERATOR))
    assert not isinstance(accepted, DisputeRefusal), accepted
    return True
