"""`tongdui verify`: all its checks of a closed and sealed month, beside reading the tables once."""

from sqlalchemy import Connection, Table, quoted_name

from benchmarks.bench import Bench
from benchmarks.history import engine_on
from benchmarks.measure import in_turns, seconds_of
from benchmarks.results import Row, Section, at_most
from clearing.tables import metadata
from clearing.verify import frozen
from settlement.verify import checks, verify

RATIO_MAX = 4


def measure(bench: Bench) -> list[Row]:
    return [_row(bench, count) for count in bench.sizes.history]


def _row(bench: Bench, count: int) -> Row:
    url = bench.history.closed(count)
    bench.say(f"verify: {count:,} redemptions")
    public_keys = bench.history.keys.public_keys
    with engine_on(url) as engine, frozen(engine) as connection:

        def verified() -> None:
            differences = list(verify(connection, public_keys=public_keys))
            assert not differences, differences

        has_target = count == bench.sizes.history[-1]
        runs = bench.sizes.long_runs if has_target else bench.sizes.growth_runs
        seconds = in_turns(
            runs,
            {"ours": lambda: seconds_of(verified), "read": lambda: seconds_of(lambda: _read(connection))},
        )
    conditions = (at_most(seconds["ours"], seconds["read"], RATIO_MAX),) if has_target else ()
    return Row(
        f"{count:,} redemptions",
        seconds["ours"],
        seconds["read"],
        f"{len(checks(public_keys))} checks; {count / seconds['ours']:,.0f} redemptions/s",
        conditions,
    )


def _read(connection: Connection) -> None:
    """Read every table of the ledger and of settlements once, from its beginning to its end, every value.

    A count of all columns takes each row apart and looks at each value, as no check can do without; unlike
    COPY, it spends nothing on writing the values down.
    """
    for table in metadata.sorted_tables:
        connection.exec_driver_sql(_counts(table)).one()


def _counts(table: Table) -> str:
    columns = ", ".join(f'count("{quoted_name(column.name, True)}")' for column in table.columns)
    return f'SELECT {columns} FROM "{table.name}"'


SECTION = Section(
    10,
    "verify",
    "all checks of `tongdui verify`",
    "one sequential read of the same tables, every column of every row",
    measure,
    unit="s",
)
