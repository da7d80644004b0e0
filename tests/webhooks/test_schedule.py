"""The schedule delivers by itself, and stops without waiting for receivers that hang."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api import jobs as api_jobs
from clearing.core.events import EventType
from clearing.privacy import PersonalData
from settlement.schedule import Schedule
from support.alliance import PERSONAL_DATA_KEYS, settings_for
from support.ledger import Ledger
from support.receiver import Post, Receiver

SECONDS_MAX = 20


def test_what_is_told_is_delivered_by_the_schedule_soon_after(
    ledger: Ledger,
    engine: Engine,
    database_url: str,
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_jobs, "DELIVER_SECONDS", 0.1)
    settings = replace(settings_for(database_url, tmp_path), webhook_allow=("127.0.0.1/32",))
    courier = api_jobs.make_courier(settings, engine)
    jobs = Schedule(engine, api_jobs.webhook_jobs(lambda: courier))
    post = Post(engine)
    post.personal_data = PersonalData.from_text(PERSONAL_DATA_KEYS)
    endpoint = post.register(ledger.participant_ids["JADE"], receiver.url)
    jobs.start()
    try:
        post.tell(ledger.participant_ids["JADE"], EventType.CAP_WARNING)
        give_up_at = time.monotonic() + SECONDS_MAX
        while post.deliveries() != ["delivered"]:
            assert time.monotonic() < give_up_at, post.attempts()
            time.sleep(0.05)
    finally:
        courier.stop()
        jobs.stop()
        courier.close()
    [got] = receiver.received
    assert got.verified_with(endpoint.secret)["type"] == "cap.warning"
