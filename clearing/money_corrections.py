"""What was given back of a transaction in money only, beside its reversals: who corrects a line between two
participants and the hub notes it here, in the transaction that books the correction. A reversal gives back
no more than what is left after it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from clearing.core.snapshot import Corrected
from clearing.tables import money_corrections


class MoneyCorrection(NamedTuple):
    """One correction of a leg, which is found by its period, wallet, transaction and number.

    `of_period`: the month of the exchange, which is another if the leg is a reversal's. `period`: the open
    one in which it is booked. `quantity` is so much of the leg, above zero in its own unit (points of a
    redemption, fen of all else); 0 where only a fee was. The other four are fen with the leg's signs: its
    amount, and the money that goes with it.
    """

    transaction_id: int
    leg_number: int
    wallet_id: int
    correction_id: int
    leg_period: int
    of_period: int
    fee_rule_id: int | None
    period: int
    quantity: int
    amount: int
    obligation: int
    acceptor_fee: int
    issuer_fee: int

    @property
    def fee(self) -> int:
        return self.acceptor_fee + self.issuer_fee


def write_correction(connection: Connection, correction: MoneyCorrection) -> None:
    """The leg's wallet must be locked: whoever reverses the transaction then waits, and sees it."""
    connection.execute(insert(money_corrections).values(**correction._asdict()))


def read_corrections(
    connection: Connection, transaction_ids: Sequence[int]
) -> dict[int, list[MoneyCorrection]]:
    """By transaction id, in their order; a transaction without any is left out."""
    columns = [money_corrections.c[name] for name in MoneyCorrection._fields]
    query = select(*columns).where(money_corrections.c.transaction_id.in_(transaction_ids))
    found: dict[int, list[MoneyCorrection]] = {}
    for row in connection.execute(
        query.order_by(money_corrections.c.leg_number, money_corrections.c.correction_id)
    ):
        found.setdefault(row.transaction_id, []).append(MoneyCorrection(*row))
    return found


def corrected(corrections: Sequence[MoneyCorrection]) -> Mapping[int, Corrected]:
    """Of one transaction, what they come to by leg number."""
    found: dict[int, Corrected] = {}
    for one in corrections:
        known = found.get(one.leg_number, Corrected())
        if one.quantity:
            found[one.leg_number] = known._replace(quantity=known.quantity + one.quantity)
        else:
            found[one.leg_number] = known._replace(
                acceptor_fee=known.acceptor_fee + one.acceptor_fee,
                issuer_fee=known.issuer_fee + one.issuer_fee,
            )
    return found
