"""`tongdui keys`: what guards names and phones is shown, renewed, and never lost."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.exceptions import InvalidTag
from pyotp import TOTP
from sqlalchemy import create_engine, select, text
from sqlalchemy.pool import NullPool

from api.app import create_app
from api.building import build_services
from api.cli import main
from api.key_file import add_key
from api.secret_keys import KEYS_FILE, SEALING_KEYS_FILE, load_sealing_keys
from clearing.core.commands import Scope
from clearing.privacy import PersonalData, new_keys, with_new_key
from clearing.proof.keys import fingerprint, new_sealing_keys, read_public_key
from support.alliance import PERSONAL_DATA_KEYS, WANG, Alliance, settings_for
from support.api import good
from support.crowd import at_once
from support.people import make_user
from users import totp
from users.tables import users
from webhooks.addresses import AddressPolicy
from webhooks.signing import unseal
from webhooks.tables import webhook_endpoints

Tongdui = Callable[..., Result]


@pytest.fixture
def tongdui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tongdui:
    """Runs `tongdui ARGUMENTS`; keyword arguments are variables of the environment."""
    for name in ("DATABASE_URL", "TONGDUI_PERSONAL_DATA_KEYS", "TONGDUI_SEALING_KEYS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object, **environment: str) -> Result:
        variables = {"TONGDUI_DATA": str(tmp_path), "COLUMNS": "200"} | environment
        return CliRunner().invoke(main, list(map(str, arguments)), env=variables)

    return run


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The keys of the alliance of `support.alliance`, as a server keeps them in its data folder."""
    path = tmp_path / KEYS_FILE
    path.parent.mkdir()
    path.write_text(PERSONAL_DATA_KEYS)
    path.chmod(0o600)
    return path


@pytest.fixture
def used(alliance_url: str, key_file: Path, tongdui: Tongdui) -> Tongdui:
    """`tongdui` on the alliance of `support.alliance`, with its keys in a file."""
    return partial(tongdui, DATABASE_URL=alliance_url)


@pytest.fixture
def served(alliance_url: str, key_file: Path, tmp_path: Path) -> Iterator[Alliance]:
    """A server that was started with the keys of the file."""
    settings = settings_for(alliance_url, tmp_path)
    assert settings.personal_data_keys is not None
    services = build_services(replace(settings, personal_data_keys=None), alliance_url)
    try:
        yield Alliance(create_app(services), services)
    finally:
        services.close()


def told(result: Result, exit_code: int = 0) -> str:
    """What the command printed; fails with it if it ended otherwise, or with a traceback."""
    assert result.exit_code == exit_code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def table(output: str) -> dict[str, list[str]]:
    """The rows of `tongdui keys status` by key."""
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    return {row[0]: row[1:] for row in cells}


def execute(url: str, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_a_new_key_encrypts_and_the_older_ones_are_kept(used: Tongdui, key_file: Path) -> None:
    assert table(told(used("keys", "status"))) == {"1": ["3", "3", "0", "encrypts"]}
    before = json.loads(key_file.read_text())
    output = told(used("keys", "add"))
    assert "Key 2 was added" in output
    assert str(key_file) in output
    assert "backup" in output
    after = json.loads(key_file.read_text())
    assert (after["index"], after["keys"]["1"], after["current"]) == (before["index"], before["keys"]["1"], 2)
    assert not any(key in output for key in after["keys"].values())
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]
    assert table(told(used("keys", "status"))) == {
        "1": ["3", "3", "0", "decrypts"],
        "2": ["0", "0", "0", "encrypts"],
    }


def test_all_values_are_taken_over_to_the_newest_key_once(used: Tongdui) -> None:
    assert "0 members: 0 names and 0 phones" in told(used("keys", "rotate"))
    told(used("keys", "add"))
    assert "3 members: 3 names and 3 phones are now under key 2." in told(used("keys", "rotate"))
    assert table(told(used("keys", "status"))) == {
        "1": ["0", "0", "0", "decrypts"],
        "2": ["3", "3", "0", "encrypts"],
    }
    assert "0 members: 0 names and 0 phones" in told(used("keys", "rotate"))


def test_webhook_secrets_are_taken_over_and_go_on_signing(
    used: Tongdui, served: Alliance, key_file: Path
) -> None:
    served.services.webhook_addresses = AddressPolicy(["127.0.0.1"])
    caller = served.participant("JADE")
    made = good(caller.post("/v1/webhook-endpoints", {"url": "http://127.0.0.1/"}))
    rotated = good(caller.post(f"/v1/webhook-endpoints/{made['id']}/rotate-secret"))
    assert table(told(used("keys", "status"))) == {"1": ["3", "3", "2", "encrypts"]}
    told(used("keys", "add"))
    assert "1 webhook endpoints" in told(used("keys", "rotate"))
    assert table(told(used("keys", "status"))) == {
        "1": ["0", "0", "0", "decrypts"],
        "2": ["3", "3", "2", "encrypts"],
    }
    with served.services.engine.connect() as connection:
        row = connection.execute(select(webhook_endpoints)).one()
    personal_data = PersonalData.from_text(key_file.read_text())
    assert unseal(personal_data, row.id, row.secret_cipher) == rotated["secret"]
    assert unseal(personal_data, row.id, row.old_secret_cipher) == made["secret"]
    with pytest.raises(InvalidTag):
        unseal(personal_data, row.id + 1, row.secret_cipher)


def test_second_factors_are_taken_over_and_go_on_opening(
    used: Tongdui, served: Alliance, key_file: Path
) -> None:
    engine = served.services.engine
    with engine.begin() as connection:
        user = make_user(connection, "wu", Scope.AUDITOR)
        secret = totp.begin_enrolment(connection, served.services.personal_data, user.id)
        before = connection.execute(select(users.c.totp_cipher).where(users.c.id == user.id)).scalar_one()
    assert table(told(used("keys", "status")))["1"][2] == "1"
    told(used("keys", "add"))
    assert "1 users: their second factors" in told(used("keys", "rotate"))
    assert table(told(used("keys", "status"))) == {
        "1": ["0", "0", "0", "decrypts"],
        "2": ["3", "3", "1", "encrypts"],
    }
    now = PersonalData.from_text(key_file.read_text())
    with engine.begin() as connection:
        row = connection.execute(select(users).where(users.c.id == user.id)).one()
        assert bytes(row.totp_cipher)[0] == now.current == 2 and row.totp_cipher != before
        assert totp.accept_code(connection, now, user.id, TOTP(secret).now())
    # Without the newest key, as in a copy of the folder that was made before, nothing is read.
    with engine.begin() as connection, pytest.raises(KeyError):
        totp.accept_code(connection, PersonalData.from_text(PERSONAL_DATA_KEYS), user.id, TOTP(secret).now())
    assert "second factors" not in told(used("keys", "rotate")), "nothing is left to be done"


def test_a_server_that_runs_reads_what_was_taken_over_and_finds_enrolled_people(
    used: Tongdui, served: Alliance
) -> None:
    desk, jade = served.merchant("PINE-1"), served.participant("JADE")
    assert good(desk.get(f"/v1/cards/{WANG}"))["holder"] == "W************"
    told(used("keys", "add"))
    old = good(jade.post("/v1/members", {"participant": "JADE", "name": "Before", "phone": "13900000001"}))
    told(used("keys", "rotate"))
    assert good(desk.get(f"/v1/cards/{WANG}"))["holder"] == "W************"
    assert good(jade.get(f"/v1/members/{old['id']}"))["name"] == "Before"
    new = good(jade.post("/v1/members", {"participant": "JADE", "name": "After", "phone": "13900000002"}))
    assert good(jade.get(f"/v1/members/{new['id']}"))["name"] == "After"
    again = served.participant("LOTUS").post(
        "/v1/members", {"participant": "LOTUS", "phone": "+86 139 0000 0001"}
    )
    assert again.json["code"] == "enrolled_elsewhere"  # type: ignore[index]
    assert table(told(used("keys", "status")))["2"] == ["5", "5", "0", "encrypts"]


def test_keys_of_the_environment_are_for_their_owner_to_change(
    alliance_url: str, tongdui: Tongdui, tmp_path: Path
) -> None:
    given = {"DATABASE_URL": alliance_url, "TONGDUI_PERSONAL_DATA_KEYS": PERSONAL_DATA_KEYS}
    output = told(tongdui("keys", "add", **given), 1)
    assert "TONGDUI_PERSONAL_DATA_KEYS" in output
    assert '"2"' in output
    assert json.loads(PERSONAL_DATA_KEYS)["keys"]["1"] not in output
    assert list(tmp_path.iterdir()) == []
    assert table(told(tongdui("keys", "status", **given))) == {"1": ["3", "3", "0", "encrypts"]}
    given["TONGDUI_PERSONAL_DATA_KEYS"] = with_new_key(PERSONAL_DATA_KEYS)[0]
    assert "3 names and 3 phones" in told(tongdui("keys", "rotate", **given))


@pytest.mark.parametrize("command", ["add", "status", "rotate"])
def test_no_keys_are_made_where_there_are_none(
    alliance_url: str, tongdui: Tongdui, tmp_path: Path, command: str
) -> None:
    output = told(tongdui("keys", command, DATABASE_URL=alliance_url), 1)
    assert "TONGDUI_DATA" in output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["add", "status", "rotate"])
def test_a_file_that_holds_something_else_is_told_so_and_stays(
    used: Tongdui, key_file: Path, command: str
) -> None:
    key_file.write_text("{}")
    assert str(key_file) in told(used("keys", command), 1).replace("\n", "")
    assert key_file.read_text() == "{}"


def test_a_key_that_is_missing_is_named_and_the_rest_is_taken_over(used: Tongdui, alliance_url: str) -> None:
    broken = f"UPDATE members SET name_cipher = set_byte(name_cipher, 0, 9) WHERE {whose(WANG)}"
    execute(alliance_url, broken)
    output = told(used("keys", "status"), 1)
    assert table(output)["9"] == ["1", "0", "0", "missing"]
    assert "under key 9" in output
    told(used("keys", "add"))
    output = told(used("keys", "rotate"), 1)
    assert "3 members: 2 names and 3 phones are now under key 2." in output
    assert "under key 9" in output


def test_a_value_that_its_key_does_not_open_is_left_and_its_member_named(
    used: Tongdui, alliance_url: str
) -> None:
    broken = f"UPDATE members SET name_cipher = set_byte(name_cipher, 20, 1) || '\\x00' WHERE {whose(WANG)}"
    execute(alliance_url, broken)
    told(used("keys", "add"))
    output = told(used("keys", "rotate"), 1)
    assert "2 members: 2 names and 2 phones" in output
    assert "1 members were left" in output
    assert "mem_" in output


def test_of_two_who_add_a_key_at_once_both_have_added_one(used: Tongdui, key_file: Path) -> None:
    assert sorted(at_once([lambda: add_key(key_file)] * 6)) == [2, 3, 4, 5, 6, 7]
    content = json.loads(key_file.read_text())
    assert (len(content["keys"]), content["current"]) == (7, 7)
    assert content["keys"]["1"] == json.loads(PERSONAL_DATA_KEYS)["keys"]["1"]


def test_a_file_behind_a_link_is_changed_where_it_lies(used: Tongdui, key_file: Path, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere.json"
    key_file.rename(place)
    key_file.symlink_to(place)
    told(used("keys", "add"))
    assert key_file.is_symlink()
    assert json.loads(place.read_text())["current"] == 2


def test_the_commands_tell_when_the_database_is_out_of_reach(key_file: Path, tongdui: Tongdui) -> None:
    for command in ("status", "rotate"):
        output = told(tongdui("keys", command, DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/none"), 1)
        assert "cannot be reached" in output
        assert "secret" not in output


def test_wrong_keys_do_not_pass_for_right_ones(alliance_url: str, tongdui: Tongdui) -> None:
    other = with_new_key(new_keys())[0]
    output = told(tongdui("keys", "rotate", DATABASE_URL=alliance_url, TONGDUI_PERSONAL_DATA_KEYS=other), 1)
    assert "3 members were left" in output


def whose(card: str) -> str:
    return f"id = (SELECT member_id FROM cards WHERE number = '{card}')"


def test_sealing_keys_are_shown_and_renewed_without_a_restart(tongdui: Tongdui, tmp_path: Path) -> None:
    first = told(tongdui("keys", "status", "--sealing"))
    assert "Key 1 signs." in first
    assert fingerprint(read_public_key(first[first.index("-----BEGIN") :])) in first
    read = load_sealing_keys(replace(settings_for("postgresql:///none", tmp_path), sealing_keys=None))
    assert read().current == 1
    assert "GET /v1/proof/keys" in " ".join(told(tongdui("keys", "add", "--sealing")).split())
    assert read().current == 2
    second = told(tongdui("keys", "status", "--sealing"))
    assert "Key 1 has signed." in second
    assert "Key 2 signs." in second
    assert first[first.index("-----BEGIN") :].strip() in second
    assert (tmp_path / SEALING_KEYS_FILE).stat().st_mode & 0o777 == 0o600
    given = {"TONGDUI_SEALING_KEYS": new_sealing_keys()}
    assert "TONGDUI_SEALING_KEYS" in told(tongdui("keys", "add", "--sealing", **given), 1)
    (tmp_path / SEALING_KEYS_FILE).write_text("{}")
    assert str(tmp_path / SEALING_KEYS_FILE) in told(tongdui("keys", "status", "--sealing"), 1)
