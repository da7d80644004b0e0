"""A key has one outcome for ever, and a merchant's own number is used once."""

import pytest

from clearing.core.commands import Command
from clearing.core.outcomes import Posted, Recorded, Refusal, Replayed
from support.core import Books, accrue, alliance, load, open_balance, redeem, spend


def _books() -> Books:
    return Books(
        alliance("JADE enabled", "LOTUS", merchants=["JADE-2"]),
        lots={"Wang": ["JADE 100 pts never", "JADE ¥50.00 never"]},
    )


COMMANDS = [
    accrue("¥10.00", "LOTUS-1", key="k"),
    redeem(10, "LOTUS-1", key="k"),
    load("¥10.00", "LOTUS-1", "JADE", key="k"),
    spend("¥10.00", "LOTUS-1", key="k"),
    open_balance("JADE 10 pts never", key="k"),
    redeem(101, "LOTUS-1", key="k"),  # refused
    spend("¥0.00", "LOTUS-1", key="k"),  # refused
]


@pytest.mark.parametrize("command", COMMANDS)
def test_sent_again_later_a_command_gives_its_first_outcome(command: Command) -> None:
    books = _books()
    [first] = books.post(command)
    before = books.recorded["k"]
    decision = books.decide(command)
    assert decision.outcomes == [Replayed(before)]
    assert not (decision.transactions or decision.entries or decision.recorded or decision.changed_lots)
    if isinstance(first, Posted):
        row = first.booking.transaction
        assert before == Recorded(command.request_hash, row.wallet_id, row.id)
    else:
        assert before.refusal == first


@pytest.mark.parametrize("command", COMMANDS)
def test_sent_twice_in_one_batch_a_command_is_done_once(command: Command) -> None:
    books = _books()
    first, second = books.post(command, command)
    booking = first.booking if isinstance(first, Posted) else None
    assert second == Replayed(books.recorded["k"], booking)
    assert len(books.transactions) == (booking is not None)


def test_another_request_under_the_key_is_refused_and_the_first_outcome_stays() -> None:
    books = _books()
    first = redeem(10, "LOTUS-1", key="k")
    books.book(first)
    assert books.refuse(redeem(20, "LOTUS-1", key="k")) == "idempotency_key_reused"
    assert books.post(first) == [Replayed(books.recorded["k"])]
    assert books.left("Wang")[0] == "JADE 90 pts never"


def test_a_refusal_stays_although_the_reason_for_it_has_gone() -> None:
    books = _books()
    short = redeem(150, "JADE-1", key="k")
    assert books.refuse(short) == "insufficient_points"
    books.book(open_balance("JADE 100 pts never"))
    [again] = books.post(short)
    assert isinstance(again, Replayed)
    assert again.recorded.refusal is not None
    books.book(redeem(150, "JADE-1"))  # a new key is a new request


def test_a_replay_is_answered_although_the_merchant_has_been_suspended_since() -> None:
    books = _books()
    command = accrue("¥10.00", "LOTUS-1", key="k")
    books.book(command)
    books.directory = alliance("JADE", "LOTUS", merchants=["LOTUS-1 suspended"])
    [again] = books.post(command)
    assert isinstance(again, Replayed)


REFERENCES = [
    # first, second, answer to the second
    (
        accrue("¥1.00", "JADE-1", reference="A"),
        accrue("¥2.00", "JADE-1", reference="A"),
        "duplicate_reference",
    ),
    (accrue("¥1.00", "JADE-1", reference="A"), accrue("¥2.00", "JADE-1", reference="B"), None),
    (accrue("¥1.00", "JADE-1", reference="A"), accrue("¥2.00", "JADE-1", reference="a"), None),
    (
        accrue("¥1.00", "JADE-1", reference="A"),
        accrue("¥2.00", "JADE-2", reference="A"),
        None,
    ),  # per merchant
    (accrue("¥1.00", "JADE-1", reference="A"), redeem(1, "JADE-1", reference="A"), None),  # per kind
    (accrue("¥1.00", "JADE-1"), accrue("¥2.00", "JADE-1"), None),
    (redeem(999, "JADE-1", reference="A"), redeem(1, "JADE-1", reference="A"), None),  # the first was refused
    (
        open_balance("JADE 1 pts never", reference="A"),
        open_balance("JADE 2 pts never", reference="A"),
        "duplicate_reference",
    ),
    (  # per issuer
        open_balance("JADE 1 pts never", reference="A"),
        open_balance("LOTUS 2 pts never", reference="A"),
        None,
    ),
]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("first", "second", "answer"), REFERENCES)
def test_a_reference_is_used_once_per_merchant_and_kind(
    first: Command, second: Command, answer: str | None, together: bool
) -> None:
    books = _books()
    batches = [(first, second)] if together else [(first,), (second,)]
    outcome = [outcome for batch in batches for outcome in books.post(*batch)][-1]
    assert (outcome.code.value if isinstance(outcome, Refusal) else None) == answer
