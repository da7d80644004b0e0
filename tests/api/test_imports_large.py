"""Large files: in constant memory, visible while they run, finished exactly once however often cut off."""

import threading
import tracemalloc
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from api.imports import runner as runner_module
from api.imports import store
from api.imports.former import line_reached
from api.imports.receive import receive
from api.imports.runner import ImportRunner
from clearing.core.commands import Caller, Scope
from clearing.linking import Linker
from clearing.members import Enroller
from clearing.tables import import_refusals, imports, transactions
from clearing.verify import frozen
from clearing.writer import Writer
from settlement.verify import verify
from support.alliance import CHEN, LI, WANG, Alliance
from support.api import good

ROWS = 20_000
OPERATOR = Caller("tests", Scope.OPERATOR)
references = count(1)


def rows(number: int, refused_every: int = 0) -> Iterator[bytes]:
    """A file of accruals in pieces; every so manieth row names no merchant."""
    yield b"card,merchant,amount,reference\n"
    for index in range(number):
        merchant = "NOWHERE" if refused_every and index % refused_every == 0 else "PINE-1"
        card = (WANG, LI, CHEN)[index % 3]
        yield f"{card},{merchant},{100 + index % 50},L-{next(references)}\n".encode()


def received(alliance: Alliance, content: Iterator[bytes]) -> int:
    return receive(
        alliance.services.engine,
        alliance.services.files,
        content,
        kind="accruals",
        historical=False,
        owner="hub",
        caller=OPERATOR,
        media_type="text/csv",
        bytes_max=1 << 30,
    )


def new_runner(alliance: Alliance) -> ImportRunner:
    """As another process would have."""
    services = alliance.services
    return ImportRunner(
        services.engine,
        services.files,
        lambda: Writer(services.engine),
        lambda: Enroller(Writer(services.engine), services.personal_data),
        lambda: Linker(services.engine, Writer(services.engine)),
    )


def posted(alliance: Alliance) -> int:
    with alliance.services.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(transactions)).scalar_one()


def read(alliance: Alliance, import_id: int) -> store.Import:
    with alliance.services.engine.connect() as connection:
        found = store.read(connection, import_id)
    assert found is not None
    return found


def peak_bytes(alliance: Alliance, number: int) -> int:
    import_id = received(alliance, rows(number, refused_every=10))
    tracemalloc.start()
    try:
        finished = new_runner(alliance).run(import_id)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert finished is not None
    assert (finished.rows, finished.refused) == (number, number // 10)
    return peak


def test_memory_does_not_grow_with_the_file(shared: Alliance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "BATCH_ROWS", 200)
    small, large = peak_bytes(shared, 600), peak_bytes(shared, 2_400)
    assert large < 1.3 * small


def test_how_far_it_is_can_be_seen_while_it_runs(shared: Alliance) -> None:
    before = posted(shared)
    seen: list[store.Import] = []
    import_id = received(shared, rows(ROWS))
    finished = new_runner(shared).run(import_id, seen.append)
    assert finished is not None
    assert (finished.status, finished.accepted, posted(shared) - before) == ("done", ROWS, ROWS)
    assert [one.rows for one in seen] == list(range(1000, ROWS + 1, 1000))
    assert all(one.status == "running" for one in seen)
    far = [one.read_bytes for one in seen]
    assert far == sorted(far)
    assert 0 < far[0] < far[-1] <= finished.upload.size_bytes


def test_the_api_shows_progress_of_a_running_import(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, go_on = threading.Event(), threading.Event()
    real = store.advance

    def advance(*arguments: Any) -> None:
        if paused.is_set():
            assert go_on.wait(20)
        real(*arguments)
        paused.set()

    monkeypatch.setattr(runner_module, "BATCH_ROWS", 10)
    monkeypatch.setattr(store, "advance", advance)
    started = good(shared.operator.send_file("/v1/imports?kind=accruals", b"".join(rows(30))))
    assert paused.wait(20)
    path = f"/v1/imports/{started['id']}"
    running = good(shared.operator.get(path))
    assert (running["status"], running["ended_at"]) == ("running", None)
    assert running["rows"] in (0, 10)
    go_on.set()
    while good(shared.operator.get(path))["status"] == "running":
        pass
    assert good(shared.operator.get(path))["accepted"] == 30


class Killed(BaseException):
    """The process ends here."""


def test_an_import_that_was_cut_off_goes_on_where_it_stopped_exactly_once(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "BATCH_ROWS", 100)
    before = posted(shared)
    import_id = received(shared, rows(1000, refused_every=7))
    for stop_after in (1, 3, 2):
        batches = count(1)

        def kill(_: store.Import, batches: "count[int]" = batches, stop_after: int = stop_after) -> None:
            if next(batches) == stop_after:
                raise Killed

        with pytest.raises(Killed):
            new_runner(shared).run(import_id, kill)
        assert read(shared, import_id).status == "running"
    assert read(shared, import_id).rows == 600
    with shared.services.engine.connect() as connection:
        assert store.unfinished(connection) == [import_id]
    finished = new_runner(shared).run(import_id)
    assert finished is not None
    assert (finished.status, finished.rows, finished.refused, finished.replayed) == ("done", 1000, 143, 0)
    assert finished.accepted == posted(shared) - before == 857
    with shared.services.engine.connect() as connection:
        listed = select(import_refusals.c.row).where(import_refusals.c.import_id == import_id)
        assert len(connection.execute(listed).all()) == 143


def as_an_earlier_version_left_it(alliance: Alliance, import_id: int, *, rows: int, refused: int) -> None:
    with alliance.services.engine.begin() as connection:
        counted = update(imports).where(imports.c.id == import_id)
        connection.execute(counted.values(rows=rows, refused=refused, last_line=None))


def test_an_import_that_ran_during_the_upgrade_goes_on_behind_the_rows_that_were_counted_then(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the earlier version rows of nothing but commas were rows, and were refused."""
    monkeypatch.setattr(runner_module, "BATCH_ROWS", 5)
    before = posted(shared)
    header, *lines = b"".join(rows(14)).splitlines()
    lines.insert(3, b",,,")
    lines.insert(9, b",,,")
    import_id = received(shared, iter([b"\n".join([header, *lines])]))

    def kill(_: store.Import) -> None:
        raise Killed

    with pytest.raises(Killed):
        new_runner(shared).run(import_id, kill)
    assert (read(shared, import_id).rows, read(shared, import_id).last_line) == (5, 7)
    as_an_earlier_version_left_it(shared, import_id, rows=6, refused=1)
    finished = new_runner(shared).run(import_id)
    assert finished is not None
    assert (finished.status, finished.rows, finished.accepted) == ("done", 15, 14)
    assert (finished.replayed, finished.refused) == (0, 1)
    assert posted(shared) - before == 14
    with frozen(shared.services.engine) as connection:
        assert list(verify(connection)) == []


def test_a_cell_of_many_lines_that_was_a_row_then_is_behind_it_too(shared: Alliance) -> None:
    """Now each of its lines would be a row; those that come after it are the first that are not done."""
    before = posted(shared)
    header, *lines = b"".join(rows(6)).splitlines()
    lines.insert(3, lines[0] + b',"%b"' % (b"\nx" * 60))
    import_id = received(shared, iter([b"\n".join([header, *lines])]))
    as_an_earlier_version_left_it(shared, import_id, rows=4, refused=4)
    finished = new_runner(shared).run(import_id)
    assert finished is not None
    assert (finished.status, finished.rows, finished.accepted, finished.refused) == ("done", 7, 3, 4)
    assert posted(shared) - before == 3


@pytest.mark.parametrize(
    ("media_type", "content", "reached"),
    [
        ("text/csv", "a,b\n1,2\n\n,\n3,4\n5,6\n", [2, 4, 5, 6]),
        ("text/csv", '\ufeffa,b\r\n1,"x\r\ny"\r\n3,4', [3, 4]),
        ("text/csv", 'a,b\n1,"' + "\n" * 99 + '"\n3,4\n', [101, 102]),
        ("application/x-ndjson", '{}\n\n  \n{"a": 1}\nnot json\n', [1, 4, 5]),
    ],
)
def test_rows_are_counted_as_the_version_before_counted_them(
    tmp_path: Path, media_type: str, content: str, reached: list[int]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content.encode())
    counted = [line_reached(path, media_type, rows) for rows in range(1, len(reached) + 1)]
    assert counted == reached


def test_a_batch_that_was_rolled_back_is_posted_by_the_next_run(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = received(shared, rows(10))
    before, real = posted(shared), store.advance

    def killed_before_commit(*arguments: Any) -> None:
        real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(store, "advance", killed_before_commit)
        with pytest.raises(Killed):
            new_runner(shared).run(import_id)
    assert (posted(shared), read(shared, import_id).rows) == (before, 0)
    finished = new_runner(shared).run(import_id)
    assert finished is not None
    assert (finished.accepted, posted(shared)) == (10, before + 10)


def test_a_server_that_starts_takes_up_what_was_left(shared: Alliance) -> None:
    import_id = received(shared, rows(10))
    runner = new_runner(shared)
    runner.start()
    while read(shared, import_id).status == "running":
        pass
    runner.close()
    assert read(shared, import_id).accepted == 10


def test_two_processes_do_not_run_one_import_at_the_same_time(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "BATCH_ROWS", 5)
    import_id = received(shared, rows(10))
    others: list[store.Import | None] = []

    def meddle(_: store.Import) -> None:
        others.append(new_runner(shared).run(import_id))

    finished = new_runner(shared).run(import_id, meddle)
    assert others == [None, None]
    assert finished is not None
    assert finished.accepted == 10
    assert new_runner(shared).run(import_id) is None, "it is done"


def test_a_server_that_stops_leaves_the_rest_for_later(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "BATCH_ROWS", 5)
    import_id = received(shared, rows(20))
    runner = new_runner(shared)
    assert runner.run(import_id, lambda _: runner.close()) is None
    assert (read(shared, import_id).status, read(shared, import_id).rows) == ("running", 5)
    finished = new_runner(shared).run(import_id)
    assert finished is not None
    assert finished.accepted == 20


def test_a_fault_of_ours_is_told_and_the_same_file_does_the_rest(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "BATCH_ROWS", 5)
    content = b"".join(rows(20))
    import_id = received(shared, iter([content]))
    progress = count(1)

    def fail(_: store.Import) -> None:
        if next(progress) == 2:
            raise ZeroDivisionError

    failed = new_runner(shared).run(import_id, fail)
    assert failed is not None
    assert (failed.status, failed.rows) == ("failed", 10)
    assert "send the same file again" in str(failed.error)
    again = new_runner(shared).run(received(shared, iter([content])))
    assert again is not None
    assert (again.status, again.replayed, again.accepted) == ("done", 10, 10)


def test_an_import_whose_file_lies_elsewhere_waits_for_its_own_process(shared: Alliance) -> None:
    import_id = received(shared, rows(1))
    path: Path = shared.services.files / read(shared, import_id).upload.file_name
    hidden = path.rename(path.with_suffix(".elsewhere"))
    assert new_runner(shared).run(import_id) is None
    assert read(shared, import_id).status == "running"
    hidden.rename(path)
    assert new_runner(shared).run(import_id) is not None


def test_after_all_this_the_ledger_adds_up(shared: Alliance) -> None:
    with frozen(shared.services.engine) as connection:
        assert list(verify(connection)) == []
