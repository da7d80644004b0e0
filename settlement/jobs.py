"""The jobs that run by the clock. Each does what is due at an instant, however late it is woken, and may be
run twice. A new one is a function and a line in `JOBS`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine

from clearing import verify as ledger
from clearing.answers import forget_answers
from clearing.one_by_one import Failures, NotAllDone, is_cut_off, reason
from clearing.upkeep import expire_lots, lapse_holds, pay_arrears, remind
from clearing.verify import frozen
from clearing.writer import Writer
from settlement.close import close_due, finish_unfinished, history_open_from
from settlement.core.timetable import Daily, Every, Monthly
from settlement.overdue import suspend_overdue
from settlement.verify import checks

#: What a run has done, in numbers; a run whose numbers are all zero had nothing to do.
Counts = Mapping[str, int]


class Job(NamedTuple):
    """`number` names its lock; never renumber. `work` is given the instant for which it runs."""

    name: str
    number: int
    when: Every | Daily | Monthly
    description: str
    work: Callable[[Engine, Writer, datetime], Counts]


class Differs(Exception):
    """Something does not add up; the text names the first difference of each check that found one, and each
    check that could not be carried out.
    """


def _close(engine: Engine, _: Writer, at: datetime) -> Counts:
    counts, failures = dict[str, int](), Failures()
    for name, work in (
        ("closed", lambda: close_due(engine, at)),
        ("finished", lambda: finish_unfinished(engine)),
    ):
        # What one of them left undone is told with what both have done.
        with failures.of(name):
            try:
                counts[name] = work()
            except NotAllDone as some:
                counts |= some.counts
                raise
    failures.tell(counts)
    return counts


def _lapse(engine: Engine, writer: Writer, at: datetime) -> Counts:
    return {"lapsed": lapse_holds(engine, writer, at)}


def _expire(engine: Engine, writer: Writer, at: datetime) -> Counts:
    with engine.connect() as connection:
        # What a row of the past may still use has not ended for it.
        before = history_open_from(connection)
    # What is owed is paid before anything ends.
    paid = pay_arrears(engine, writer, at)
    return {**expire_lots(engine, writer, at, before)._asdict(), "arrears_paid": paid}


def _remind(engine: Engine, writer: Writer, at: datetime) -> Counts:
    return {"reminders": remind(engine, writer, at)}


def _suspend(engine: Engine, _: Writer, at: datetime) -> Counts:
    return {"suspended": suspend_overdue(engine, at)}


def checked(engine: Engine) -> int:
    """Verify everything; how many checks there were. Raises Differs."""
    found = []
    with frozen(engine) as connection:
        for check in checks():
            try:
                with connection.begin_nested():
                    found += [
                        f"{one.check}: {one.where}: expected {one.expected}, found {one.found}"
                        for one in ledger.verify(connection, None, [check])
                    ]
            except Exception as error:
                if is_cut_off(error):
                    raise
                found.append(f"{check.name} could not be checked: {reason(error)}")
    if found:
        raise Differs("; ".join(found))
    return len(checks())


def _verify(engine: Engine, _: Writer, at: datetime) -> Counts:
    return {"checks": checked(engine)}


def _forget(engine: Engine, _: Writer, at: datetime) -> Counts:
    with engine.begin() as connection:
        return {"forgotten": forget_answers(connection, at)}


LAPSE = Job("lapse_holds", 1, Every(10), "Give back what ended holds still keep", _lapse)
EXPIRE = Job("expire_lots", 2, Daily(0, 5), "End points and stored value whose last day is over", _expire)
REMIND = Job("remind", 3, Daily(0, 15), "Tell of points that end in 30 and in 7 days", _remind)
CLOSE = Job("close_periods", 4, Every(60), "Close months that have ended, after the quiet time", _close)
SUSPEND = Job("suspend_overdue", 5, Daily(6, 0), "Suspend debtors who are long overdue", _suspend)
VERIFY = Job("verify", 6, Daily(3, 30), "Add up the whole journal again", _verify)
FORGET = Job("forget_answers", 18, Daily(2, 15), "Forget answers that nobody asks for again", _forget)

JOBS = (CLOSE, EXPIRE, LAPSE, REMIND, SUSPEND, VERIFY, FORGET)
