"""Backups of an installation: its database, and its keys if there is a passphrase to encrypt them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from api.key_bundle import open_keys, seal_keys
from api.key_file import make_key_file, read_key_file
from api.secret_keys import KEYS_FILE, SEALING_KEYS_FILE
from clearing.writer import Writer
from config import Settings
from database import EmbeddedServer, make_engine
from database.backup import Backup, back_up, forget_old, list_backups
from database.restore import restore_logical, restore_physical
from settlement.core.timetable import Daily, Monthly
from settlement.jobs import Counts, Job, checked

KEYS_BUNDLE = "keys.enc"
FOLDER = "backups"
#: After so long without a new one something is wrong.
AGE_MAX = timedelta(hours=26)


def folder_of(settings: Settings) -> Path:
    """Where backups by hand go if nothing else is said."""
    return settings.backups or settings.data_dir / FOLDER


def make_backup(settings: Settings, url: str, backups: Path, at: datetime) -> Backup:
    """A base backup of the embedded server, a dump of any other; with the keys if there is a passphrase.

    Raises BackupError.
    """
    bundle = None
    if settings.backup_passphrase is not None:
        bundle = seal_keys(_key_texts(settings), settings.backup_passphrase)
    beside = {} if bundle is None else {KEYS_BUNDLE: bundle}
    return back_up(url, backups, physical=settings.database_url is None, at=at, beside=beside)


def put_keys_back(backup: Backup, data_dir: Path, passphrase: str) -> list[Path]:
    """Write the key files that the data folder lacks; those written. Raises WrongPassphrase."""
    written = []
    texts = open_keys((backup.folder / KEYS_BUNDLE).read_bytes(), passphrase)
    for name, text in texts.items():
        path = data_dir / name
        if not path.exists():
            make_key_file(path, partial(str, text))
            written.append(path)
    return written


def backup_job(settings: Settings) -> Job:
    """Every day, if there is a folder for it."""

    def work(engine: Engine, _: Writer, at: datetime) -> Counts:
        if settings.backups is None:
            return {"backups": 0, "removed": 0}
        url = engine.url.render_as_string(hide_password=False)
        make_backup(settings, url, settings.backups, at)
        gone = forget_old(settings.backups, keep=timedelta(days=settings.backup_days), at=at)
        return {"backups": 1, "removed": len(gone)}

    return Job("back_up", 30, Daily(2, 30), "Back up the database, and remove backups that are too old", work)


def restore_drill_job(settings: Settings) -> Job:
    """Once a month: restore the newest backup beside the database, and verify it."""

    def work(_: Engine, __: Writer, at: datetime) -> Counts:
        if settings.backups is None or not (found := list_backups(settings.backups)):
            return {"restored": 0, "checks": 0}
        with TemporaryDirectory(prefix="restore-drill-", dir=settings.backups) as folder:
            Path(folder).chmod(0o711)  # the server's user goes through it
            data_dir = Path(folder) / "data"
            if found[-1].kind == "physical":
                restore_physical(found[-1], data_dir)
            with EmbeddedServer(data_dir) as server:
                if found[-1].kind == "logical":
                    restore_logical(found[-1], server.url)
                engine = make_engine(server.url, pool_size=2, application_name="tongdui-restore-drill")
                try:
                    return {"restored": 1, "checks": checked(engine)}
                finally:
                    engine.dispose()

    description = "Restore the newest backup beside the database, and verify it"
    return Job("restore_drill", 31, Monthly(1, 4, 30), description, work)


def _key_texts(settings: Settings) -> Mapping[str, str]:
    """The content of the key files, also where the settings give it."""
    given = {KEYS_FILE: settings.personal_data_keys, SEALING_KEYS_FILE: settings.sealing_keys}
    return {
        name: text if text is not None else read_key_file(settings.data_dir / name)
        for name, text in given.items()
    }
