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
from benchmarks.history import engine_on
from benchmarks.limit import batches
from benchmarks.measure import in_turns
from benchmarks.redemptions import errands, errands_of_many, errands_of_one
from benchmarks.results import Condition, Row, Section, Target, at_least, at_most, target_of, within
from benchmarks.sections import SECTIONS, named
from benchmarks.sizes import QUICK
from clearing.verify import frozen
from settlement.verify import verify
from support.databases import Databases

REFERENCE = Path(__file__).parents[3] / "shared" / "bench"


@pytest.fixture(scope="module")
def bench(databases: Databases) -> Iterator[Bench]:
    """One for all, as sections follow one another in one run."""
    with (
        databases.fresh() as url,
        open_bench(QUICK, Console(file=io.StringIO()), url) as opened,
    ):
        yield opened


#: What each line of the table of targets asks.
ASKED = {
    "posting": ["≥ 0.75 ×"],
    "writers": ["≥ 0.75 ×"],
    "http": ["≥ 1.2 ×", "p99 ≤ 60 ms"],
    "cards": ["≥ 0.4 ×", "p99 ≤ 25 ms"],
    "imports": ["≥ 0.6 ×", "grows ≤ 30 MB"],
    "hot": ["≥ 0.9 ×", "≥ 0.9 ×"],
    "journal": ["≥ 0.85 ×"],
    "closing": ["≤ 1.3 ×", "< 1 s", "< 1 s"],
    "statements": ["≤ 1.6 ×", "≤ 250 MB", "≤ 1.6 ×", "≤ 250 MB"],
    "verify": ["≤ 4 ×"],
    "wallet": ["≥ 0.5 ×", "no errors", "slowest client ≥ 0.5 × the median"],
    "start": ["≤ 3 s", "≤ 250 MB"],
}


def test_there_is_a_section_for_each_line_of_the_table() -> None:
    assert {section.number: section.name for section in SECTIONS} == dict(enumerate(ASKED, 1))
    assert [section.name for section in SECTIONS] == list(ASKED)


# It starts servers, some of them several times; how long that takes is the machine's affair.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_each_section_measures_ours_beside_the_limit(bench: Bench, section: Section) -> None:
    rows = section.measure(bench)
    assert all(row.ours > 0 for row in rows)
    if section.name != "start":
        assert all(row.beside and row.beside > 0 for row in rows)
    assert [one.text for one in target_of(section, rows).conditions] == ASKED[section.name]


def test_what_is_written_by_sql_adds_up_like_what_is_posted(bench: Bench) -> None:
    few = QUICK.history[0]
    with engine_on(bench.history.closed(few)) as engine, frozen(engine) as connection:
        assert list(verify(connection, public_keys=bench.history.keys.public_keys)) == []
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE kind = {kind}").scalar()
            for table, kind in (
                ("transactions", 2),
                ("legs", 2),
                ("entries", 2),
                ("entries", 7),
                ("entries", 8),
            )
        ]
        pairs = connection.exec_driver_sql("SELECT count(*) FROM settlement_positions").scalar()
    assert counts == [few, few, 2 * few, few, few]
    assert pairs == 600


def test_the_limit_writes_the_same_rows_and_passes_over_repetitions(bench: Bench) -> None:
    bench.limit.restore()
    work = errands(bench.alliance, 10, seed=0)
    with batches(bench.url, bench.limit.batch, stripe=3) as post:
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
        with batches(bench.url, bench.limit.batch, stripe=3) as post:
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


def test_work_can_be_hot(bench: Bench) -> None:
    merchant, issuer_id = bench.alliance.merchants[-1], bench.alliance.participant_ids[0]
    members = bench.alliance.members
    at_one = errands(bench.alliance, 500, seed=7, merchants=[merchant])
    assert {errand.merchant for errand in at_one} == {merchant}
    assert merchant.participant_id not in {members[errand.member].participant_id for errand in at_one}
    pair = errands(bench.alliance, 500, seed=7, merchants=[merchant], issuer_id=issuer_id)
    assert {members[errand.member].participant_id for errand in pair} == set(bench.alliance.participant_ids)
    assert len({errand.member for errand in errands_of_one(bench.alliance, 50, seed=7)}) == 1
    many = errands_of_many(bench.alliance, len(members) + 10, seed=7)
    assert len({errand.key for errand in many}) == len(many)
    assert len({errand.member for errand in many}) == len(members)


@pytest.mark.parametrize(("kept", "status"), [(True, 0), (False, 1)])
def test_the_last_line_counts_the_targets_and_the_status_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bench: Bench, kept: bool, status: int
) -> None:
    row = Row("batches of 1", 1_500.0, 3_000.0, conditions=(Condition("≥ 0.5 ×", kept),))
    other = Row("of 2", 3.0, 4.0, conditions=(Condition("one", True), Condition("two", True)))
    sections = tuple(
        Section(number, "posting", "what", "beside", lambda _, rows=rows: rows)  # type: ignore[misc]
        for number, rows in ((1, [row, other]), (2, [other]))
    )
    monkeypatch.setattr(program, "named", lambda _: sections)
    monkeypatch.setattr(program, "open_bench", lambda *_, **__: _Opened(bench))
    assert program.main(["--quick"]) == status
    output = capsys.readouterr().out
    assert re.search(r"1,500 .* 3,000 .* 0\.50", output)
    assert ("missed: 1 (≥ 0.5 ×)" in output) is not kept
    assert output.splitlines()[-1] == f"{1 + kept} of 2 targets met"


def test_a_section_that_asks_for_nothing_has_not_met_its_target() -> None:
    with pytest.raises(ValueError, match="posting"):
        target_of(SECTIONS[0], [Row("x", 1.0)])
    both = [Condition("one", True), Condition("two", False)]
    assert not target_of(SECTIONS[0], [Row("x", 1.0, conditions=(one,)) for one in both]).met


def test_targets_are_met_exactly_at_their_bounds() -> None:
    assert at_least(750, 1_000, 0.75).met
    assert not at_least(749.9, 1_000, 0.75).met
    assert at_most(1_300, 1_000, 1.3).met
    assert not at_most(1_300.1, 1_000, 1.3).met
    assert within(60, 60, "p99 {} ms") == Condition("p99 ≤ 60 ms", True)
    assert not within(60.1, 60, "{} ms").met


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


def test_figures_have_the_digits_that_mean_something() -> None:
    assert [report.figure(value) for value in (12_345.6, 99.9, 1.234)] == ["12,346", "99.9", "1.23"]


def test_all_are_met_when_none_is_missed() -> None:
    assert report.print_summary(Console(file=io.StringIO()), [Target(1, (Condition("x", True),))])


class _Opened:
    """A bench that is open already, for a `with`."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def __enter__(self) -> Bench:
        return self._bench

    def __exit__(self, *_: object) -> None:
        return None
