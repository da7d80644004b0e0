"""What the passing of time does: holds lapse, lots end; twice, late or together with others."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from api.setup import prepare
from clearing import upkeep
from clearing.core.commands import Command, Expiry, Lapse
from clearing.core.outcomes import Outcome
from clearing.one_by_one import NotAllDone
from clearing.upkeep import Ended, expire_lots, lapse_holds, pay_arrears
from clearing.verify import frozen, verify
from clearing.writer import Alongside, Writer
from settlement.jobs import EXPIRE
from support.alliance import settings_for
from support.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    with Writer(engine) as writer:
        yield writer


def lots(engine: Engine) -> list[tuple[int, int]]:
    """(available, held) of each lot, in the order of their last day."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT available, held FROM lots ORDER BY expires_on, id"))
        return [(row.available, row.held) for row in rows]


def end_all_lots(engine: Engine, day: str = "2026-11-01") -> None:
    """Put the last day of every lot back, as only time can."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE lots SET expires_on = :day"), {"day": day})


def adds_up(engine: Engine) -> None:
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_only_what_is_left_of_lots_that_ended_becomes_breakage(
    ledger: Ledger, writer: Writer, engine: Engine
) -> None:
    wang, li = ledger.enrol("JADE"), ledger.enrol("PINE")
    ledger.book(ledger.opens(wang, "JADE", 300, "2026-12-31"), ledger.opens(li, "LOTUS", 50, "2036-12-31"))
    ledger.book(ledger.opens(li, "JADE", 900))
    ledger.book(ledger.redeems(wang, "JADE", 100))
    with engine.begin() as connection:
        connection.execute(text("UPDATE lots SET expires_on = '2026-11-01' WHERE available = 200"))
    assert expire_lots(engine, writer) == Ended(1, 200, 0)
    assert lots(engine) == [(0, 0), (50, 0), (900, 0)]
    with engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind, quantity FROM entries WHERE kind = 16")).all()
    assert [tuple(row) for row in kinds] == [(16, 200)]
    assert expire_lots(engine, writer) == Ended()
    adds_up(engine)


def wallets(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT wallet_id FROM lots ORDER BY wallet_id")).scalars())


class Choosy(Writer):
    """A writer that fails whenever a certain wallet is among the commands."""

    wrong = -1

    def post(self, commands: Sequence[Command], alongside: Alongside | None = None) -> list[Outcome]:
        if any(isinstance(one, Lapse | Expiry) and one.wallet_id == self.wrong for one in commands):
            raise ArithmeticError("does not add up")
        return super().post(commands, alongside)


def test_one_lot_that_cannot_be_ended_does_not_hold_up_the_others(ledger: Ledger, engine: Engine) -> None:
    wang, li, zhao = (ledger.enrol("JADE") for _ in range(3))
    ledger.book(*(ledger.opens(one, "JADE", 300, "2036-12-31") for one in (wang, li, zhao)))
    end_all_lots(engine)
    writer = Choosy(engine)
    with writer:
        writer.wrong = wallets(engine)[1]
        with pytest.raises(NotAllDone, match=r"^lot_\w+: ArithmeticError: does not add up$") as told:
            expire_lots(engine, writer)
        assert told.value.counts == {"lots": 2, "points": 600, "value": 0}
        writer.wrong = -1
        assert expire_lots(engine, writer) == Ended(1, 300, 0)
    adds_up(engine)


def test_holds_that_cannot_be_released_do_not_hold_up_those_behind_them(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where they fill a portion."""
    monkeypatch.setattr(upkeep, "PORTION", 1)
    wang, li = ledger.enrol("JADE"), ledger.enrol("JADE")
    ledger.book(ledger.opens(wang, "JADE", 300, "2036-12-31"), ledger.opens(li, "JADE", 300, "2036-12-31"))
    ledger.holds(wang, "LOTUS", 100)
    ledger.holds(li, "LOTUS", 200)
    with engine.begin() as connection:
        connection.execute(text("UPDATE holds SET expires_at = now() - interval '1 s'"))
    writer = Choosy(engine)
    with writer:
        writer.wrong = wallets(engine)[0]
        with pytest.raises(NotAllDone, match=r"^hold_\w+: ArithmeticError"):
            lapse_holds(engine, writer)
        writer.wrong = -1
        assert lots(engine) == [(200, 100), (300, 0)]
        assert lapse_holds(engine, writer) == 1
    adds_up(engine)


def test_held_points_end_in_the_first_run_after_their_release(
    ledger: Ledger, writer: Writer, engine: Engine
) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.opens(wang, "JADE", 300, "2027-12-31"))
    hold = ledger.holds(wang, "LOTUS", 100)
    end_all_lots(engine)
    assert expire_lots(engine, writer) == Ended(1, 200, 0)
    assert lots(engine) == [(0, 100)]
    ledger.post(ledger.voids(hold))
    assert lots(engine) == [(100, 0)]
    assert expire_lots(engine, writer) == Ended(), "the same day's run is one act"
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM outcomes WHERE transaction_id IN (SELECT id FROM transactions"
                                " WHERE kind = 7)"))  # fmt: skip
    assert expire_lots(engine, writer) == Ended(1, 100, 0), "the next day's run has other keys"
    assert lots(engine) == [(0, 0)]


def test_more_than_a_portion_is_ended_in_one_run(
    ledger: Ledger, writer: Writer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearing.upkeep.PORTION", 3)
    for _ in range(7):
        ledger.book(ledger.opens(ledger.enrol("JADE"), "JADE", 10, "2027-12-31"))
    end_all_lots(engine)
    assert expire_lots(engine, writer) == Ended(7, 70, 0)
    adds_up(engine)


def test_holds_lapse_in_portions_and_only_those_that_are_due(
    ledger: Ledger, writer: Writer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearing.upkeep.PORTION", 2)
    wang = ledger.enrol("JADE")
    ledger.book(ledger.opens(wang, "JADE", 1_000, "2037-12-31"))
    due = [ledger.holds(wang, "LOTUS", 10) for _ in range(5)]
    ledger.holds(wang, "LOTUS", 500)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE holds SET expires_at = CASE WHEN id = ANY(:due) THEN now() - interval '1 s'"
                 " ELSE now() + interval '1 day' END"),
            {"due": [hold.id for hold in due]},
        )  # fmt: skip
    assert [lapse_holds(engine, writer), lapse_holds(engine, writer)] == [5, 0]
    assert lots(engine) == [(500, 500)]
    adds_up(engine)


def owed(engine: Engine) -> list[tuple[int, int, int]]:
    """(issuer, points owed, points to use) of each wallet that has ever owed something."""
    query = """SELECT a.issuer_id, a.points,
                      (SELECT coalesce(sum(available), 0) FROM lots l
                        WHERE l.wallet_id = a.wallet_id AND l.issuer_id = a.issuer_id AND asset = 1)
                 FROM arrears a ORDER BY a.wallet_id, a.issuer_id"""
    with engine.connect() as connection:
        return [(row[0], row[1], int(row[2])) for row in connection.execute(text(query))]


def leave_both(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, points: int, then: int = 0) -> str:
    """A wallet as an earlier version left it: its points do not pay what it owes.

    `then`: points whose use stands.
    """
    with monkeypatch.context() as earlier:
        earlier.setattr("clearing.core.arrears.settle", lambda *_: None)
        card = ledger.enrol("JADE")
        [earned] = ledger.book(ledger.pays_cash(card, "JADE", points * 100))
        [used] = ledger.book(ledger.redeems(card, "LOTUS", points))
        ledger.book(ledger.reverses(earned))
        ledger.book(ledger.reverses(used, points - then))
    return card


def differing(engine: Engine) -> set[str]:
    with frozen(engine) as connection:
        return {one.check for one in verify(connection)}


def test_a_wallet_that_an_earlier_version_left_with_both_pays_by_itself(
    ledger: Ledger, writer: Writer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_both(ledger, monkeypatch, 1_000)
    leave_both(ledger, monkeypatch, 500, then=200)
    assert owed(engine) == [(1, 1_000, 1_000), (1, 500, 300)]
    assert differing(engine) == {"arrears_paid"}
    assert pay_arrears(engine, writer) == 1_300
    assert owed(engine) == [(1, 0, 0), (1, 200, 0)]
    adds_up(engine)
    assert pay_arrears(engine, writer) == 0, "there is nothing left to pay"
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT kind, purpose, points, card_number FROM transactions WHERE posted_by = 'clock'"
                 " ORDER BY id")
        )  # fmt: skip
        assert [tuple(row) for row in rows] == [
            (9, "arrears", -1_000, None), (9, "arrears", 1_000, None),
            (9, "arrears", -300, None), (9, "arrears", 300, None),
        ]  # fmt: skip


def test_arrears_are_paid_in_portions_and_a_run_that_was_cut_off_goes_on(
    ledger: Ledger, writer: Writer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearing.upkeep.PORTION", 2)
    for _ in range(5):
        leave_both(ledger, monkeypatch, 10)
    portions = []
    post = writer.post

    def cut_off(commands: Sequence[Command]) -> list[Outcome]:
        portions.append(len(commands))
        if len(portions) == 2:
            raise ConnectionError
        return post(commands)

    monkeypatch.setattr(writer, "post", cut_off)
    with pytest.raises(ConnectionError):
        pay_arrears(engine, writer)
    assert [points for _, points, _ in owed(engine)] == [0, 0, 10, 10, 10]
    assert pay_arrears(engine, writer) == 30
    assert portions == [2, 2, 2, 1]
    adds_up(engine)


def test_what_is_owed_is_paid_before_the_points_end(
    ledger: Ledger, writer: Writer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_both(ledger, monkeypatch, 1_000)
    end_all_lots(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE periods SET opened_at = starts_at"))  # nobody is loading history
        at = connection.execute(text("SELECT now()")).scalar_one()
    counts = EXPIRE.work(engine, writer, at)
    assert counts == {"lots": 0, "points": 0, "value": 0, "arrears_paid": 1_000}
    assert owed(engine) == [(1, 0, 0)]
    adds_up(engine)


def test_a_database_that_is_brought_up_to_date_pays_what_is_owed_before_it_is_used(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leave_both(ledger, monkeypatch, 1_000)
    url = engine.url.render_as_string(hide_password=False)
    for _ in range(2):
        prepare(settings_for(url, tmp_path), url)
        assert owed(engine) == [(1, 0, 0)]
    adds_up(engine)
