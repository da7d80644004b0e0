"""`python -m benchmarks` works from end to end; how fast the machine of the tests is, is not asked."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import __main__ as program
from benchmarks import report
from benchmarks.bench import Bench, open_bench
from benchmarks.clients import percentile_ms
from benchmarks.measure import in_turns
from benchmarks.redemptions import errands
from benchmarks.results import Row, Section, Target, at_least, share_of_limit
from benchmarks.sections import SECTIONS, named
from benchmarks.sizes import QUICK

REFERENCE = Path(__file__).parents[3] / "shared" / "bench"


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    with open_bench(QUICK, Console(file=io.StringIO()), database_url) as opened:
        yield opened


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_each_section_measures_ours_beside_the_limit(bench: Bench, section: Section) -> None:
    rows = section.measure(bench)
    assert rows
    assert all(row.rate > 0 and row.beside and row.beside > 0 for row in rows)


def test_the_limit_writes_the_same_rows_and_passes_over_repetitions(bench: Bench) -> None:
    bench.limit.restore()
    work = errands(bench.alliance, 10, seed=0)
    with bench.limit.batches() as post:
        post(work)
        post(work[:3])
    with bench.engine.connect() as connection:
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM by_hand.{table}").scalar()
            for table in ("keys", "journal")
        ]
        drawn = connection.exec_driver_sql("SELECT sum(1000000000 - remaining) FROM by_hand.lots").scalar()
        owed = connection.exec_driver_sql("SELECT sum(owed) FROM by_hand.positions").scalar()
    assert counts == [10, 40]
    assert drawn == owed == sum(errand.points for errand in work)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference is not beside the project")
def test_a_reference_is_used_like_the_own_limit(database_url: str) -> None:
    with open_bench(QUICK, Console(file=io.StringIO()), database_url, REFERENCE) as bench:
        bench.limit.restore()
        with bench.limit.batches() as post:
            post(errands(bench.alliance, 10, seed=0))
        with bench.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM ref.journal").scalar() == 40
        assert bench.limit.one_per_transaction(clients=1, seconds=1) > 0


def test_the_work_is_the_same_each_time_and_never_at_home(bench: Bench) -> None:
    work = errands(bench.alliance, 500, seed=7)
    assert work == errands(bench.alliance, 500, seed=7)
    assert len({errand.member for errand in work}) == 500
    homes = [bench.alliance.members[errand.member].participant_id for errand in work]
    assert all(home != errand.merchant.participant_id for home, errand in zip(homes, work, strict=True))


@pytest.mark.parametrize(("kept", "status"), [(True, 0), (False, 1)])
def test_the_last_line_counts_the_targets_and_the_status_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bench: Bench, kept: bool, status: int
) -> None:
    row = Row("batches of 1", 1_500.0, 3_000.0, targets=(Target("≥ 1/2 of the limit", kept),))
    section = Section("posting", "what", "beside", lambda _: [row])
    monkeypatch.setattr(program, "named", lambda _: (section,))
    monkeypatch.setattr(program, "open_bench", lambda *_, **__: _Opened(bench))
    assert program.main(["--quick"]) == status
    output = capsys.readouterr().out
    assert re.search(r"1,500 .* 3,000 .* 0\.50", output)
    assert output.rstrip().endswith(f"{int(kept)} of 1 targets met")


def test_targets_are_met_exactly_at_their_bounds() -> None:
    assert at_least(700, 700).met
    assert not at_least(699.9, 700).met
    assert share_of_limit(500, 1_500, 1, 3).met
    assert not share_of_limit(499, 1_500, 1, 3).met


def test_contestants_take_turns_and_medians_count() -> None:
    order: list[str] = []
    rates = iter([1.0, 10.0, 5.0, 30.0, 2.0, 20.0])

    def turn(name: str) -> float:
        order.append(name)
        return next(rates)

    found = in_turns(3, {"ours": lambda: turn("ours"), "limit": lambda: turn("limit")})
    assert order == ["ours", "limit"] * 3
    assert found == {"ours": 2.0, "limit": 20.0}


def test_percentiles() -> None:
    assert percentile_ms([0.004, 0.001, 0.003, 0.002], 50) == 3.0
    assert percentile_ms([], 99) == 0.0


def test_an_unknown_section_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="posting"):
        named("nonsense")


def test_a_table_without_targets_has_nothing_to_miss() -> None:
    assert report.print_summary(Console(file=io.StringIO()), [Row("x", 1.0)])


class _Opened:
    """A bench that is open already, for a `with`."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def __enter__(self) -> Bench:
        return self._bench

    def __exit__(self, *_: object) -> None:
        return None
