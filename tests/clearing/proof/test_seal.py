"""Sealing: every transaction once, none left out, whatever happens, and the tree is that of RFC 6962."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from clearing import locks
from clearing.core.leaf import FORMS, LEG
from clearing.proof import seal as sealing
from clearing.proof.heads import list_heads, read_head, read_head_of_period
from clearing.proof.keys import SealingKeys, is_signed, with_new_sealing_key
from clearing.proof.seal import seal, seal_period
from clearing.proof.tree import Tree
from clearing.tables import JOURNAL
from clearing.writer import Writer
from support import rfc6962
from support.ledger import Ledger
from support.sealing import KEYS, KEYS_TEXT, keys, leaf_data, seal_all

COUNTS = """
SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM tree_leaves),
       (SELECT count(*) FROM (SELECT DISTINCT wallet_id, transaction_id FROM tree_leaves) AS one),
       (SELECT count(*) FROM unsealed)
"""


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """One of everything that makes rows of the journal."""
    with Ledger(engine) as ledger:
        wang = ledger.worked_example()
        ledger.book(ledger.loads(wang, "PINE", 20_000, issuer="JADE"))
        ledger.book(ledger.pays_cash(wang, "PINE", 1_000, occurred="2026-10-30 12:00"))
        yield ledger


def counts(engine: Engine) -> tuple[int, ...]:
    with engine.connect() as connection:
        return tuple(connection.execute(text(COUNTS)).one())


def test_a_leaf_holds_every_column_of_the_journal_once(engine: Engine) -> None:
    covered = [(form.table, *column) for form in FORMS for column in form.columns]
    query = text(
        "SELECT c.relname, a.attname, t.typname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_type t ON t.oid = a.atttypid WHERE c.relname = ANY(:tables) AND a.attnum > 0"
    )
    with engine.connect() as connection:
        columns = [tuple(row) for row in connection.execute(query, {"tables": [one.name for one in JOURNAL]})]
    assert sorted(covered) == sorted(columns)


def test_everything_posted_is_sealed_and_the_head_is_that_of_the_rfc(ledger: Ledger, engine: Engine) -> None:
    metadata = {"b": 'quote " and \\ and tab\t', "aa": "中文", "a": "\x1f"}
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE transactions SET metadata = CAST(:m AS jsonb), purpose = '早餐' WHERE kind = 2"),
            {"m": json.dumps(metadata)},
        )
    posted = counts(engine)[0]
    assert seal_all(engine) == posted
    assert counts(engine) == (posted, posted, posted, 0)
    with engine.connect() as connection:
        data = leaf_data(connection)
        hashes = [bytes(one) for one in connection.execute(_HASHES).scalars()]
        head = read_head(connection)
    assert head is not None
    assert hashes == [rfc6962.tree_hash([one]) for one in data]
    assert (head.size, head.root) == (posted, rfc6962.tree_hash(data))
    assert is_signed(KEYS.public_keys[1], head.signature, head.signed)
    assert head.signed[:2] == b"\0\1"
    assert len(head.signed) == 50


_HASHES = text("SELECT hash FROM tree_leaves ORDER BY number")


def test_sealing_again_does_nothing(ledger: Ledger, engine: Engine) -> None:
    assert seal_all(engine) > 0
    with engine.connect() as connection:
        heads = list_heads(connection, None, 100)
    assert seal_all(engine) == 0
    with engine.connect() as connection:
        assert list_heads(connection, None, 100) == heads


def test_refusals_and_holds_leave_nothing_to_seal(ledger: Ledger, engine: Engine) -> None:
    seal_all(engine)
    ledger.post(ledger.redeems("JADE-1001", "PINE", 1_000_000))
    ledger.holds("JADE-1001", "PINE", 100)
    assert counts(engine)[3] == 0


def test_in_portions_it_is_the_same_tree(engine: Engine) -> None:
    with Ledger(engine) as ledger:
        card = ledger.enrol("JADE")
        for _ in range(30):
            ledger.book(*(ledger.pays_cash(card, "JADE", 1_000) for _ in range(20)))
    assert seal(engine, keys, batches=7) == 600
    with engine.connect() as connection:
        heads = list_heads(connection, None, 100)
        assert [head.size for head in heads] == [600, 560, 420, 280, 140]
        data = leaf_data(connection)
        tree = Tree(connection)
        assert [head.root for head in heads] == [rfc6962.tree_hash(data[: head.size]) for head in heads]
        for number in (0, 1, 255, 256, 511, 512, 599):
            assert tree.inclusion(number, 600) == rfc6962.path(number, data)
        for first, second in ((1, 600), (256, 560), (140, 420), (420, 600), (512, 600)):
            assert tree.consistency(first, second) == rfc6962.proof(first, data[:second])


def test_what_commits_late_is_sealed_late_and_not_passed_over(ledger: Ledger, engine: Engine) -> None:
    seal_all(engine)
    before = counts(engine)[1]
    card = ledger.enrol("LOTUS")
    began, go_on = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        began.set()
        assert go_on.wait(20)

    def post_slowly() -> None:
        with Writer(engine, fixed_time=lambda: ledger.now) as writer:
            writer.post([ledger.pays_cash(card, "LOTUS", 500)], wait)

    slow = threading.Thread(target=post_slowly)
    slow.start()
    assert began.wait(20)
    # Decided before, committed after what comes now.
    ledger.book(ledger.pays_cash("JADE-1001", "PINE", 1_000))
    assert seal_all(engine) == 1
    go_on.set()
    slow.join()
    assert seal_all(engine) == 1
    assert counts(engine)[1] == before + 2


def test_two_who_seal_at_once_seal_everything_once(engine: Engine) -> None:
    with Ledger(engine) as ledger:
        card = ledger.enrol("JADE")
        for _ in range(60):
            ledger.book(*(ledger.pays_cash(card, "JADE", 1_000) for _ in range(5)))
    done: list[int] = []
    sealers = [threading.Thread(target=lambda: done.append(seal(engine, keys, batches=2))) for _ in range(3)]
    for one in sealers:
        one.start()
    for one in sealers:
        one.join()
    seal_all(engine)
    assert counts(engine) == (300, 300, 300, 0)
    with engine.connect() as connection:
        head, data = read_head(connection), leaf_data(connection)
    assert head is not None
    assert head.root == rfc6962.tree_hash(data)


@pytest.mark.parametrize("step", ["sign_head", "_put_back", "_take"])
def test_cut_off_anywhere_it_goes_on_from_where_it_was(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    whole = getattr(sealing, step)

    def cut_off(*arguments: object) -> None:
        whole(*arguments)
        raise ConnectionAbortedError

    posted = counts(engine)
    monkeypatch.setattr(sealing, step, cut_off)
    with pytest.raises(ConnectionAbortedError):
        seal_all(engine)
    assert counts(engine) == posted
    monkeypatch.setattr(sealing, step, whole)
    assert seal_all(engine) == posted[0]


def test_a_server_that_dies_while_sealing_loses_nothing(ledger: Ledger, engine: Engine) -> None:
    """The session is ended by force while it waits for its turn, after it has begun."""
    posted = counts(engine)[0]
    with engine.connect() as other, other.begin():
        locks.hold_exclusively(other, locks.TREE)
        failed = threading.Thread(target=_seal_and_fail, args=[engine])
        failed.start()
        kill = text(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND NOT granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        give_up_at = time.monotonic() + 20
        while not other.execute(kill).all():
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
        failed.join()
    assert seal_all(engine) == posted


def _seal_and_fail(engine: Engine) -> None:
    with pytest.raises(DBAPIError):
        seal_all(engine)


def test_a_transaction_that_was_taken_away_goes_on_waiting(ledger: Ledger, engine: Engine) -> None:
    posted = counts(engine)[0]
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM transactions WHERE kind = 3"))
    assert seal_all(engine) == posted - 1
    assert seal_all(engine) == 0
    with engine.connect() as connection:
        assert (
            connection.execute(text("SELECT sum(cardinality(transaction_ids)) FROM unsealed")).scalar() == 1
        )


def test_a_closed_period_has_the_first_head_over_all_of_it(ledger: Ledger, engine: Engine) -> None:
    seal_all(engine)
    size = counts(engine)[1]
    with engine.connect() as connection:
        assert read_head_of_period(connection, 202611) is None
    assert not seal_period(engine, keys, 202611)
    ledger.book(ledger.pays_cash("JADE-1001", "PINE", 1_000))
    with engine.begin() as connection:
        connection.execute(text("UPDATE periods SET state = 'closed'"))
    assert seal_period(engine, keys, 202611)
    with engine.connect() as connection:
        head = read_head_of_period(connection, 202611)
    assert head is not None
    assert head.size == size + 1
    assert seal_period(engine, keys, 202611)


def test_an_alliance_without_a_transaction_has_the_empty_tree(engine: Engine) -> None:
    assert seal_all(engine) == 0
    with Ledger(engine), engine.begin() as connection:
        assert read_head(connection) is None
        connection.execute(text("INSERT INTO periods VALUES (202611, '2026-11-01', '2026-12-01', 'closed')"))
    assert seal_period(engine, keys, 202611)
    with engine.connect() as connection:
        head = read_head_of_period(connection, 202611)
    assert head is not None
    assert (head.size, head.root) == (0, rfc6962.tree_hash([]))


def test_a_new_key_signs_from_then_on(ledger: Ledger, engine: Engine) -> None:
    seal_all(engine)
    ledger.book(ledger.pays_cash("JADE-1001", "PINE", 1_000))
    renewed = SealingKeys.from_text(with_new_sealing_key(KEYS_TEXT)[0])
    seal(engine, lambda: renewed)
    with engine.connect() as connection:
        newest, first = list_heads(connection, None, 2)
    assert (first.key_id, newest.key_id) == (1, 2)
    assert is_signed(renewed.public_keys[1], first.signature, first.signed)
    assert is_signed(renewed.public_keys[2], newest.signature, newest.signed)
    assert not is_signed(renewed.public_keys[1], newest.signature, newest.signed)


def test_the_form_of_a_leg_is_what_was_sealed_under_its_name() -> None:
    """Forms are for ever: whoever changes one makes every leaf that was sealed with it unreadable."""
    assert [column.name for column in LEG.columns][:3] == ["period", "wallet_id", "transaction_id"]
    assert [(form.name, len(form.columns)) for form in FORMS] == [
        ("tongdui.transaction.1", 14),
        ("tongdui.private.1", 6),
        ("tongdui.leg.1", 14),
        ("tongdui.entry.1", 8),
    ]
