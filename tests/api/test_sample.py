"""The sample alliance: what is in it, that it can be tried at once, and that loading it again is harmless."""

import io
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from sqlalchemy import Engine, func, select

from api.app import create_app
from api.building import opened_services
from api.sample import SAMPLE_KEYS_FILE, SampleKey, load, read_sample_keys
from api.sample.history import History, history
from api.sample.keys import VISITED
from api.sample.load import load_sample
from api.sample.members import MEMBERS, VISITOR, people
from api.setup import prepare
from clearing.alliance import admit_participant
from clearing.core.calendar import PeriodState
from clearing.core.commands import Command
from clearing.tables import api_keys, members, participants, transactions
from config import Settings, load_settings
from settlement.query import list_periods, read_settlement
from settlement.verify import verify
from support.api import Caller, good

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"TONGDUI_DATA": str(tmp_path / "data"), "TONGDUI_THREADS": "2"})


@pytest.fixture
def url(settings: Settings, database_url: str) -> str:
    prepare(settings, database_url)
    return database_url


@pytest.fixture
def said() -> Console:
    """A console whose file can be read back."""
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def loaded(settings: Settings, url: str, said: Console) -> list[SampleKey]:
    load_sample(settings, url, said)
    return read_sample_keys(settings)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def counts(engine: Engine) -> tuple[int, ...]:
    with engine.connect() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (participants, members, transactions)
        )


def tell(now: datetime, zone: ZoneInfo = SHANGHAI) -> History:
    random = Random(load.SEED)  # noqa: S311
    return history(random, people(random), now, zone)


def commands_of(told: History) -> Sequence[Command]:
    return [*told.openings, *told.in_last_month, *told.in_this_month]


def test_nothing_of_the_sample_is_refused(loaded: list[SampleKey], said: Console, engine: Engine) -> None:
    assert "is ready" in text(said)
    assert "refused" not in text(said)
    assert counts(engine)[:2] == (3, MEMBERS)


def test_last_month_is_closed_on_nets_that_are_not_zero(loaded: list[SampleKey], engine: Engine) -> None:
    with engine.connect() as connection:
        first, *later = list_periods(connection)
        settlement = read_settlement(connection, first.number)
    assert first.state is PeriodState.CLOSED
    assert all(period.state is PeriodState.OPEN for period in later)
    assert settlement is not None
    assert settlement.zero_sum
    assert settlement.recomputed
    assert all(line.net for line in settlement.netting.lines)
    assert settlement.netting.hub_net > 0


def test_the_journal_adds_up(loaded: list[SampleKey], engine: Engine) -> None:
    with engine.connect() as connection:
        assert next(verify(connection), None) is None


def test_only_we_can_read_the_keys(loaded: list[SampleKey], settings: Settings) -> None:
    mode = (settings.data_dir / SAMPLE_KEYS_FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_there_is_a_key_for_everybody(loaded: list[SampleKey]) -> None:
    labels = {key.label for key in loaded}
    assert {"operator", "JADE participant", "LOTUS finance", "PINE-SH desk"} <= labels
    assert len(loaded) == 10


@pytest.fixture
def client(loaded: list[SampleKey], settings: Settings, url: str) -> Iterator[dict[str, Caller]]:
    """A caller for each label."""
    with opened_services(settings, url) as services:
        client = create_app(services).test_client()
        yield {key.label: Caller(client, key.key) for key in loaded}


def test_the_visitor_s_card_shows_points_of_several_issuers(
    client: dict[str, Caller], loaded: list[SampleKey]
) -> None:
    shown = [key for key in loaded if key.card is not None]
    assert [(key.label, key.card) for key in shown] == [(f"{VISITED} desk", VISITOR.card)]
    check = good(client[f"{VISITED} desk"].get(f"/v1/cards/{VISITOR.card}"))
    assert check["cross_system"]
    assert check["status"] == "active"
    assert {lot["issuer"] for lot in check["lots"]} == {"JADE", "LOTUS"}
    assert check["points"]["available"] == 6500
    assert check["benefits"]


def test_finance_downloads_last_month_s_statement(client: dict[str, Caller]) -> None:
    finance = client["LOTUS finance"]
    (header,) = good(finance.get("/v1/statements"))["data"]
    for extension in ("json", "csv", "xlsx"):
        answer = finance.get(f"/v1/statements/{header['id']}.{extension}")
        assert answer.status_code == 200
        assert answer.data


def test_loading_again_changes_nothing(
    loaded: list[SampleKey], settings: Settings, url: str, said: Console, engine: Engine
) -> None:
    before = counts(engine)
    load_sample(settings, url, said)
    assert counts(engine) == before
    assert read_sample_keys(settings) == loaded


@pytest.mark.parametrize("cut_off_at", ["_enrol", "_close", "make_sample_keys", "write_sample_keys"])
def test_a_load_that_was_cut_off_is_completed_by_the_next(
    cut_off_at: str,
    settings: Settings,
    url: str,
    said: Console,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(load, cut_off_at, cut_off)
        with pytest.raises(KeyboardInterrupt):
            load_sample(settings, url, said)
    assert read_sample_keys(settings) == []
    load_sample(settings, url, said)
    assert counts(engine)[1] == MEMBERS
    assert "refused" not in text(said)
    keys = read_sample_keys(settings)
    with engine.connect() as connection:
        live = select(func.count()).select_from(api_keys)
        live = live.where(api_keys.c.made_by == "sample", api_keys.c.revoked_at.is_(None))
        assert connection.execute(live).scalar_one() == len(keys)
        assert next(verify(connection), None) is None


def test_a_database_with_other_data_is_left_alone(
    settings: Settings, url: str, said: Console, engine: Engine
) -> None:
    with engine.begin() as connection:
        admit_participant(connection, {"code": "ACME", "name": "Acme"})
    load_sample(settings, url, said)
    assert "left out" in text(said)
    assert counts(engine) == (1, 0, 0)
    assert read_sample_keys(settings) == []


def test_another_empty_database_gets_a_sample_of_its_own(
    loaded: list[SampleKey], settings: Settings, databases: object, said: Console
) -> None:
    with databases.fresh() as other:  # type: ignore[attr-defined]  # support.databases.Databases
        prepare(settings, other)
        load_sample(settings, other, said)
        assert read_sample_keys(settings) != loaded


def test_a_damaged_file_of_keys_counts_as_none(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / SAMPLE_KEYS_FILE).write_text('[{"label": 1')
    assert read_sample_keys(settings) == []
    assert read_sample_keys(replace(settings, data_dir=settings.data_dir / "absent")) == []


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 1, 0, 0, 1, tzinfo=SHANGHAI),
        datetime(2026, 11, 22, 8, 40, tzinfo=SHANGHAI),
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=SHANGHAI),
        datetime(2027, 1, 1, 0, 30, tzinfo=SHANGHAI),
        datetime(2028, 3, 1, 12, 0, tzinfo=UTC),
    ],
)
def test_the_history_is_told_in_the_order_of_time_and_ends_now(now: datetime) -> None:
    told = tell(now)
    moments = [command.occurred_at for command in commands_of(told) if command.occurred_at]
    assert len(moments) == len(commands_of(told))
    assert moments == sorted(moments)
    assert moments[-1] < now
    assert all(
        told.last_month.starts_at <= command.occurred_at < told.last_month.ends_at
        for command in (*told.openings, *told.in_last_month)
        if command.occurred_at
    )
    assert len(told.in_last_month) > 200


def test_the_same_now_tells_the_same_history() -> None:
    now = datetime(2026, 11, 22, 8, 40, tzinfo=SHANGHAI)
    assert tell(now) == tell(now)
    assert len({command.key for command in commands_of(tell(now))}) == len(commands_of(tell(now)))
    later = tell(now + timedelta(hours=5))
    assert later.in_last_month == tell(now).in_last_month
