"""`tongdui doctor`."""

import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import click
from rich.text import Text
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from api.backups import AGE_MAX
from api.cli.context import console
from api.cli.opened import opened_url
from api.cli.phones import collisions
from api.secret_keys import load_personal_data, load_sealing_keys
from clearing.core.calendar import Period, PeriodState, is_time_zone, period_at
from clearing.directory import read_rulebook
from clearing.former_numbers import count_shared_numbers
from clearing.phone_index import count_stale
from clearing.query import database_time
from clearing.verify import PERIODS
from config import Settings, SettingsError
from database import make_engine, migrations
from database.backup import list_backups
from database.errors import BackupError
from settlement.close import list_waiting
from settlement.query import list_periods

FREE_BYTES_MIN = 1 << 30
SERVER_VERSION_MIN = 150000


class Finding(NamedTuple):
    good: bool
    what: str
    remedy: str = ""


@click.command()
def doctor() -> None:
    """Look for what keeps the program from working, and say what to do; exit 1 if anything is wrong."""
    bad = 0
    with opened_url() as (settings, url):
        engine = make_engine(url, pool_size=2, application_name="tongdui-doctor")
        try:
            for finding in _examine(settings, engine):
                mark = Text("good", "green") if finding.good else Text("bad ", "red")
                console.print(mark, f" {finding.what}", highlight=False, soft_wrap=True)
                if not finding.good:
                    bad += 1
                    console.print(f"      → {finding.remedy}", highlight=False, soft_wrap=True)
        finally:
            engine.dispose()
    if bad:
        raise SystemExit(1)


def _examine(settings: Settings, engine: Engine) -> Iterator[Finding]:
    yield Finding(True, f"Python {sys.version.split()[0]}")
    # What cannot be looked at is a finding too, and does not keep the rest from being looked at.
    for what, look in (("The disk", _disk), ("The backups", _backups)):
        try:
            yield look(settings)
        except (OSError, BackupError) as error:
            yield Finding(False, f"{what} cannot be looked at: {error}", "Look at the folder by hand.")
    try:
        load_personal_data(settings)
        yield Finding(True, "The keys of personal data can be read")
    except (SettingsError, OSError) as error:
        yield Finding(False, f"The keys of personal data: {error}", "Restore the variable or the file.")
    try:
        load_sealing_keys(settings)
        yield Finding(True, "The keys that seal the journal can be read")
    except (SettingsError, OSError) as error:
        yield Finding(False, f"The keys that seal the journal: {error}", "Restore the variable or the file.")
    try:
        yield from _examine_database(engine)
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        yield Finding(False, f"Database: {reason}", "Check DATABASE_URL, and that the server runs.")


def _examine_present(periods: list[Period], now: datetime, zone: ZoneInfo) -> Iterator[Finding]:
    """Whether what is posted now has a period, opened already or to be opened by it."""
    present = period_at(now, zone, periods)
    if present is None or present.state is not PeriodState.OPEN:
        yield Finding(
            False,
            "What is posted now has no open period",
            "Compare the server's clock with `GET /v1/periods`, and run `tongdui verify`.",
        )
    if not is_time_zone(zone.key):
        yield Finding(
            False,
            f"The time zone is {zone.key!r}, which means something else on another machine",
            "Choose a place, such as Asia/Shanghai, on the settings page or by PUT /v1/alliance.",
        )


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Finding(
        free >= FREE_BYTES_MIN,
        f"{free // (1 << 30)} GiB free for {settings.data_dir}",
        "Free some space, or set TONGDUI_DATA to another disk.",
    )


def _backups(settings: Settings) -> Finding:
    if settings.backups is None:
        return Finding(
            True, "No backups are made by themselves; TONGDUI_BACKUPS would name a folder for them"
        )
    found = list_backups(settings.backups)
    if not found:
        return Finding(False, f"There is no backup in {settings.backups}", "Run `tongdui db backup`.")
    age = datetime.now(UTC) - found[-1].ended_at
    return Finding(
        age <= AGE_MAX,
        f"The newest backup is {age.total_seconds() / 3600:.1f} hours old",
        "Look at the job `back_up` in `tongdui jobs`, and run `tongdui db backup`.",
    )


def _examine_database(engine: Engine) -> Iterator[Finding]:
    with engine.connect() as connection:
        version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
        yield Finding(
            version >= SERVER_VERSION_MIN,
            f"PostgreSQL {version // 10000}",
            "PostgreSQL 15 or newer is needed.",
        )
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            value = connection.execute(text(f"SHOW {setting}")).scalar_one()
            yield Finding(
                value == "on",
                f"{setting} is {value}",
                f"Turn {setting} on, or a power cut may lose postings.",
            )
    faults = migrations.check(engine)
    yield Finding(
        not faults, faults[0] if faults else "The tables are up to date", "Run `tongdui db upgrade`."
    )
    if faults:
        return
    with engine.connect() as connection:
        periods, now = list_periods(connection), database_time(connection)
        waiting = list_waiting(connection, now)
        rules = connection.execute(text("SELECT version FROM rulebooks LIMIT 1")).first()
        zone = read_rulebook(connection).settings.time_zone if rules else None
        apart = PERIODS.run(connection, None)
        shared_phones = list(collisions(connection))
        stale = count_stale(connection)
        shared_numbers = count_shared_numbers(connection)
    states = [period.state for period in periods]
    yield Finding(True, f"{states.count(PeriodState.OPEN)} periods open, {len(states)} in all")
    if apart is not None:
        yield Finding(
            False,
            f"Periods do not follow each other: {apart.place} {apart.found}, expected {apart.expected}",
            "Was the table changed by hand? `tongdui verify` tells what else differs.",
        )
    if zone is not None:
        yield from _examine_present(periods, now, zone)
    for sentence in shared_phones:
        yield Finding(
            False,
            sentence,
            "Let the two participants settle whose phone it is: one changes it (`PATCH /v1/members/{id}`), or"
            " both agree to link the cards.",
        )
    if stale:
        yield Finding(
            False,
            f"{stale} members' phones are not compared in the form of now",
            "Restore the keys of personal data, stop older servers, and run `tongdui db upgrade`.",
        )
    if shared_numbers:
        # Nothing that keeps the program from working, and it may be right: it stays so for ever.
        yield Finding(
            True,
            f"Transactions of earlier versions with numbers that others have, too: {shared_numbers};"
            " `tongdui db upgrade` names them",
        )
    for period in waiting:
        yield Finding(
            False,
            f"{period.name} holds history and is not closed; later months and the end of points wait for it",
            f"When it is complete, run `tongdui close {period.name}`.",
        )
