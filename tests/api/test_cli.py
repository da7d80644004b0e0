"""The command line against a database given by DATABASE_URL."""

import csv
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from api.cli import main
from clearing.privacy import new_keys
from support.alliance import LI, NOBODY, PERSONAL_DATA_KEYS, SEALING_KEYS, WANG, opened_alliance
from support.api import OPERATOR_KEY, code, good
from support.databases import Databases

Tongdui = Callable[..., Result]
NOWHERE = "postgresql://nobody:secret@127.0.0.1:1/none"


@pytest.fixture
def tongdui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tongdui:
    """Runs `tongdui ARGUMENTS`; keyword arguments are variables of the environment."""
    for name in ("DATABASE_URL", "TONGDUI_PORT", "TONGDUI_BOOTSTRAP_KEY", "TONGDUI_TZ"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object, **environment: str) -> Result:
        variables = {"TONGDUI_DATA": str(tmp_path), "COLUMNS": "200"} | environment
        return CliRunner().invoke(main, list(map(str, arguments)), env=variables)

    return run


@pytest.fixture
def used(alliance_url: str, tmp_path: Path, tongdui: Tongdui) -> Tongdui:
    """`tongdui` on the alliance of `support.alliance` with one redemption that crosses."""
    with opened_alliance(alliance_url, tmp_path) as alliance:
        redemption = {"card": WANG, "merchant": "LOTUS-1", "points": 4000}
        good(alliance.operator.post("/v1/redemptions", redemption))
    return partial(
        tongdui,
        DATABASE_URL=alliance_url,
        TONGDUI_PERSONAL_DATA_KEYS=PERSONAL_DATA_KEYS,
        TONGDUI_SEALING_KEYS=SEALING_KEYS,
    )


def told(result: Result, exit_code: int = 0) -> str:
    """What the command printed; fails with it if it ended otherwise, or with a traceback."""
    assert result.exit_code == exit_code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def execute(url: str, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(statement))


def this_month() -> str:
    return datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")


def test_upgrading_makes_the_tables_and_shows_an_operator_key_once(
    databases: Databases, tongdui: Tongdui
) -> None:
    with databases.fresh("template0") as url:
        assert "tongdui db upgrade" in told(tongdui("db", "check", DATABASE_URL=url), 1)
        first = told(tongdui("db", "upgrade", DATABASE_URL=url))
        assert "up to date" in first
        assert "tdk_live_" in first
        second = told(tongdui("db", "upgrade", DATABASE_URL=url))
        assert "tdk_live_" not in second
        assert "as they should be" in told(tongdui("db", "check", DATABASE_URL=url))


def test_a_bootstrap_key_of_the_environment_is_accepted_and_not_shown(
    databases: Databases, tongdui: Tongdui
) -> None:
    with databases.fresh("template0") as url:
        output = told(tongdui("db", "upgrade", DATABASE_URL=url, TONGDUI_BOOTSTRAP_KEY=OPERATOR_KEY))
        assert "tdk_" not in output


def test_a_difference_of_the_tables_is_named(used: Tongdui, alliance_url: str) -> None:
    execute(alliance_url, "ALTER TABLE lots DROP COLUMN held")
    output = told(used("db", "check"), 1)
    assert "lots held" in output


def test_a_file_is_imported_and_refused_rows_are_shown_and_written(used: Tongdui, tmp_path: Path) -> None:
    file, errors = tmp_path / "accruals.csv", tmp_path / "errors.csv"
    file.write_text(f"card,merchant,amount\n{LI},JADE-1,100\n{NOBODY},JADE-1,100\n{LI},NOWHERE,1\n")
    output = told(used("import", "accruals", file, "--errors", errors))
    assert "3 rows: 1 accepted, 0 replayed, 2 refused." in output
    assert "card_unknown" in output
    assert str(errors) in output.replace("\n", "")
    rows = list(csv.DictReader(errors.read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["row"], row["code"], row["card"]) for row in rows] == [
        ("2", "card_unknown", NOBODY),
        ("3", "merchant_unknown", LI),
    ]
    told(used("import", "accruals", file, "--strict"), 3)
    errors.write_text(errors.read_text(encoding="utf-8-sig").replace(NOBODY, LI).replace("NOWHERE", "JADE-1"))
    assert "2 rows: 2 accepted" in told(used("import", "accruals", errors, "--strict"))
    assert "3 rows: 0 accepted, 1 replayed, 2 refused." in told(used("import", "accruals", file))


def test_brackets_in_files_and_in_their_names_are_printed_as_they_are(used: Tongdui, tmp_path: Path) -> None:
    file = tmp_path / "[x] :100:.csv"
    file.write_text("card,merchant,amount\n[/b],JADE-1,100\n[red]:100:,JADE-1,100\n")
    output = told(used("import", "accruals", file, "--errors", tmp_path / "[b].csv"))
    assert "'[/b]'" in output and "'[red]:100:'" in output and "[b].csv" in output.replace("\n", "")


def test_ndjson_is_known_by_the_files_ending_and_history_by_the_option(used: Tongdui, tmp_path: Path) -> None:
    file = tmp_path / "history.ndjson"
    row = {"card": LI, "merchant": "JADE-1", "amount": 100, "occurred_at": "2025-05-01T00:00:00+08:00"}
    file.write_text(json.dumps(row))
    assert "1 rows: 1 accepted" in told(used("import", "accruals", file, "--historical"))
    assert "2025-05, closed" in told(used("close", "2025-05"))


def test_who_got_which_card_is_written(used: Tongdui, tmp_path: Path) -> None:
    file, results = tmp_path / "members.csv", tmp_path / "results.csv"
    file.write_bytes("participant,name,phone\nJADE,王小明,13911170001\nJADE,李,\n".encode("gb18030"))
    output = told(used("import", "members", file, "--results", results))
    assert "2 rows: 2 accepted, 0 replayed, 0 refused. Read as GB18030." in output
    rows = list(csv.DictReader(results.read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["row"], row["name"], len(row["card"])) for row in rows] == [
        ("1", "王小明", 16),
        ("2", "李", 16),
    ]
    assert "only an import of members" in told(used("import", "accruals", file, "--results", results), 2)


def test_a_file_that_is_none_is_told_in_a_sentence(used: Tongdui, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.touch()
    assert "The file is empty" in told(used("import", "accruals", file), 1)
    assert "does not exist" in told(used("import", "accruals", tmp_path / "none.csv"), 2)
    assert "accruals" in told(used("import", "gifts", file), 2)


def test_a_period_is_closed_and_its_statements_written(used: Tongdui, tmp_path: Path) -> None:
    refused = told(used("close", this_month()), 1)
    assert "period_not_ended" in refused
    assert "--early" in refused
    output = told(used("close", this_month(), "--early"))
    assert "-25.00" in output
    assert "Zero sum: True" in output
    assert told(used("close", this_month())) == output
    out = tmp_path / "statements"
    assert "15 files" in told(used("statements", this_month(), "--out", out))
    assert {path.suffix for path in out.iterdir()} == {".json", ".csv", ".xlsx", ".pdf", ".beancount"}
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    told(used("statements", this_month(), "--out", out))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    output = told(used("statements", this_month(), "--out", out, "--participant", "JADE", "--format", "json"))
    assert "1 files" in output
    assert "check the participant" in told(
        used("statements", this_month(), "--out", out, "--participant", "NOBODY"), 1
    )


@pytest.mark.parametrize("period", ["2020-01", "2199-12", "9999-12", "0001-01"])
def test_a_period_that_was_never_opened_is_told_so(used: Tongdui, tmp_path: Path, period: str) -> None:
    assert f"No period {period} has been opened" in told(used("close", period), 1)
    assert "close the period first" in told(used("statements", period, "--out", tmp_path), 1)


@pytest.mark.parametrize("period", ["2026-13", "November", "202611", ""])
def test_what_is_no_period_is_told_so(tongdui: Tongdui, tmp_path: Path, period: str) -> None:
    assert "YYYY-MM" in told(tongdui("close", period), 2)


def test_verify_finds_nothing_in_a_good_ledger_and_the_row_that_was_tampered_with(
    used: Tongdui, alliance_url: str
) -> None:
    assert "no difference" in told(used("verify"))
    execute(alliance_url, "UPDATE lots SET available = available + 1 WHERE available = 2000")
    output = told(used("verify"), 1)
    assert "lot_balances" in output
    assert "2000" in output
    assert "2001" in output


def test_upgrading_names_what_earlier_versions_booked_twice_under_one_number(
    used: Tongdui, alliance_url: str, tmp_path: Path
) -> None:
    with opened_alliance(alliance_url, tmp_path) as alliance:
        till = [
            {"card": WANG, "merchant": "LOTUS-1", "amount": 100, "reference": one} for one in ("B-1", "x")
        ]
        bills = [good(alliance.operator.post("/v1/accruals", one))["id"] for one in till]
    execute(
        alliance_url,
        "WITH later AS (DELETE FROM merchant_references WHERE reference = 'x' RETURNING *)"
        " INSERT INTO reference_collisions SELECT merchant_id, kind, 'B-1', transaction_id, wallet_id, 'x'"
        " FROM later",
    )
    upgraded = told(used("db", "upgrade"))
    assert (
        f"The number 'B-1' of LOTUS-1 stands on two transactions of kind accrual: {bills[0]} and {bills[1]},"
        " booked as 'x'. An earlier version did not see it. If they are one bill, reverse one of them."
    ) in upgraded
    assert "numbers that others have, too: 1;" in told(used("doctor"))
    told(used("verify"))


def test_doctor_says_good_or_what_to_do(used: Tongdui, alliance_url: str, databases: Databases) -> None:
    output = told(used("doctor"), 1 if "is off" in used("doctor").output else 0)
    assert "tables are up to date" in output
    assert "1 periods open" in output
    with databases.fresh("template0") as url:
        assert "tongdui db upgrade" in told(used("doctor", DATABASE_URL=url), 1)
    assert "Check DATABASE_URL" in told(used("doctor", DATABASE_URL=NOWHERE), 1)


COMMANDS = [
    ("db", "check"),
    ("db", "upgrade"),
    ("close", "2026-11"),
    ("verify",),
    ("statements", "2026-11", "--out", "x"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_is_out_of_reach_is_told_in_a_sentence_without_the_password(
    tongdui: Tongdui, command: tuple[str, ...]
) -> None:
    output = told(tongdui(*command, DATABASE_URL=NOWHERE), 1)
    assert "cannot be reached" in output
    assert "DATABASE_URL" in output
    assert "secret" not in output


@pytest.mark.parametrize("command", COMMANDS[2:], ids=" ".join)
def test_a_database_without_tables_is_told_in_a_sentence(
    databases: Databases, tongdui: Tongdui, command: tuple[str, ...]
) -> None:
    with databases.fresh("template0") as url:
        assert "tongdui db upgrade" in told(tongdui(*command, DATABASE_URL=url), 1)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("DATABASE_URL", "mysql://localhost/x", "postgresql://"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL"),
        ("TONGDUI_PORT", "eighty", "TONGDUI_PORT"),
        ("TONGDUI_TZ", "Mars/Olympus", "Asia/Shanghai"),
        ("TONGDUI_BOOTSTRAP_KEY_FILE", "/nowhere", "TONGDUI_BOOTSTRAP_KEY_FILE"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence(
    tongdui: Tongdui, variable: str, value: str, expected: str
) -> None:
    assert expected in told(tongdui("verify", **{variable: value}), 1)


def test_a_new_alliance_begins_in_no_zone_that_depends_on_the_machine(
    databases: Databases, tongdui: Tongdui
) -> None:
    with databases.fresh() as url:
        output = told(tongdui("db", "upgrade", DATABASE_URL=url, TONGDUI_TZ="posix/Asia/Shanghai"), 1)
    assert "TONGDUI_TZ" in output and "Asia/Shanghai" in output


def test_a_bootstrap_key_that_is_too_short_is_told_so(databases: Databases, tongdui: Tongdui) -> None:
    with databases.fresh() as url:
        output = told(tongdui("db", "upgrade", DATABASE_URL=url, TONGDUI_BOOTSTRAP_KEY="short"), 1)
    assert "TONGDUI_BOOTSTRAP_KEY" in output
    assert "16 characters" in output


@pytest.mark.parametrize("keys", ["nonsense", "{}", new_keys().replace('"current": 1', '"current": 2')])
def test_wrong_keys_of_personal_data_are_told_so(databases: Databases, tongdui: Tongdui, keys: str) -> None:
    with databases.fresh() as url:
        output = told(tongdui("db", "upgrade", DATABASE_URL=url, TONGDUI_PERSONAL_DATA_KEYS=keys), 1)
    assert "TONGDUI_PERSONAL_DATA_KEYS" in output
    assert json.loads(new_keys())["index"] not in output


def test_help_names_every_command() -> None:
    output = told(CliRunner().invoke(main, ["--help"]))
    for command in main.commands.values():
        assert command.name is not None
        assert command.name in output
        assert command.help
        told(CliRunner().invoke(main, [command.name, "--help"]))


def test_statements_are_signed_where_the_keys_are_and_verified_there(used: Tongdui, tmp_path: Path) -> None:
    period = this_month()
    told(used("close", period, "--early"))
    refused = told(used("statements", period, "--out", tmp_path, TONGDUI_SEALING_KEYS=""), 1)
    assert "TONGDUI_SEALING_KEYS" in refused
    told(used("statements", period, "--out", tmp_path, "--format", "csv", TONGDUI_SEALING_KEYS=""))
    told(used("statements", period, "--out", tmp_path, "--format", "json"))
    for file in sorted(tmp_path.glob("*.json")):
        output = told(used("verify-statement", file))
        assert "the hub has signed it" in output
        assert "the file says itself" not in output


def test_members_who_turn_out_to_have_one_phone_are_named_and_both_stay(
    used: Tongdui, alliance_url: str, tmp_path: Path
) -> None:
    with opened_alliance(alliance_url, tmp_path) as alliance:
        first, second = (
            good(alliance.participant(whose).post("/v1/members", {"participant": whose, "phone": phone}))
            for whose, phone in (("JADE", "13900000001"), ("LOTUS", "13900000002"))
        )
    # As two phones of the first version, which were two to it and are one.
    execute(
        alliance_url,
        "UPDATE members SET phone_form = NULL, phone_cipher = (SELECT phone_cipher FROM members WHERE"
        " phone_index IS NOT NULL AND participant_id = (SELECT id FROM participants WHERE code = 'JADE')"
        " ORDER BY id DESC LIMIT 1) WHERE id = (SELECT max(id) FROM members)",
    )
    sentence = (
        f"Member {second['id']} of LOTUS has the phone of {first['id']} of JADE, who was enrolled before."
    )
    for _ in range(2):
        assert sentence in told(used("db", "upgrade"))
    doctors = told(used("doctor"), 1)
    assert sentence in doctors
    assert "PATCH /v1/members/{id}" in doctors
    with opened_alliance(alliance_url, tmp_path) as alliance:
        assert (
            good(alliance.participant("LOTUS").get(f"/v1/members/{second['id']}"))["phone"] == "13900000001"
        )
        body = {"participant": "PINE", "phone": "+86 139 0000 0001"}
        assert code(alliance.participant("PINE").post("/v1/members", body)) == "enrolled_elsewhere"
    told(used("verify"))
