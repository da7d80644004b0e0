"""Events are read in an order that leaves none out, whoever commits when."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, insert, select

from clearing import ids
from clearing.core.events import EventType
from clearing.events import Told, forget_events, list_events, list_events_after, number_new, tell
from clearing.tables import events

NOW = datetime(2026, 11, 22, tzinfo=UTC)
JADE = 1


def write(connection: Connection, id_: int, at: datetime = NOW) -> None:
    connection.execute(
        insert(events).values(
            id=id_, type=EventType.PERIOD_CLOSED, participant_id=JADE, made_at=at, data={"id": id_}
        )
    )


def number(engine: Engine, most: int = 100) -> None:
    with engine.begin() as connection:
        number_new(connection, most)


def read(engine: Engine, after: int = 0, limit: int = 100) -> list[tuple[int, int]]:
    """(id, number) of what comes after that number."""
    with engine.connect() as connection:
        return [(row.id, row.number) for row in list_events_after(connection, JADE, None, after, limit)]


def test_an_event_that_commits_after_one_with_a_greater_id_is_not_left_out(engine: Engine) -> None:
    with engine.begin() as slow:
        write(slow, 1)
        with engine.begin() as quick:
            write(quick, 2)
        number(engine)
        seen = read(engine)
        assert seen == [(2, 1)]
    number(engine)
    assert read(engine, after=seen[-1][1]) == [(1, 2)]


def test_a_transaction_that_takes_its_time_does_not_hold_up_what_others_are_told(engine: Engine) -> None:
    with engine.begin() as slow:
        write(slow, 1)
        for id_ in (2, 3):
            with engine.begin() as quick:
                write(quick, id_)
            number(engine)
        assert [id_ for id_, _ in read(engine)] == [2, 3]


def test_what_is_not_numbered_yet_is_not_read_in_order(engine: Engine) -> None:
    with engine.begin() as connection:
        write(connection, 1)
    assert read(engine) == []
    with engine.connect() as connection:
        assert [row.id for row in list_events(connection, JADE, None, None, 10)] == [1]


def test_numbers_are_given_once_whoever_gives_them(engine: Engine) -> None:
    with engine.begin() as connection:
        for id_ in range(1, 201):
            write(connection, id_)

    def number_some() -> None:
        for _ in range(8):
            number(engine, 7)

    threads = [threading.Thread(target=number_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(engine, limit=500) == [(id_, id_) for id_ in range(1, 201)]


def test_a_reader_who_goes_on_from_its_place_sees_each_once(engine: Engine) -> None:
    """While four tellers commit out of turn, another numbers and another reads."""
    done = threading.Event()
    per_teller, tellers = 40, 4

    def write_some(teller: int) -> None:
        for one in range(per_teller):
            with engine.begin() as connection:
                write(connection, 1 + one * tellers + teller)

    def number_always() -> None:
        while not done.is_set():
            number(engine, 5)
        number(engine, 1000)

    writers = [threading.Thread(target=write_some, args=[teller]) for teller in range(tellers)]
    numberer = threading.Thread(target=number_always)
    for thread in [numberer, *writers]:
        thread.start()
    seen: list[tuple[int, int]] = []
    while len(seen) < per_teller * tellers:
        seen += read(engine, after=seen[-1][1] if seen else 0, limit=3)
        if not any(writer.is_alive() for writer in writers):
            done.set()
    numberer.join()
    assert sorted(id_ for id_, _ in seen) == list(range(1, per_teller * tellers + 1))
    assert [number for _, number in seen] == list(range(1, per_teller * tellers + 1))


def test_what_may_be_told_once_is_told_once(engine: Engine) -> None:
    told = [Told(EventType.CAP_WARNING, JADE, {"line": 70}, once="a"), Told(EventType.CAP_WARNING, JADE, {})]
    with engine.begin() as connection:
        assert [tell(connection, told, NOW), tell(connection, told, NOW), tell(connection, [])] == [2, 1, 0]
        assert len(connection.execute(select(events.c.id)).all()) == 3


def test_old_events_are_forgotten_but_not_the_place_of_the_last(engine: Engine) -> None:
    with engine.begin() as connection:
        for day in range(4):
            write(connection, ids.first_id_at(NOW + timedelta(days=day)))
        number_new(connection, 10)
        write(connection, ids.first_id_at(NOW) + 1)  # committed, and not numbered yet
        assert forget_events(connection, NOW + timedelta(days=2), 1) == 1
        assert forget_events(connection, NOW + timedelta(days=2), 10) == 1
    assert [number for _, number in read(engine)] == [3, 4]
    with engine.begin() as connection:
        assert forget_events(connection, NOW + timedelta(days=9), 10) == 1
        assert number_new(connection, 10) == (5, 5)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_meet_without_gap_or_overlap(engine: Engine, limit: int) -> None:
    with engine.begin() as connection:
        for id_ in range(1, 8):
            write(connection, id_)
    number(engine)
    seen: list[int] = []
    while page := read(engine, len(seen), limit):
        seen += [id_ for id_, _ in page]
    assert seen == list(range(1, 8))
