"""Loading the sample alliance into an empty database, the way a user's calls would.

It takes a handful of transactions, each of which can be repeated: the alliance, the people, last month,
its closing, this month, the keys. The file of keys is written last and marks completion; without it the next
start goes on, with the time at which the first one began, and so with the same commands and keys.
"""

from collections import Counter
from datetime import datetime
from random import Random

from rich.console import Console
from sqlalchemy import Connection, Engine, func, select

from api.sample.history import CALLER, History, history
from api.sample.keys import SAMPLE_KEYS_FILE, make_sample_keys, write_sample_keys
from api.sample.members import MADE_BY, Person, admit, people
from api.sample.users import make_sample_users
from api.secret_keys import load_personal_data
from clearing.alliance import list_participants
from clearing.core.enrolment import EnrolmentOutcome
from clearing.core.outcomes import Outcome, Refusal, Replayed
from clearing.directory import hold_for_change, read_rulebook
from clearing.idempotency import key_hash, request_hash
from clearing.members import Enroller
from clearing.tables import rulebooks
from clearing.writer import Writer
from config import Settings
from database import make_engine
from settlement.close import CloseRefusal, close_and_check

SEED = 20261101


def load_sample(settings: Settings, url: str, console: Console) -> None:
    """Build the sample alliance, or finish one that was cut off; leave other data alone."""
    complete = (settings.data_dir / SAMPLE_KEYS_FILE).exists()
    engine = make_engine(url, pool_size=4, application_name="tongdui-sample")
    try:
        with engine.begin() as connection:
            began_at = _begun(connection)
            if began_at is None and list_participants(connection, "", 1):
                console.print("There is data already, so the sample alliance was left out.")
                return
        if began_at is None or not complete:
            with console.status("Making the sample alliance …"):
                if began_at is None:
                    began_at = _begin(engine)
                _build(engine, settings, began_at, console)
        make_sample_users(engine, settings)
    finally:
        engine.dispose()


def _begun(connection: Connection) -> datetime | None:
    """When the first rule of the sample was made; None if this database has no sample."""
    query = select(func.min(rulebooks.c.made_at)).where(rulebooks.c.made_by == MADE_BY)
    began_at: datetime | None = connection.execute(query).scalar_one()
    return began_at


def _begin(engine: Engine) -> datetime:
    with engine.begin() as connection:
        hold_for_change(connection)
        # Another process may have been first while we waited.
        if not list_participants(connection, "", 1):
            admit(connection)
        began_at = _begun(connection)
    assert began_at is not None, "the sample's fee rules were just made"
    return began_at


def _build(engine: Engine, settings: Settings, now: datetime, console: Console) -> None:
    random = Random(SEED)  # noqa: S311  chance for a story, not for secrets
    persons = people(random)
    with engine.connect() as connection:
        zone = read_rulebook(connection).settings.time_zone
    told = history(random, persons, now, zone)
    refused = _enrol(engine, settings, persons)
    with Writer(engine) as writer:
        refused += _refused(writer.post(told.openings + told.in_last_month))
        _close(engine, told, console)
        if told.in_this_month:
            refused += _refused(writer.post(told.in_this_month))
    with engine.begin() as connection:
        keys = make_sample_keys(connection)
    write_sample_keys(settings, keys)
    count = len(told.openings) + len(told.in_last_month) + len(told.in_this_month)
    console.print(
        f"A sample alliance is ready: {len(persons)} members, {count} transactions;"
        f" {told.last_month.name} is closed.",
        highlight=False,
    )
    if refused:
        reasons = ", ".join(f"{code} ({times})" for code, times in sorted(refused.items()))
        console.print(f"Some of it was refused, as the database holds other data too: {reasons}.")


def _enrol(engine: Engine, settings: Settings, persons: list[Person]) -> Counter[str]:
    enroller = Enroller(Writer(engine), load_personal_data(settings))
    try:
        requests = [
            enroller.request_of(
                key_hash(MADE_BY, f"member {person.card}"),
                request_hash("member", person._asdict()),
                CALLER,
                person._asdict(),
            )
            for person in persons
        ]
        return _refused(enroller.enrol(requests))
    finally:
        enroller.close()


def _close(engine: Engine, told: History, console: Console) -> None:
    number = told.last_month.number
    outcome = close_and_check(engine, number, closed_by=MADE_BY)
    if isinstance(outcome, CloseRefusal):
        console.print(f"{told.last_month.name} was not closed: {outcome.detail}")


def _refused(outcomes: list[Outcome] | list[EnrolmentOutcome]) -> Counter[str]:
    found: Counter[str] = Counter()
    for outcome in outcomes:
        refusal = outcome.recorded.refusal if isinstance(outcome, Replayed) else outcome
        if isinstance(refusal, Refusal):
            found[refusal.code.value] += 1
    return found
