"""Two years of a real hotel's bookings through Tongdui, the way a user would do it.

    .venv/bin/python examples/hotel_stays.py ../shared/data/hotel_stays_resort.csv.gz --out hotel-stays

The bookings become files; the program is started with a fresh database in the folder; participants and
fee rules are made through the HTTP API; then, month by month, `tongdui import accruals`, `tongdui import
redemptions` and `tongdui close`; at the end `tongdui statements` and `tongdui verify`. Every booking is
accounted for.

How a booking becomes business of the alliance:

* RESORT is the hotel. Each booking agent (`A…`) and company (`C…`) is a participant that issued its guests'
  cards; guests who booked direct are RESORT's own members.
* A `Check-Out` is cash consumption of nights × rate (read as yuan) at `status_on`, 12:00; a `No-Show` pays
  one night; a `Canceled` booking is no business. The hotel's stay number is key and reference. Amounts of
  zero and below (the real data has them) are sent as they are; the ledger refuses them.
* Guests marked as repeated who check out redeem half of what they have, rounded down to 100 points, when
  they come back (`arrives_on`, 15:00). What they have is worked out here with the hotel's earn rule: 1 point
  per yuan, rounded down, for each stay paid before. Points last 36 months, so none end within the data.
* A month's accruals are imported before its redemptions. A redemption is never more than what was there
  when it occurred, and the earliest points are used first, so the order of the two files changes nothing.
"""

import argparse
import csv
import gzip
import http.client
import io
import json
import os
import re
import resource
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

HOTEL = "RESORT"
MERCHANT = "RESORT-HOTEL"
DIRECT = "DIRECT"
VISIT_RATE = Decimal("0.01")
FEES = [("visit", "0.01"), ("redemption", "0.02"), ("spend", "0.006"), ("load", "0.005")]
POINTS_STEP = 100
EXPIRY_MONTHS = 36
START_SECONDS_MAX = 120

DEFAULT_DATA = Path(__file__).parents[2] / "shared" / "data" / "hotel_stays_resort.csv.gz"
TONGDUI = Path(sys.executable).with_name("tongdui")

Stay = Mapping[str, str]
Row = dict[str, str | int]


class Failed(Exception):
    """A step did not do what it should; the message says which and what it printed."""


# ---- from bookings to files ----------------------------------------------------------------------


@dataclass
class Files:
    """What is to be sent, by month where it has one."""

    participants: list[dict[str, Any]]
    members: list[Row]
    accruals: dict[str, list[Row]]
    redemptions: dict[str, list[Row]]
    no_business: int

    @property
    def months(self) -> list[str]:
        return sorted({*self.accruals, *self.redemptions})


def read_stays(path: Path) -> list[Stay]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    with io.StringIO(text.decode("utf-8-sig"), newline="") as file:
        return list(csv.DictReader(file))


def make_files(stays: Iterable[Stay]) -> Files:
    stays = list(stays)
    paid = [stay for stay in stays if stay["status"] != "Canceled"]
    codes = sorted({stay["booked_via"] for stay in stays} - {DIRECT})
    names = {code: f"{'Company' if code.startswith('C') else 'Agent'} {code}" for code in codes}
    cards = {card_of(stay): issuer_of(stay) for stay in stays}
    return Files(
        participants=[
            {"code": HOTEL, "name": "Resort Hotel", "expiry": {"kind": "rolling", "months": EXPIRY_MONTHS}},
            *({"code": code, "name": name} for code, name in names.items()),
        ],
        members=[
            {"participant": issuer, "name": f"Guest {card[-6:]}", "card": card, "key": f"member-{card}"}
            for card, issuer in cards.items()
        ],
        accruals=by_month([accrual_of(stay) for stay in paid]),
        redemptions=by_month(redemptions_of(paid)),
        no_business=len(stays) - len(paid),
    )


def issuer_of(stay: Stay) -> str:
    return HOTEL if stay["booked_via"] == DIRECT else stay["booked_via"]


def card_of(stay: Stay) -> str:
    return f"G{stay['guest']}"


def fen_of(stay: Stay) -> int:
    nights = 1 if stay["status"] == "No-Show" else int(stay["nights"])
    return int(nights * Decimal(stay["adr"]) * 100)


def accrual_of(stay: Stay) -> Row:
    return {
        "key": stay["stay_id"],
        "reference": stay["stay_id"],
        "occurred_at": f"{stay['status_on']}T12:00:00+08:00",
        "card": card_of(stay),
        "merchant": MERCHANT,
        "amount": fen_of(stay),
    }


def redemptions_of(paid: Sequence[Stay]) -> list[Row]:
    """Told in the order of time, so that everybody redeems only what was earned before."""
    comings = [stay for stay in paid if stay["status"] == "Check-Out" and stay["repeated_guest"] == "1"]
    events = [(stay["status_on"], 12, stay) for stay in paid]
    events += [(stay["arrives_on"], 15, stay) for stay in comings]
    balances: Counter[str] = Counter()
    rows: list[Row] = []
    for day, hour, stay in sorted(events, key=lambda event: (event[0], event[1], event[2]["stay_id"])):
        card = card_of(stay)
        if hour == 12:
            balances[card] += max(fen_of(stay), 0) // 100
            continue
        points = balances[card] // 2 // POINTS_STEP * POINTS_STEP
        if points:
            balances[card] -= points
            rows.append(
                {
                    "key": f"{stay['stay_id']}-points",
                    "reference": stay["stay_id"],
                    "occurred_at": f"{day}T15:00:00+08:00",
                    "card": card,
                    "merchant": MERCHANT,
                    "points": points,
                    "purpose": "room",
                }
            )
    return rows


def by_month(rows: Iterable[Row]) -> dict[str, list[Row]]:
    ordered = sorted(rows, key=lambda row: (str(row["occurred_at"]), str(row["key"])))
    return {
        month: list(group) for month, group in groupby(ordered, key=lambda row: str(row["occurred_at"])[:7])
    }


def write_files(files: Files, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    participants = json.dumps(files.participants, indent=1)
    (folder / "participants.json").write_text(participants, encoding="utf-8")
    write_csv(folder / "members.csv", files.members)
    for kind, months in (("accruals", files.accruals), ("redemptions", files.redemptions)):
        for month, rows in months.items():
            write_csv(folder / f"{kind}-{month}.csv", rows)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


# ---- driving the program -------------------------------------------------------------------------


class Report(NamedTuple):
    """What an import came to; `refusals` are the refused rows with their code."""

    rows: int
    accepted: int
    replayed: int
    refusals: list[dict[str, str]]


@dataclass
class Run:
    """One run of the program on a data folder of its own, and what was measured of it."""

    folder: Path
    port: int
    key: str
    environ: dict[str, str]
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def measured(self, step: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += time.perf_counter() - started
            self.calls[step] += 1

    def tongdui(self, *arguments: str, may_fail_with: str | None = None) -> str:
        """Run one command; its output. Raises Failed, unless the failure names the one expected."""
        done = subprocess.run(
            [TONGDUI, *arguments], env=self.environ, capture_output=True, text=True, check=False
        )
        if done.returncode and not (may_fail_with and may_fail_with in done.stderr):
            raise Failed(f"tongdui {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def import_file(self, kind: str, path: Path, *options: str) -> Report:
        errors = path.with_suffix(".errors.csv")
        errors.unlink(missing_ok=True)
        with self.measured(f"import {kind}"):
            printed = self.tongdui("import", kind, str(path), "--errors", str(errors), *options)
        found = re.search(r"([\d,]+) rows: ([\d,]+) accepted, ([\d,]+) replayed, ([\d,]+) refused", printed)
        if found is None:
            raise Failed(f"import {kind} {path}: cannot read {printed!r}")
        rows, accepted, replayed, refused = (int(count.replace(",", "")) for count in found.groups())
        refusals: list[dict[str, str]] = []
        if errors.exists():
            with errors.open(encoding="utf-8-sig", newline="") as file:
                refusals = list(csv.DictReader(file))
        if refused != len(refusals) or accepted + replayed + refused != rows:
            raise Failed(f"import {kind} {path}: the counts do not add up: {printed!r}")
        return Report(rows, accepted, replayed, refusals)

    def write_statements(self, month: str) -> None:
        out = str(self.folder / "statements" / month)
        self.tongdui("statements", month, "--out", out, "--format", "csv", "--format", "xlsx")

    def call(self, method: str, path: str, body: Any = None, *, may_answer: int | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 400 and answer.status != may_answer:
            raise Failed(f"{method} {path}: {answer.status} {content.decode()}")
        return json.loads(content)

    @contextmanager
    def server(self) -> Iterator[None]:
        """`tongdui run` in the background, until the block ends."""
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen([TONGDUI, "run"], env=self.environ, stdout=log, stderr=log)
            try:
                with self.measured("start"):
                    self._await_start(process)
                yield
            finally:
                with self.measured("stop"):
                    process.send_signal(signal.SIGINT)
                    process.wait()

    def _await_start(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if process.poll() is not None:
                log = (self.folder / "server.log").read_text(encoding="utf-8")
                raise Failed(f"tongdui run ended:\n{log}")
            try:
                self.call("GET", "/readyz")
            except (OSError, Failed):
                time.sleep(0.1)
            else:
                return
        raise Failed(f"tongdui run was not ready after {START_SECONDS_MAX} s")


def open_run(folder: Path, data_dir: Path) -> Run:
    """A run with a free port and an operator key that stays the same for the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    key_file = folder / "operator.key"
    if not key_file.exists():
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"tdk_live_example_{secrets.token_hex(32)}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_URL")}
    environ |= {
        "TONGDUI_DATA": str(data_dir.absolute()),
        "TONGDUI_HOST": "127.0.0.1",
        "TONGDUI_PORT": str(port),
        "TONGDUI_BOOTSTRAP_KEY_FILE": str(key_file.absolute()),
        "TONGDUI_LOG_LEVEL": "warning",
    }
    environ.pop("TONGDUI_BOOTSTRAP_KEY", None)
    return Run(folder, port, key_file.read_text(), environ)


def admit(run: Run, files: Files) -> None:
    """Participants, the hotel as a merchant, and fee rules. What is there already stays."""
    with run.measured("participants (HTTP)"):
        for participant in files.participants:
            run.call("POST", "/v1/participants", participant, may_answer=409)
        merchant = {"code": MERCHANT, "name": "Resort Hotel", "category": "hotel"}
        run.call("POST", f"/v1/participants/{HOTEL}/merchants", merchant, may_answer=409)
        if not run.call("GET", "/v1/fee-rules")["data"]:
            for kind, rate in FEES:
                run.call("POST", "/v1/fee-rules", {"kind": kind, "rate": rate})


# ---- the story -----------------------------------------------------------------------------------


class Accounts(NamedTuple):
    """What became of every booking and every redemption: (what, outcome) → how many."""

    stays: Counter[tuple[str, str]]
    redemptions: Counter[str]
    months: list[str]


def tell(run: Run, stays: Sequence[Stay], files: Files, statements: str, console: Console) -> Accounts:
    """Send everything, month by month; Failed if anything does not tie."""
    write_files(files, run.folder)
    status_of = {stay["stay_id"]: stay["status"] for stay in stays}
    outcomes: Counter[tuple[str, str]] = Counter({("Canceled", "no business"): files.no_business})
    redemptions: Counter[str] = Counter()
    closed: list[str] = []
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("participants", total=len(files.months) + 2)
        admit(run, files)
        bar.update(task, advance=1, description="members")
        refused = run.import_file("members", run.folder / "members.csv").refusals
        if refused:
            raise Failed(f"{len(refused)} members were refused: {refused[0]}")
        for month in files.months:
            bar.update(task, advance=1, description=month)
            if month in files.accruals:
                report = run.import_file("accruals", run.folder / f"accruals-{month}.csv", "--historical")
                refusals = {row["key"]: f"refused: {row['code']}" for row in report.refusals}
                for row in files.accruals[month]:
                    stay = str(row["key"])
                    outcomes[status_of[stay], refusals.get(stay, "posted as a visit")] += 1
            if month in files.redemptions:
                report = run.import_file(
                    "redemptions", run.folder / f"redemptions-{month}.csv", "--historical"
                )
                redemptions["made"] += report.accepted + report.replayed
                redemptions.update(f"refused: {row['code']}" for row in report.refusals)
            with run.measured("close"):
                # A month of which every row was refused has no period.
                printed = run.tongdui("close", month, may_fail_with="(not_found)")
            if printed:
                closed.append(month)
    wanted = {"all": closed, "last": closed[-1:], "none": []}[statements]
    with run.measured(f"statements of {len(wanted)} months"), ThreadPoolExecutor(os.cpu_count()) as pool:
        # Reading only, so as many at a time as there are processors.
        list(pool.map(run.write_statements, wanted))
    return Accounts(outcomes, redemptions, closed)


def check_fees(run: Run, files: Files, months: Sequence[str]) -> int:
    """The hub's fees, worked out here leg by leg, must be what the settlements say; their sum in fen."""
    issuer = {str(member["card"]): member["participant"] for member in files.members}
    total = 0
    for month in months:
        foreign = [
            int(row["amount"])
            for row in files.accruals.get(month, ())
            if issuer[str(row["card"])] != HOTEL and int(row["amount"]) > 0
        ]
        expected = sum(int((amount * VISIT_RATE).quantize(Decimal(1), ROUND_HALF_UP)) for amount in foreign)
        settlement = run.call("GET", f"/v1/settlements/{month}")
        visits = sum(row["count"] for row in settlement["exchanges"])
        if (settlement["hub"]["fees"], visits) != (expected, len(foreign)):
            raise Failed(f"{month}: {expected} fen of fees expected, {settlement['hub']} found")
        total += expected
    return total


# ---- what is printed -----------------------------------------------------------------------------


def print_accounts(console: Console, accounts: Accounts, stays: Sequence[Stay]) -> None:
    table = Table("booking", "outcome", title="Bookings accounted for")
    table.add_column("bookings", justify="right")
    for (status, outcome), count in sorted(accounts.stays.items()):
        table.add_row(status, outcome, f"{count:,}")
    total = accounts.stays.total()
    table.add_section()
    table.add_row("all", "", f"{total:,}", style="bold")
    console.print(table)
    if total != len(stays):
        raise Failed(f"{len(stays)} bookings were read and {total} accounted for")
    made = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(accounts.redemptions.items()))
    console.print(f"Redemptions: {made or 'none'}.", highlight=False)


def print_nets(console: Console, run: Run, month: str) -> None:
    settlement = run.call("GET", f"/v1/settlements/{month}")
    table = Table("Participant", title=f"Nets of {month} (fen)")
    for word in ("Receivable from exchanges", "Payable for exchanges", "Fees, VAT included", "Net"):
        table.add_column(word, justify="right")
    zeros = 0
    for line in settlement["participants"]:
        amounts = [line[name] for name in ("receivable", "payable", "fees", "net")]
        if any(amounts):
            table.add_row(line["code"], *(f"{amount:,}" for amount in amounts))
        else:
            zeros += 1
    table.add_row("HUB", "", "", "", f"{settlement['hub']['net']:,}", style="bold")
    console.print(table)
    console.print(f"{zeros:,} more participants with nothing to settle. Checks: {settlement['checks']}.")


def print_measures(console: Console, run: Run) -> None:
    table = Table("step", title="Time")
    for name in ("times", "seconds", "seconds each"):
        table.add_column(name, justify="right")
    for step, seconds in run.seconds.items():
        table.add_row(step, f"{run.calls[step]:,}", f"{seconds:.1f}", f"{seconds / run.calls[step]:.2f}")
    console.print(table)
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    console.print(f"Peak memory: this script {here} MiB, the largest of its processes {children} MiB.")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A real hotel's bookings through Tongdui.")
    parser.add_argument("bookings", type=Path, nargs="?", default=DEFAULT_DATA, help="CSV, also as .gz")
    parser.add_argument("--out", type=Path, default=Path("hotel-stays"), help="folder for all files")
    parser.add_argument(
        "--data", type=Path, help="data folder of the database (default: data in the --out folder)"
    )
    parser.add_argument(
        "--statements", choices=["all", "last", "none"], default="all", help="of which months"
    )
    parser.add_argument("--limit", type=int, help="only so many bookings, the first ones")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    options, console = parse(arguments), console or Console()
    if not options.bookings.exists():
        console.print(f"There is no file {options.bookings}. Name the file with the bookings.", markup=False)
        return 2
    stays = read_stays(options.bookings)[: options.limit]
    run = open_run(options.out, options.data or options.out / "data")
    try:
        with run.server():
            files = make_files(stays)
            accounts = tell(run, stays, files, options.statements, console)
            with run.measured("verify"):
                verified = run.tongdui("verify").strip()
            fees = check_fees(run, files, accounts.months)
            print_accounts(console, accounts, stays)
            if accounts.months:
                print_nets(console, run, accounts.months[-1])
    except Failed as failure:
        console.print(str(failure), style="red", markup=False)
        return 1
    console.print(f"Fees of {len(accounts.months)} months, as worked out here too: {fees:,} fen. {verified}")
    print_measures(console, run)
    console.print(f"Files are in {options.out}", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
