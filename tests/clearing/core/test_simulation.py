"""What proposed fee rules would have charged: the arithmetic, on legs as they were booked."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.core.reversal import Part
from clearing.core.rulebook import ExchangeKind, Rulebook
from clearing.core.simulation import Compared, ExchangeLeg, Simulation, shares_under, simulate, with_proposed
from support.core import Books, accrue, alliance, fee_rule, fen, redeem, reverse
from support.examples import examples

IDS = {"JADE": 1, "LOTUS": 2, "PINE": 3}
IN_FORCE = ["visit 1%", "redemption 2%", "spend 0.6%"]


def leg(text: str, paid: str = "¥0 ¥0") -> ExchangeLeg:
    """`redemption JADE→LOTUS ¥25.00 [on=2026-11-15] [before=¥9.00]`; `paid` by acceptor and issuer.

    A point is worth a fen unless told otherwise: `redemption JADE→LOTUS ¥0 points=-1 before=¥0 left=2`.
    """
    kind, parties, amount, *words = text.split()
    issuer, acceptor = parties.split("→")
    said = dict(word.split("=") for word in words)
    acceptor_fee, issuer_fee = map(fen, paid.split())
    before = None
    if "before" in said:
        left = fen(said["before"])
        before = Part(int(said.get("left", left)), left)
    return ExchangeLeg(
        ExchangeKind[kind.upper()],
        IDS[issuer],
        IDS[acceptor],
        int(said.get("points", fen(amount))),
        fen(amount),
        acceptor_fee,
        issuer_fee,
        date.fromisoformat(said.get("on", "2026-11-15")),
        before,
    )


def rulebook(*proposed: str, in_force: Iterable[str] = IN_FORCE) -> Rulebook:
    agreed = alliance(*IDS, fees=in_force).rulebook
    return with_proposed(agreed, [fee_rule(0, text, IDS) for text in proposed])


PRICES = [
    # proposed rules, leg, acceptor would pay, issuer would pay
    ([], "redemption JADE→LOTUS ¥25.00", "¥0.50", "¥0"),
    (["redemption 3%"], "redemption JADE→LOTUS ¥25.00", "¥0.75", "¥0"),
    (["redemption 3%"], "spend JADE→LOTUS ¥25.00", "¥0.15", "¥0"),
    (["load 1% payer=issuer"], "load JADE→LOTUS ¥25.00", "¥0", "¥0.25"),
    ([], "load JADE→LOTUS ¥25.00", "¥0", "¥0"),
    (["redemption 0%"], "redemption JADE→LOTUS ¥25.00", "¥0", "¥0"),
    # split payers: a tie goes to the acceptor
    (["redemption 2% payer=0.5"], "redemption JADE→LOTUS ¥25.50", "¥0.26", "¥0.25"),
    (["redemption 2% payer=0.3"], "redemption JADE→LOTUS ¥25.50", "¥0.15", "¥0.36"),
    # minimum, maximum and flat part
    (["redemption 2% min=¥1.00"], "redemption JADE→LOTUS ¥25.00", "¥1.00", "¥0"),
    (["redemption 2% max=¥0.40"], "redemption JADE→LOTUS ¥25.00", "¥0.40", "¥0"),
    (["redemption 2% flat=¥0.30"], "redemption JADE→LOTUS ¥25.00", "¥0.80", "¥0"),
    # specific beats general, whoever was proposed last
    (["redemption 3% acceptor=LOTUS"], "redemption JADE→PINE ¥10.00", "¥0.20", "¥0"),
    (["redemption 3% acceptor=LOTUS"], "redemption JADE→LOTUS ¥10.00", "¥0.30", "¥0"),
    (["redemption 3% issuer=JADE", "redemption 9%"], "redemption JADE→LOTUS ¥10.00", "¥0.30", "¥0"),
    (
        ["redemption 3% acceptor=LOTUS", "redemption 4% issuer=JADE"],
        "redemption JADE→LOTUS ¥1",
        "¥0.03",
        "¥0",
    ),
    # of one scope the last
    (["redemption 3%", "redemption 4%"], "redemption JADE→LOTUS ¥10.00", "¥0.40", "¥0"),
    # a rule holds from its date, and one without a date from the beginning
    (["redemption 3% from=2026-11-16"], "redemption JADE→LOTUS ¥10.00 on=2026-11-15", "¥0.20", "¥0"),
    (["redemption 3% from=2026-11-16"], "redemption JADE→LOTUS ¥10.00 on=2026-11-16", "¥0.30", "¥0"),
    (["redemption 3%"], "redemption JADE→LOTUS ¥10.00 on=1999-01-01", "¥0.30", "¥0"),
    # what is left before and after a reversal
    (["redemption 3%"], "redemption JADE→LOTUS ¥-10.00 before=¥25.00", "¥-0.30", "¥0"),
    (["redemption 3% min=¥0.60"], "redemption JADE→LOTUS ¥-10.00 before=¥25.00", "¥-0.15", "¥0"),
    (["redemption 3% min=¥0.60"], "redemption JADE→LOTUS ¥-5.00 before=¥15.00", "¥0", "¥0"),
    (["redemption 3% min=¥0.60"], "redemption JADE→LOTUS ¥-10.00 before=¥10.00", "¥-0.60", "¥0"),
    (["redemption 2% payer=0.5"], "redemption JADE→LOTUS ¥-0.50 before=¥25.50", "¥-0.01", "¥0"),
    (["redemption 2% payer=0.5"], "redemption JADE→LOTUS ¥-25.50 before=¥25.50", "¥-0.26", "¥-0.25"),
    # points worth less than half a fen are something, for as long as any are left
    (["redemption 3% min=¥0.60"], "redemption JADE→LOTUS ¥0 points=2", "¥0.60", "¥0"),
    (["redemption 3% min=¥0.60"], "redemption JADE→LOTUS ¥0 points=-1 before=¥0 left=2", "¥0", "¥0"),
    (["redemption 3% min=¥0.60"], "redemption JADE→LOTUS ¥0 points=-1 before=¥0 left=1", "¥-0.60", "¥0"),
    # a reversal goes by the rule of its original's day
    (["redemption 3% from=2026-11-16"], "redemption JADE→LOTUS ¥-10.00 before=¥25.00", "¥-0.20", "¥0"),
]


@pytest.mark.parametrize(("proposed", "booked", "acceptor", "issuer"), PRICES)
def test_a_leg_is_priced_as_if_the_proposed_rules_had_been_added(
    proposed: list[str], booked: str, acceptor: str, issuer: str
) -> None:
    assert shares_under(rulebook(*proposed), leg(booked)) == (fen(acceptor), fen(issuer))


def test_a_proposed_rule_without_a_date_does_not_stand_in_for_a_dated_one_of_its_scope() -> None:
    in_force = ["redemption 1%", "redemption 2% from=2026-11-01"]
    undated = rulebook("redemption 3%", in_force=in_force)
    assert shares_under(undated, leg("redemption JADE→LOTUS ¥10.00 on=2026-11-15")) == (20, 0)
    assert shares_under(undated, leg("redemption JADE→LOTUS ¥10.00 on=2026-10-31")) == (30, 0)
    dated = rulebook("redemption 3% from=2026-11-01", in_force=in_force)
    assert shares_under(dated, leg("redemption JADE→LOTUS ¥10.00 on=2026-11-15")) == (30, 0)


def test_proposing_leaves_the_rulebook_as_it_is() -> None:
    agreed = alliance(*IDS, fees=IN_FORCE).rulebook
    proposed = with_proposed(agreed, [fee_rule(0, "redemption 3%", IDS)] * 2)
    assert [rule.id for rule in agreed.rules] == [1, 2, 3]
    assert len({rule.id for rule in proposed.rules}) == 5
    assert (proposed.version, proposed.settings) == (agreed.version, agreed.settings)


BOOKED = [
    leg("redemption JADE→LOTUS ¥25.00", "¥0.50 ¥0"),
    leg("redemption LOTUS→PINE ¥10.00", "¥0.20 ¥0"),
    leg("visit JADE→LOTUS ¥680.00", "¥6.80 ¥0"),
    leg("spend JADE→PINE ¥300.00", "¥1.80 ¥0"),
    leg("redemption JADE→LOTUS ¥-5.00 before=¥25.00", "¥-0.10 ¥0"),
    leg("load JADE→PINE ¥50.00"),
]


def lines(found: Simulation) -> dict[str, Compared]:
    codes = {id_: code for code, id_ in IDS.items()}
    return {f"{codes[payer]} {kind.label}": fees for (payer, kind), fees in found.lines.items()}


def test_what_each_pays_is_added_up_by_participant_and_kind() -> None:
    found = simulate(iter(BOOKED), rulebook("redemption 3% issuer=JADE payer=0.5"))
    # JADE's ¥25.00 less ¥5.00 at 3 %: 75 fen (38 and 37) less 15 (8 and 7).
    assert lines(found) == {
        "JADE redemption": Compared(0, 30),
        "LOTUS visit": Compared(680, 680),
        "LOTUS redemption": Compared(40, 30),
        "PINE redemption": Compared(20, 20),
        "PINE spend": Compared(180, 180),
    }
    assert (sum(found.legs.values()), found.changed) == (6, 2)
    assert {kind.label: count for kind, count in found.legs.items()} == {
        "visit": 1,
        "redemption": 3,
        "spend": 1,
        "load": 1,
    }
    assert (found.total, found.total.difference) == (Compared(920, 940), 20)
    assert [found.of_participant(id_) for id_ in (1, 2, 3)] == [
        Compared(0, 30),
        Compared(720, 710),
        Compared(200, 200),
    ]
    assert found.of_kind(ExchangeKind.REDEMPTION) == Compared(60, 80)
    assert found.of_kind(ExchangeKind.LOAD) == Compared(0, 0)


def test_a_fee_that_another_pays_has_changed_though_it_is_the_same() -> None:
    found = simulate(BOOKED[:1], rulebook("redemption 2% payer=issuer"))
    assert (found.changed, found.total) == (1, Compared(50, 50))
    assert lines(found) == {"JADE redemption": Compared(0, 50), "LOTUS redemption": Compared(50, 0)}


def test_nothing_booked_is_nothing_charged() -> None:
    found = simulate([], rulebook("visit 3%"))
    assert (found.total, found.changed, found.lines) == (Compared(0, 0), 0, {})
    assert list(found.legs.items()) == [(kind, 0) for kind in ExchangeKind]


# On whatever the ledger books.


@st.composite
def rules(draw: st.DrawFn) -> str:
    minimum = draw(st.none() | st.integers(0, 90))
    maximum = draw(st.none() | st.integers(minimum or 0, 120))
    words = [
        draw(st.sampled_from(["redemption", "redemption", "visit"])),
        draw(st.sampled_from(["0%", "0.6%", "2%", "33.3%"])),
        draw(st.sampled_from(["", "issuer=JADE", "issuer=PINE", "acceptor=LOTUS"])),
        "payer=" + draw(st.sampled_from(["acceptor", "issuer", "0.5", "0.3333"])),
        "flat=" + draw(st.sampled_from(["¥0", "¥0.33"])),
        "" if minimum is None else f"min=¥{minimum / 100:.2f}",
        "" if maximum is None else f"max=¥{maximum / 100:.2f}",
        draw(st.sampled_from(["", "from=2026-11-01", "from=2026-12-01"])),
    ]
    return " ".join(words)


class Act(NamedTuple):
    """Points redeemed, or fen of a bill, at LOTUS; and what of it is reversed, so many or (None) all."""

    visit: bool
    quantity: int
    reversed_: list[int | None]


class History(NamedTuple):
    """`point_value`: fen per point."""

    point_value: Decimal
    acts: list[Act]


quantities = st.integers(1, 400)
histories = st.builds(
    History,
    st.sampled_from(["1", "1", "0.3", "0.01"]).map(Decimal),
    st.lists(
        st.builds(Act, st.booleans(), quantities, st.lists(quantities | st.none(), max_size=3)), max_size=4
    ),
)
fees = st.lists(rules(), max_size=4)


def played(history: History, fees: list[str]) -> Books:
    """A ledger with these rules in which this has happened."""
    lots = {"Wang": ["JADE 700 pts never", "PINE 1000 pts never", "LOTUS 20 pts never"]}
    books = Books(alliance(*IDS, fees=fees, point_value=history.point_value), ["J-1 Wang JADE"], lots)
    for act in history.acts:
        bill = accrue(f"¥{act.quantity / 100}", "LOTUS-1", points=0)
        booking = books.book(bill if act.visit else redeem(act.quantity, "LOTUS-1"))
        for part in act.reversed_:
            back = f"¥{part / 100}" if act.visit and part is not None else part
            books.post(reverse(booking, back))  # refused where so much is not left
    return books


def exchanges(books: Books) -> list[ExchangeLeg]:
    zone = books.directory.rulebook.settings.time_zone
    left: dict[tuple[int, int, int], Part] = {}
    found = []
    for one in books.all_legs.values():
        if not one.cross_system:
            continue
        transaction = books.transactions[one.transaction_id]
        origin = transaction.original_id or transaction.id
        key = (origin, one.issuer_id, int(one.kind))
        before = left.get(key)
        found.append(
            ExchangeLeg(
                ExchangeKind(one.kind),
                one.issuer_id,
                one.acceptor_id,
                one.points,
                one.amount,
                one.acceptor_fee,
                one.issuer_fee,
                books.transactions[origin].booked_at.astimezone(zone).date(),
                before,
            )
        )
        was = before or Part(0, 0)
        left[key] = Part(was.points + one.points, was.amount + one.amount)
    return found


def proposed_to(books: Books, texts: list[str]) -> Rulebook:
    return with_proposed(books.directory.rulebook, [fee_rule(0, text, IDS) for text in texts])


some = settings(max_examples=examples(80), deadline=None, print_blob=True)


@some
@given(histories, fees)
def test_without_proposed_rules_the_simulation_is_what_was_charged(
    history: History, in_force: list[str]
) -> None:
    books = played(history, in_force)
    found = simulate(exchanges(books), proposed_to(books, []))
    assert found.changed == 0
    assert all(line.difference == 0 for line in found.lines.values())
    assert found.total.charged == sum(one.fee for one in books.all_legs.values())


@some
@given(histories, fees, fees)
def test_it_is_what_a_ledger_that_always_had_these_rules_has_charged(
    history: History, in_force: list[str], proposed: list[str]
) -> None:
    books = played(history, in_force)
    found = simulate(exchanges(books), proposed_to(books, proposed))
    as_if = played(history, in_force + proposed)
    assert {key: line.simulated for key, line in found.lines.items() if line.simulated} == charged(as_if)
    differing = [
        was
        for was, would_be in zip(books.all_legs.values(), as_if.all_legs.values(), strict=True)
        if (was.acceptor_fee, was.issuer_fee) != (would_be.acceptor_fee, would_be.issuer_fee)
    ]
    assert found.changed == len(differing)


def charged(books: Books) -> dict[tuple[int, ExchangeKind], int]:
    """What each pays for each kind, in fen, without those who pay nothing."""
    found: Counter[tuple[int, ExchangeKind]] = Counter()
    for one in books.all_legs.values():
        if one.cross_system:
            found[one.acceptor_id, ExchangeKind(one.kind)] += one.acceptor_fee
            found[one.issuer_id, ExchangeKind(one.kind)] += one.issuer_fee
    return {key: fee for key, fee in found.items() if fee}


@some
@given(histories, fees, fees)
def test_what_is_reversed_in_any_number_of_parts_gives_back_all_that_it_would_have_cost(
    history: History, in_force: list[str], proposed: list[str]
) -> None:
    undone = [act._replace(reversed_=[*act.reversed_, None]) for act in history.acts]
    books = played(history._replace(acts=undone), in_force)
    found = simulate(exchanges(books), proposed_to(books, proposed))
    assert all(line == Compared(0, 0) for line in found.lines.values())
