"""The example, on a few bookings of our own and, where they are at hand, on real ones."""

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from examples.hotel_stays import DEFAULT_DATA, main, make_files, open_run, read_stays, tell

HEADER = "stay_id,hotel,booked_via,guest,booked_on,arrives_on,nights,adr,status,status_on,repeated_guest"
BOOKINGS = [
    "S-1,RESORT,DIRECT,aa01,2015-06-01,2015-07-01,2,100.50,Check-Out,2015-07-03,0",
    "S-2,RESORT,A240,bb02,2015-06-01,2015-07-02,3,333.33,Check-Out,2015-07-05,0",
    "S-3,RESORT,C9,cc03,2015-06-01,2015-07-02,4,80,No-Show,2015-07-02,0",
    "S-4,RESORT,A240,dd04,2015-06-01,2015-07-02,4,80,Canceled,2015-06-20,0",
    "S-5,RESORT,DIRECT,ee05,2015-06-01,2015-07-06,0,0,Check-Out,2015-07-06,0",
    "S-6,RESORT,A240,ff06,2015-06-01,2015-07-06,2,-6.38,Check-Out,2015-07-08,0",
    "S-7,RESORT,A240,bb02,2015-08-01,2015-08-30,2,50,Check-Out,2015-09-01,1",
]

# What the bookings above come to.
VISITS_FEN = [20_100, 99_999, 8_000, 0, -1_276, 10_000]
FEES_JULY_FEN = 1_000 + 80
FEES_SEPTEMBER_FEN = 100


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user PostgreSQL runs as can walk through."""
    made = Path(tempfile.mkdtemp(prefix="tongdui-example-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def bookings(folder: Path) -> Path:
    path = folder / "bookings.csv"
    path.write_text("\n".join([HEADER, *BOOKINGS]) + "\n", encoding="utf-8")
    return path


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def console() -> Console:
    return Console(file=io.StringIO(), width=160)


def test_bookings_become_consumption(bookings: Path) -> None:
    files = make_files(read_stays(bookings))
    rows = [row for month in files.months for row in files.accruals.get(month, ())]
    assert sorted((row["reference"], row["amount"]) for row in rows) == [
        (f"S-{number}", amount) for number, amount in zip((1, 2, 3, 5, 6, 7), VISITS_FEN, strict=True)
    ]
    assert files.no_business == 1
    assert [one["code"] for one in files.participants] == ["RESORT", "A240", "C9"]
    assert len(files.members) == 6


def test_a_guest_who_comes_back_redeems_half_of_what_was_earned_before(bookings: Path) -> None:
    files = make_files(read_stays(bookings))
    (row,) = files.redemptions["2015-08"]
    # 999 points of the first stay; the second one's come after the return.
    assert (row["card"], row["points"], row["reference"]) == ("Gbb02", 400, "S-7")
    assert list(files.redemptions) == ["2015-08"]


def test_rows_of_a_month_are_in_the_order_of_time() -> None:
    stays = [dict(zip(HEADER.split(","), line.split(","), strict=True)) for line in reversed(BOOKINGS)]
    for rows in make_files(stays).accruals.values():
        moments = [str(row["occurred_at"]) for row in rows]
        assert moments == sorted(moments)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_booking_is_accounted_for(bookings: Path, folder: Path) -> None:
    console_ = console()
    assert main([str(bookings), "--out", str(folder / "out")], console_) == 0, said(console_)
    printed = said(console_)
    assert "Redemptions: 1 made." in printed
    assert f"Fees of 3 months, as worked out here too: {FEES_JULY_FEN + FEES_SEPTEMBER_FEN:,} fen." in printed
    july = sorted(path.name for path in (folder / "out" / "statements" / "2015-07").iterdir())
    assert july == [
        f"2015-07-{code}-1.{extension}" for code in ("A240", "C9", "RESORT") for extension in ("csv", "xlsx")
    ]
    with (folder / "out" / "accruals-2015-07.errors.csv").open(encoding="utf-8-sig", newline="") as file:
        refused = {row["reference"]: row["code"] for row in csv.DictReader(file)}
    assert refused == {"S-5": "amount_invalid", "S-6": "amount_invalid"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_telling_it_again_posts_nothing_twice(bookings: Path, folder: Path) -> None:
    stays = read_stays(bookings)
    files = make_files(stays)
    run = open_run(folder / "out", folder / "out" / "data")
    with run.server():
        first = tell(run, stays, files, "none", console())
        nets = [run.call("GET", f"/v1/settlements/{month}") for month in first.months]
        second = tell(run, stays, files, "none", console())
        assert second == first
        assert [run.call("GET", f"/v1/settlements/{month}") for month in first.months] == nets


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not DEFAULT_DATA.exists(), reason=f"the real bookings are not at {DEFAULT_DATA}")
def test_three_hundred_real_bookings_are_accounted_for(folder: Path) -> None:
    console_ = console()
    arguments = ["--out", str(folder / "out"), "--limit", "300", "--statements", "last"]
    assert main(arguments, console_) == 0, said(console_)
    assert "│ all       │" in said(console_)
    assert "300 │" in said(console_)
    participants = json.loads((folder / "out" / "participants.json").read_text(encoding="utf-8"))
    assert participants[0]["code"] == "RESORT"


def test_a_missing_file_is_named(folder: Path) -> None:
    console_ = console()
    assert main([str(folder / "absent.csv")], console_) == 2
    assert "absent.csv" in said(console_)
