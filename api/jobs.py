"""All jobs of the schedule: those that need the database alone, and those that need keys or call others."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine

from api.backups import backup_job, restore_drill_job
from api.secret_keys import load_personal_data
from clearing.proof.keys import SealingKeys
from clearing.proof.seal import seal
from clearing.writer import Writer
from config import Settings
from settlement.core.timetable import Every
from settlement.jobs import JOBS, Counts, Job
from webhooks.addresses import AddressPolicy
from webhooks.courier import Courier
from webhooks.deliveries import forget
from webhooks.sender import Sender

#: Within five seconds what was posted is to be in the tree, signed.
SEAL_SECONDS = 2
DELIVER_SECONDS = 2
FORGET_SECONDS = 3600


def make_courier(settings: Settings, engine: Engine) -> Courier:
    """Raises SettingsError if the keys that its secrets are under are none."""
    sender = Sender(AddressPolicy(settings.webhook_allow))
    return Courier(engine, load_personal_data(settings), sender, now=_now)


def all_jobs(
    settings: Settings, sealing_keys: Callable[[], SealingKeys], courier: Callable[[], Courier]
) -> tuple[Job, ...]:
    """Neither keys nor courier is asked for before a job that needs it runs."""
    backups = (backup_job(settings), restore_drill_job(settings))
    return (*JOBS, *backups, seal_job(sealing_keys), *webhook_jobs(courier))


def seal_job(sealing_keys: Callable[[], SealingKeys]) -> Job:
    """What was posted is put into the tree, and its head is signed."""

    def work(engine: Engine, _: Writer, __: datetime) -> Counts:
        return {"sealed": seal(engine, sealing_keys)}

    return Job("seal", 7, Every(SEAL_SECONDS), "Seal what was posted in the signed tree", work)


def webhook_jobs(courier: Callable[[], Courier]) -> tuple[Job, Job]:
    """New events are delivered, and old ones forgotten."""

    def deliver(_: Engine, __: Writer, ___: datetime) -> Counts:
        return courier().run()._asdict()

    def forget_old(engine: Engine, _: Writer, at: datetime) -> Counts:
        return {"forgotten": forget(engine, at)}

    return (
        Job("deliver_webhooks", 20, Every(DELIVER_SECONDS), "Deliver new events to webhooks", deliver),
        Job(
            "forget_events",
            21,
            Every(FORGET_SECONDS),
            "Forget events and deliveries after 90 days",
            forget_old,
        ),
    )


def _absent() -> None:
    raise AssertionError("a job that is only listed is not run")


#: For lists of what there is; not to be run.
LISTED = all_jobs(None, _absent, _absent)  # type: ignore[arg-type]


def _now() -> datetime:
    return datetime.now(UTC)
