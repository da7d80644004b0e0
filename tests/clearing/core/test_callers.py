"""On whose authority a command may come."""

import pytest

from clearing.core.commands import Caller, Scope
from support.core import OPERATOR, Books, accrue, alliance, open_balance

JADE = Caller("key_jade", Scope.PARTICIPANT, participant_id=1)
JADE_1 = Caller("key_jade_1", Scope.MERCHANT, participant_id=1, merchant_id=101)
FINANCE = Caller("key_finance", Scope.FINANCE, participant_id=1)
AUDITOR = Caller("key_auditor", Scope.AUDITOR)

POSTING = [
    # caller, merchant, allowed
    (OPERATOR, "JADE-1", True),
    (OPERATOR, "LOTUS-1", True),
    (JADE, "JADE-1", True),
    (JADE, "JADE-2", True),
    (JADE, "LOTUS-1", False),
    (JADE_1, "JADE-1", True),
    (JADE_1, "JADE-2", False),
    (JADE_1, "LOTUS-1", False),
    (FINANCE, "JADE-1", False),
    (AUDITOR, "JADE-1", False),
]


@pytest.mark.parametrize(("caller", "merchant", "allowed"), POSTING)
def test_a_key_acts_only_where_it_belongs(caller: Caller, merchant: str, allowed: bool) -> None:
    books = Books(alliance("JADE", "LOTUS", merchants=["JADE-2"]))
    command = accrue("¥1.00", merchant, caller=caller)
    if allowed:
        assert books.book(command).transaction.posted_by == caller.key_id
    else:
        assert books.refuse(command) == "forbidden"


OPENING = [
    (OPERATOR, "LOTUS", True),
    (JADE, "JADE", True),
    (JADE, "LOTUS", False),
    (JADE_1, "JADE", False),
    (FINANCE, "JADE", False),
    (AUDITOR, "JADE", False),
]


@pytest.mark.parametrize(("caller", "issuer", "allowed"), OPENING)
def test_balances_are_opened_by_their_issuer_or_the_operator(
    caller: Caller, issuer: str, allowed: bool
) -> None:
    books = Books(alliance("JADE", "LOTUS"))
    command = open_balance(f"{issuer} 10 pts never", caller=caller)
    if allowed:
        assert books.book(command).transaction.posted_by == caller.key_id
    else:
        assert books.refuse(command) == "forbidden"


def test_a_stranger_does_not_learn_the_outcome_of_a_key() -> None:
    books = Books(alliance("JADE", "LOTUS"))
    books.book(accrue("¥1.00", "LOTUS-1", key="k"))
    assert books.refuse(accrue("¥1.00", "LOTUS-1", key="k", caller=JADE)) == "forbidden"


def test_what_is_forbidden_leaves_the_key_free() -> None:
    books = Books(alliance("JADE", "LOTUS"))
    books.refuse(accrue("¥1.00", "LOTUS-1", key="k", caller=JADE))
    books.book(accrue("¥1.00", "LOTUS-1", key="k"))
