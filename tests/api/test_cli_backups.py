"""`tongdui db backup`, `restore` and `psql`, as an operator runs them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.key_bundle import WrongPassphrase, open_keys, seal_keys


@pytest.fixture
def settings(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of an installation whose data lies in a folder of its own; that folder."""
    for name in ("DATABASE_URL", "TONGDUI_BACKUPS", "TONGDUI_BACKUP_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TONGDUI_DATA", str(open_folder / "data"))
    monkeypatch.setenv("TONGDUI_BACKUPS", str(open_folder / "backups"))
    monkeypatch.setenv("TONGDUI_BACKUP_PASSPHRASE", "correct horse")
    return open_folder


def tongdui(*arguments: str, status: int = 0, given: str | None = None) -> str:
    done = CliRunner().invoke(main, arguments, input=given)
    assert done.exit_code == status, done.output
    return done.output


def test_a_founded_alliance_is_backed_up_restored_and_verified(
    settings: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tongdui("db", "upgrade")
    assert "complete at" in tongdui("db", "backup")
    assert "with keys" in tongdui("db", "backups")

    told = tongdui("db", "restore", str(settings / "backups"), "--into", str(settings / "again"))

    assert "checks, no difference." in told
    for name in ("personal-data.json", "sealing.json"):
        assert (settings / "again/keys" / name).read_text() == (settings / "data/keys" / name).read_text()
    tongdui("db", "psql", "-At", "-c", "SELECT count(*) FROM rulebooks")
    assert capfd.readouterr().out.strip() == "1"

    # Nothing is written over.
    assert "There is a database in" in tongdui("db", "restore", str(settings / "backups"), status=1)


def test_without_the_passphrase_the_database_is_back_and_the_keys_are_asked_for(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tongdui("db", "upgrade")
    tongdui("db", "backup")
    monkeypatch.delenv("TONGDUI_BACKUP_PASSPHRASE")
    restore = ("db", "restore", str(settings / "backups"), "--into", str(settings / "again"))
    assert "cannot be opened with this passphrase" in tongdui(*restore, status=1, given="wrong\n")
    assert not (settings / "again/keys").exists()


def test_psql_says_with_its_status_that_it_failed(settings: Path) -> None:
    tongdui("db", "upgrade")
    tongdui("db", "psql", "-v", "ON_ERROR_STOP=1", "-c", "SELECT nonsense", status=1)


def test_where_there_is_no_backup_it_says_so(settings: Path) -> None:
    assert "There is no backup in" in tongdui("db", "backups")
    empty = settings / "empty"
    empty.mkdir()
    assert "There is no backup in" in tongdui("db", "restore", str(empty), status=1)


def test_sealed_keys_open_with_their_passphrase_only() -> None:
    bundle = seal_keys({"keys/one.json": "secret text"}, "correct horse")
    assert b"secret text" not in bundle
    assert open_keys(bundle, "correct horse") == {"keys/one.json": "secret text"}
    with pytest.raises(WrongPassphrase):
        open_keys(bundle, "battery staple")
    with pytest.raises(WrongPassphrase):
        open_keys(bundle[:-9], "correct horse")
