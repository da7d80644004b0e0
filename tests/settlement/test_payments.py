"""Payments: partial, over- and underpaid, taken back; carried forward; on exactly one statement each."""

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text, update

from clearing.alliance import change_participant
from clearing.core.calendar import PeriodState
from clearing.one_by_one import NotAllDone
from clearing.tables import rulebooks
from clearing.verify import frozen
from settlement import overdue
from settlement.ageing import age, read_open_nets
from settlement.close import close_and_check
from settlement.core.balance import Ageing, Payment, PaymentDirection
from settlement.judging import NewPayment
from settlement.life import check_and_approve
from settlement.overdue import suspend_overdue
from settlement.payments import (
    Carried,
    Recorded,
    carry_forward,
    list_carried,
    list_payments,
    record_payment,
    reverse_payment,
)
from settlement.query import Settlement, StatementHeader, list_statements, read_settlement
from settlement.refusals import Refusal, Refused
from settlement.verify import verify
from support.ledger import Ledger, shanghai

NOVEMBER, DECEMBER = 202611, 202612
IN, OUT = PaymentDirection.IN, PaymentDirection.OUT
LONG_AGO = shanghai("2020-01-01 12:00")


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """The worked example, closed and approved: JADE owes 325.00, LOTUS is due 17.70, PINE 298.20."""
    with Ledger(engine) as ledger:
        ledger.worked_example()
        close(engine, NOVEMBER, "2026-12-01 00:10")
        assert isinstance(check_and_approve(engine, NOVEMBER, "bert"), Settlement)
        yield ledger


def close(engine: Engine, number: int, at: str) -> Settlement:
    done = close_and_check(engine, number, at=shanghai(at), closed_by="anna")
    assert isinstance(done, Settlement), done
    return done


def close_december(ledger: Ledger, engine: Engine) -> Settlement:
    ledger.now = shanghai("2026-12-05 10:00")
    ledger.book(ledger.spends("JADE-1001", "PINE", 1_000))
    return close(engine, DECEMBER, "2027-01-01 00:10")


class Bank:
    """Records payments of one alliance."""

    def __init__(self, ledger: Ledger, engine: Engine) -> None:
        self._engine = engine
        self.ids = ledger.participant_ids

    def pays(
        self,
        code: str,
        direction: PaymentDirection,
        amount: int,
        reference: str,
        number: int = NOVEMBER,
        *,
        confirmed: bool = False,
        **more: Any,
    ) -> Recorded | Refusal:
        with self._engine.begin() as connection:
            payment = NewPayment(self.ids[code], direction, amount, reference, **more)
            return record_payment(connection, number, payment, "carla", confirmed=confirmed)

    def paid(
        self, code: str, direction: PaymentDirection, amount: int, reference: str, *, confirmed: bool = False
    ) -> Recorded:
        done = self.pays(code, direction, amount, reference, confirmed=confirmed)
        assert isinstance(done, Recorded), done
        return done

    def takes_back(self, payment: Recorded) -> Recorded | Refusal:
        with self._engine.begin() as connection:
            return reverse_payment(connection, NOVEMBER, payment.row.id, "wrong one", "carla")

    def carries(self, code: str, number: int = NOVEMBER) -> Carried | Refusal:
        with self._engine.begin() as connection:
            return carry_forward(connection, number, self.ids[code], "agreed", "carla")

    def balance(self, code: str) -> tuple[int, Payment]:
        with self._engine.connect() as connection:
            settlement = read_settlement(connection, NOVEMBER)
        assert settlement is not None
        balance = settlement.balances[self.ids[code]]
        return balance.outstanding, balance.payment

    def state(self) -> PeriodState:
        with self._engine.connect() as connection:
            settlement = read_settlement(connection, NOVEMBER)
        assert settlement is not None
        return settlement.period.state


@pytest.fixture
def bank(ledger: Ledger, engine: Engine) -> Bank:
    return Bank(ledger, engine)


def statement(engine: Engine, code: str, number: int) -> StatementHeader:
    with engine.connect() as connection:
        return next(one for one in list_statements(connection, number) if one.participant_code == code)


def differences(engine: Engine) -> list[Any]:
    with frozen(engine) as connection:
        return list(verify(connection))


def test_partial_payments_add_up(bank: Bank, engine: Engine) -> None:
    assert bank.balance("JADE") == (-32_500, Payment.UNPAID)
    bank.paid("JADE", IN, 10_000, "a")
    assert bank.balance("JADE") == (-22_500, Payment.PARTLY_PAID)
    bank.paid("JADE", IN, 22_500, "b")
    assert bank.balance("JADE") == (0, Payment.PAID)
    bank.paid("JADE", IN, 100, "c")
    assert bank.balance("JADE") == (100, Payment.OVERPAID)
    bank.paid("JADE", OUT, 100, "d")  # sent back
    assert bank.balance("JADE") == (0, Payment.PAID)
    assert differences(engine) == []


def test_the_same_payment_again_is_answered_with_the_first(bank: Bank, engine: Engine) -> None:
    first = bank.paid("JADE", IN, 10_000, "a")
    again = bank.paid("JADE", IN, 10_000, "a")
    assert (again.replayed, again.row) == (True, first.row)
    with engine.connect() as connection:
        assert len(list_payments(connection, NOVEMBER)) == 1


def test_a_payment_recorded_by_hand_is_known_to_the_bank_statement_that_follows(
    bank: Bank, engine: Engine
) -> None:
    """Which knows the day only; that is no other payment."""
    first = bank.paid("JADE", IN, 10_000, "a")
    again = bank.pays("JADE", IN, 10_000, "a", paid_at=shanghai("2026-11-20 00:00"))
    assert isinstance(again, Recorded)
    assert (again.replayed, again.row) == (True, first.row)


@pytest.mark.parametrize(
    ("code", "direction", "amount"), [("JADE", IN, 10_001), ("LOTUS", IN, 10_000), ("JADE", OUT, 10_000)]
)
def test_a_bank_reference_stands_for_one_payment(
    bank: Bank, code: str, direction: PaymentDirection, amount: int
) -> None:
    bank.paid("JADE", IN, 10_000, "a")
    refused = bank.pays(code, direction, amount, "a")
    assert isinstance(refused, Refusal)
    assert refused.code is Refused.DUPLICATE_REFERENCE
    assert "'a' is on record as 10000 fen in on the net of JADE in 2026-11 (pay_" in refused.detail


def test_a_wrong_record_is_taken_back_and_its_reference_used_again(bank: Bank, engine: Engine) -> None:
    wrong = bank.paid("LOTUS", IN, 32_500, "a", confirmed=True)
    taken_back = bank.takes_back(wrong)
    assert isinstance(taken_back, Recorded)
    assert (taken_back.row.direction, taken_back.row.amount, taken_back.row.reverses) == (
        "out",
        32_500,
        wrong.row.id,
    )
    again = bank.takes_back(wrong)
    assert isinstance(again, Recorded)
    assert (again.replayed, again.row) == (True, taken_back.row)
    assert bank.balance("LOTUS") == (1_770, Payment.UNPAID)
    right = bank.paid("JADE", IN, 32_500, "a")
    assert (right.replayed, right.row.attempt) == (False, 1)
    refused = bank.takes_back(taken_back)
    assert isinstance(refused, Refusal)
    assert refused.code is Refused.NOT_REVERSIBLE
    assert differences(engine) == []


def test_a_payment_taken_back_makes_a_settled_period_an_approved_one(bank: Bank, engine: Engine) -> None:
    bank.paid("JADE", IN, 32_500, "a")
    bank.paid("LOTUS", OUT, 1_770, "b")
    last = bank.paid("PINE", OUT, 29_820, "c")
    assert bank.state() is PeriodState.SETTLED
    bank.takes_back(last)
    assert bank.state() is PeriodState.APPROVED
    bank.paid("PINE", OUT, 29_820, "c")
    assert bank.state() is PeriodState.SETTLED
    assert differences(engine) == []


def test_what_cannot_be_recorded_is_refused(ledger: Ledger, bank: Bank, engine: Engine) -> None:
    now = datetime.now(tz=LONG_AGO.tzinfo)
    with engine.begin() as connection:
        unknown = record_payment(connection, NOVEMBER, NewPayment(99, IN, 1, "a"), "carla")
        no_payment = reverse_payment(connection, NOVEMBER, 99, "x", "carla")
    close_december(ledger, engine)
    refusals = [
        (bank.pays("JADE", IN, 1, "a", paid_at=now + timedelta(hours=1)), Refused.OCCURRED_IN_FUTURE),
        (bank.pays("JADE", IN, 1, "a", 202701), Refused.NOT_FOUND),
        (unknown, Refused.NOT_FOUND),
        (no_payment, Refused.NOT_FOUND),
        (bank.pays("PINE", OUT, 1, "a", DECEMBER), Refused.PERIOD_NOT_APPROVED),
        (bank.carries("PINE", DECEMBER), Refused.PERIOD_NOT_APPROVED),
    ]
    for outcome, code in refusals:
        assert isinstance(outcome, Refusal)
        assert outcome.code is code
    with engine.connect() as connection:
        assert list_payments(connection, NOVEMBER) == []


def test_what_is_carried_forward_enters_the_next_net_once(ledger: Ledger, bank: Bank, engine: Engine) -> None:
    bank.paid("JADE", IN, 30_000, "a")
    first = bank.carries("JADE")
    assert isinstance(first, Carried)
    assert (first.amount, first.balance.outstanding, first.replayed) == (-2_500, 0, False)
    again = bank.carries("JADE")
    assert isinstance(again, Carried)
    assert (again.amount, again.replayed) == (-2_500, True)
    ledger.now = shanghai("2026-12-05 10:00")
    ledger.book(ledger.spends("JADE-1001", "PINE", 1_000))
    with engine.connect() as connection:
        open_ = read_settlement(connection, DECEMBER)
    december = close(engine, DECEMBER, "2027-01-01 00:10")
    assert open_ is not None
    assert open_.netting == december.netting
    lines = {december.codes[line.participant_id]: line for line in december.netting.lines}
    assert (lines["JADE"].carried_forward, lines["JADE"].net) == (-2_500, -3_500)
    assert lines["PINE"].carried_forward == 0
    # The hub has not got it in November, and gets it in December.
    assert december.netting.hub_net == 6 + 2_500
    assert december.zero_sum
    ledger.now = shanghai("2027-01-05 10:00")
    ledger.book(ledger.spends("JADE-1001", "PINE", 1_000))
    january = close(engine, 202701, "2027-02-01 00:10")
    assert all(line.carried_forward == 0 for line in january.netting.lines)
    with engine.connect() as connection:
        assert [row.amount for row in list_carried(connection, NOVEMBER)] == [-2_500]
    assert differences(engine) == []


def test_nothing_left_is_nothing_to_carry(bank: Bank) -> None:
    bank.paid("JADE", IN, 32_500, "a")
    refused = bank.carries("JADE")
    assert isinstance(refused, Refusal)
    assert refused.code is Refused.NOTHING_OUTSTANDING


def test_every_payment_stands_on_one_statement_and_the_account_goes_on(
    ledger: Ledger, bank: Bank, engine: Engine
) -> None:
    bank.paid("JADE", IN, 30_000, "a")
    before = statement(engine, "JADE", NOVEMBER)
    close_december(ledger, engine)
    bank.paid("JADE", IN, 2_500, "b")
    assert statement(engine, "JADE", NOVEMBER) == before
    december = statement(engine, "JADE", DECEMBER)
    assert (december.opening_balance, december.payments, december.net) == (-32_500, 30_000, -1_000)
    assert december.closing_balance == -3_500
    ledger.now = shanghai("2027-01-05 10:00")
    ledger.book(ledger.spends("JADE-1001", "PINE", 1_000))
    close(engine, 202701, "2027-02-01 00:10")
    january = statement(engine, "JADE", 202701)
    assert (january.opening_balance, january.payments, january.closing_balance) == (-3_500, 2_500, -2_000)
    assert differences(engine) == []


def test_payments_recorded_while_a_period_closes_stand_on_one_statement_each(
    ledger: Ledger, bank: Bank, engine: Engine
) -> None:
    ledger.now = shanghai("2026-12-05 10:00")
    ledger.book(ledger.spends("JADE-1001", "PINE", 1_000))
    together = threading.Barrier(3)

    def pay(first: int) -> None:
        together.wait(30)
        for number in range(first, first + 8):
            bank.paid("JADE", IN, 10 + number, f"bank {number}")

    threads = [threading.Thread(target=pay, args=(first,)) for first in (0, 100)]
    for thread in threads:
        thread.start()
    together.wait(30)
    close(engine, DECEMBER, "2027-01-01 00:10")
    for thread in threads:
        thread.join(60)
    close(engine, 202701, "2027-02-01 00:10")
    stated = [statement(engine, "JADE", number).payments for number in (NOVEMBER, DECEMBER, 202701)]
    assert sum(stated) == sum(10 + number for number in (*range(8), *range(100, 108)))
    assert differences(engine) == []


def test_the_participant_is_told_of_payments(bank: Bank, engine: Engine) -> None:
    bank.paid("JADE", IN, 30_000, "a")
    with engine.connect() as connection:
        query = text("SELECT participant_id, data FROM events WHERE type = 'payment.recorded'")
        [row] = connection.execute(query).all()
    assert row.participant_id == bank.ids["JADE"]
    shown = {name: row.data[name] for name in ("period", "direction", "amount", "outstanding")}
    assert shown == {"period": "2026-11", "direction": "in", "amount": 30_000, "outstanding": -2_500}


# ---- overdue -------------------------------------------------------------------------------------


def test_what_is_left_ages_by_direction(ledger: Ledger, bank: Bank, engine: Engine) -> None:
    bank.paid("JADE", IN, 32_000, "a")
    close_december(ledger, engine)
    with engine.connect() as connection:
        nets = read_open_nets(connection)
        of_jade = read_open_nets(connection, bank.ids["JADE"])
    assert [(one.period, one.outstanding) for one in of_jade] == [(NOVEMBER, -500), (DECEMBER, -1_000)]
    assert of_jade == [one for one in nets if one.participant_id == bank.ids["JADE"]]
    # Due on 11 December and 11 January.
    aged = {(one.participant_id, one.direction): one.ageing for one in age(nets, date(2027, 1, 11))}
    assert aged[bank.ids["JADE"], IN] == Ageing(current=1_000, days_31_60=500)
    assert aged[bank.ids["PINE"], OUT] == Ageing(current=994, days_31_60=29_820)
    assert (bank.ids["JADE"], OUT) not in aged


def test_a_debtor_is_suspended_only_by_a_rule_and_once_for_each_net(
    ledger: Ledger, bank: Bank, engine: Engine
) -> None:
    """JADE's net was due on 11 December."""

    def suspended() -> list[str]:
        query = text("SELECT code FROM participants WHERE status = 'suspended' ORDER BY code")
        with engine.connect() as connection:
            return list(connection.execute(query).scalars())

    assert suspend_overdue(engine, shanghai("2028-01-01 12:00")) == 0
    with engine.begin() as connection:
        connection.execute(update(rulebooks).values(suspend_overdue_days=5))
    assert suspend_overdue(engine, shanghai("2026-12-16 23:59")) == 0
    assert suspend_overdue(engine, shanghai("2026-12-17 00:00")) == 1
    assert suspended() == ["JADE"]
    with engine.begin() as connection:
        query = text("SELECT data FROM events WHERE type = 'participant.suspended'")
        [row] = connection.execute(query).all()
        assert row.data == {"period": "2026-11", "due_on": "2026-12-11", "outstanding": -32_500}
        # Let in again: agreed by hand, so the rule leaves it alone.
        connection.execute(text("UPDATE participants SET status = 'active'"))
    assert suspend_overdue(engine, shanghai("2026-12-18 00:00")) == 0
    assert suspended() == []


def test_a_debtor_who_cannot_be_suspended_does_not_keep_the_others_from_it(
    ledger: Ledger, bank: Bank, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ledger.participant_ids
    with engine.begin() as connection:
        connection.execute(update(rulebooks).values(suspend_overdue_days=5))
        first = read_open_nets(connection)[0]._replace(outstanding=-1)
    nets = [first._replace(participant_id=ids[code]) for code in ("JADE", "PINE")]
    monkeypatch.setattr(overdue, "read_open_nets", lambda _: nets)

    def failing(connection: Connection, code: str, values: dict[str, str]) -> None:
        if code == "JADE":
            raise ArithmeticError("does not add up")
        change_participant(connection, code, values)

    monkeypatch.setattr(overdue, "change_participant", failing)
    with pytest.raises(NotAllDone, match=r"^JADE, 2026-11: ArithmeticError: ") as told:
        suspend_overdue(engine, shanghai("2026-12-17 00:00"))
    assert told.value.counts == {"suspended": 1}
    with engine.connect() as connection:
        told_of = connection.execute(
            text("SELECT participant_id FROM events WHERE type = 'participant.suspended'")
        )
        assert list(told_of.scalars()) == [ids["PINE"]], "who was not suspended was not told of it"


@pytest.mark.parametrize("how", ["paid", "carried", "not approved"])
def test_who_owes_nothing_that_was_asked_for_is_not_suspended(
    ledger: Ledger, bank: Bank, engine: Engine, how: str
) -> None:
    with engine.begin() as connection:
        connection.execute(update(rulebooks).values(suspend_overdue_days=5))
        if how == "not approved":
            connection.execute(text("UPDATE periods SET state = 'closed' WHERE number = 202611"))
    if how == "paid":
        bank.paid("JADE", IN, 32_500, "a")
    if how == "carried":
        bank.carries("JADE")
    assert suspend_overdue(engine, shanghai("2028-01-01 12:00")) == 0


@pytest.mark.parametrize(("owed_by_hub", "suspended"), [(100_000, 0), (32_500, 0), (32_499, 1)])
def test_who_owes_nothing_on_balance_is_not_suspended(
    ledger: Ledger, bank: Bank, engine: Engine, owed_by_hub: int, suspended: int
) -> None:
    """JADE owes 325.00 of November; of December the hub owes JADE something, which is not even due."""
    close_december(ledger, engine)
    with engine.begin() as connection:
        connection.execute(update(rulebooks).values(suspend_overdue_days=5))
        connection.execute(
            text(
                "UPDATE settlement_nets SET net = :net, receivable = :net, payable = 0, fees = 0,"
                " adjustments = 0, rebates = 0, carried_forward = 0"
                " WHERE period = 202612 AND participant_id = :who"
            ),
            {"net": owed_by_hub, "who": bank.ids["JADE"]},
        )
    assert suspend_overdue(engine, shanghai("2027-01-05 12:00")) == suspended
    # When the hub has paid, the old debt is all that is left; it was not told of before.
    with engine.begin() as connection:
        payment = NewPayment(bank.ids["JADE"], OUT, owed_by_hub, "paid out")
        connection.execute(text("UPDATE settlements SET approved_at = now(), approved_by = 'bert'"))
        assert isinstance(record_payment(connection, DECEMBER, payment, "carla"), Recorded)
    assert suspend_overdue(engine, shanghai("2027-01-06 12:00")) == 1 - suspended


TAMPERING = [
    (
        "UPDATE payments SET amount = amount + 1 WHERE bank_reference = 'a'",
        {"stated_payments"},
    ),
    ("UPDATE settlement_nets SET payments = payments + 1 WHERE period = 202612", {"stated_payments"}),
    ("UPDATE settlement_nets SET opening_balance = 1 WHERE period = 202612", {"opening_balances"}),
    ("UPDATE settlements SET last_payment = 0 WHERE period = 202612", {"stated_payments"}),
    (
        "UPDATE carry_forwards SET amount = amount + 1",
        {"carried_forward", "zero_sum"},
    ),
    ("UPDATE payments SET amount = amount + 1 WHERE reverses IS NOT NULL", {"reversed_payments"}),
    ("UPDATE payments SET direction = 'out' WHERE reverses IS NOT NULL", {"reversed_payments"}),
    ("UPDATE periods SET state = 'settled' WHERE number = 202611", {"states"}),
    ("UPDATE periods SET state = 'closed' WHERE number = 202611", {"states"}),
    ("UPDATE settlements SET settled_at = now() WHERE period = 202611", {"states"}),
]


@pytest.mark.parametrize(("statement", "found_by"), TAMPERING)
def test_tampering_is_found(
    ledger: Ledger, bank: Bank, engine: Engine, statement: str, found_by: set[str]
) -> None:
    bank.paid("JADE", IN, 30_000, "a")
    bank.carries("JADE")
    close_december(ledger, engine)
    bank.takes_back(bank.paid("LOTUS", OUT, 1, "b"))
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0
    found = {difference.check for difference in differences(engine)}
    assert found_by <= found
    assert found <= found_by | {"stated_payments", "opening_balances", "states"}
