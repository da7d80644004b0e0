"""The jobs of the schedule that need more than the database: keys, and the courier of webhooks."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine

from api.setup import load_personal_data
from clearing.proof.keys import SealingKeys
from clearing.proof.seal import seal
from clearing.writer import Writer
from config import Settings
from settlement.schedule import Every, Job
from webhooks.addresses import AddressPolicy
from webhooks.courier import Courier, Delivered
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


def seal_job(sealing_keys: Callable[[], SealingKeys]) -> Every:
    """What was posted is put into the tree, and its head is signed."""

    def seal_journal(engine: Engine, _: Writer) -> int:
        return seal(engine, sealing_keys)

    return Every(Job("seal", 4, seal_journal), SEAL_SECONDS)


def webhook_jobs(courier: Courier) -> Sequence[Every]:
    """New events are delivered, and old ones forgotten."""

    def deliver(_: Engine, __: Writer) -> Delivered:
        return courier.run()

    def forget_old(engine: Engine, _: Writer) -> int:
        return forget(engine, _now())

    return (
        Every(Job("deliver_webhooks", 20, deliver), DELIVER_SECONDS),
        Every(Job("forget_events", 21, forget_old), FORGET_SECONDS),
    )


def _now() -> datetime:
    return datetime.now(UTC)
