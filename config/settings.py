"""The settings of one Tongdui process, read from the environment. Nothing else reads the environment.

Every variable NAME may instead be given as NAME_FILE, the path of a file whose content (without
surrounding white space) is the value: the form in which secrets are mounted into containers. An empty
variable counts as absent. All faults are reported as SettingsError, in a sentence an operator can act on;
secrets are never part of it.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from environs import Env, EnvError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

LogFormat = Literal["json", "console"]

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*")

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "console")


class SettingsError(Exception):
    """A variable holds something unusable. The message names the variable, what was found and expected."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked.

    `database_url` is None when Tongdui runs its own PostgreSQL in `data_dir`. `personal_data_keys` is what
    `clearing.privacy.new_keys` makes, `sealing_keys` what `clearing.proof.keys.new_sealing_keys` does; None
    keeps them in a file in `data_dir`. `workers` counts server processes, `threads` the request threads of
    each. `webhook_allow` are networks and host names that webhooks may go to although they are not public,
    and without TLS. `proxies`: so many trusted ones stand in front and say who asks (X-Forwarded-…).
    `backups` is the folder in which backups and the write-ahead log are kept, or None if none are made by
    themselves; a restore reaches back `backup_days`. `backup_passphrase` encrypts the keys in a backup.
    """

    data_dir: Path
    database_url: str | None = field(repr=False)
    host: str
    port: int
    bootstrap_key: str | None = field(repr=False)
    personal_data_keys: str | None = field(repr=False)
    sealing_keys: str | None = field(repr=False)
    timezone: ZoneInfo
    workers: int
    threads: int
    log_level: str
    log_format: LogFormat
    webhook_allow: tuple[str, ...] = ()
    proxies: int = 0
    backups: Path | None = None
    backup_days: int = 35
    backup_passphrase: str | None = field(default=None, repr=False)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (os.environ if None); raise SettingsError at the first fault."""
    environ = os.environ if environ is None else environ
    env = _Environment(environ)
    data_dir = _read(env.str, env, "TONGDUI_DATA", "a path", default=None)
    database_url = _read(env.str, env, "DATABASE_URL", "a PostgreSQL URL", default=None)
    backups = _read(env.str, env, "TONGDUI_BACKUPS", "a path", default=None)
    return Settings(
        data_dir=Path(data_dir).expanduser().absolute() if data_dir else _default_data_dir(environ),
        database_url=_postgresql_url(database_url) if database_url else None,
        host=_read(env.str, env, "TONGDUI_HOST", "a host name or address", default="127.0.0.1"),
        port=_read_int(env, "TONGDUI_PORT", 1, 65535, default=8080),
        bootstrap_key=_read(env.str, env, "TONGDUI_BOOTSTRAP_KEY", "an API key", default=None),
        personal_data_keys=_read(
            env.str, env, "TONGDUI_PERSONAL_DATA_KEYS", "the keys of personal data", default=None
        ),
        sealing_keys=_read(env.str, env, "TONGDUI_SEALING_KEYS", "the keys that seal", default=None),
        timezone=_read_timezone(env, "TONGDUI_TZ", default="Asia/Shanghai"),
        workers=_read_int(env, "TONGDUI_WORKERS", 1, 256, default=2),
        threads=_read_int(env, "TONGDUI_THREADS", 1, 1024, default=16),
        log_level=_read_choice(env, "TONGDUI_LOG_LEVEL", LOG_LEVELS, default="info"),
        log_format=cast(LogFormat, _read_choice(env, "TONGDUI_LOG_FORMAT", LOG_FORMATS, default="json")),
        webhook_allow=_read_places(env, "TONGDUI_WEBHOOK_ALLOW"),
        proxies=_read_int(env, "TONGDUI_PROXIES", 0, 10, default=0),
        backups=Path(backups).expanduser().absolute() if backups else None,
        backup_days=_read_int(env, "TONGDUI_BACKUP_DAYS", 1, 3650, default=35),
        backup_passphrase=_read(env.str, env, "TONGDUI_BACKUP_PASSPHRASE", "a passphrase", default=None),
    )


class _Environment(Env):
    """environs over a given mapping, with NAME_FILE.

    environs' own FileAwareEnv reads os.environ only, which a test would have to change for the whole
    process. `_get_value` is the method FileAwareEnv overrides for the same purpose.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._given = environ

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self.find(env_key) or default

    def find(self, name: str) -> str | None:
        """The value of `name` or the content of the file in `name`_FILE; None if there is neither.

        Raises SettingsError if both are given or the file cannot be read.
        """
        value = self._given.get(name, "").strip()
        path = self._given.get(f"{name}_FILE", "").strip()
        if value and path:
            raise SettingsError(f"{name} and {name}_FILE are both set; expected only one of them.")
        if not path:
            return value or None
        try:
            return Path(path).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SettingsError(
                f"{name}_FILE names {path!r}, which cannot be read ({reason}); expected a readable text file."
            ) from error


def _read(parse: Callable[..., Any], env: _Environment, name: str, expected: str, *, default: Any) -> Any:
    """The parsed value of one variable, with environs' faults turned into our sentence."""
    try:
        return parse(name, default=default)
    except EnvError as error:
        raise _wrong(name, env.find(name), expected) from error


def _read_int(env: _Environment, name: str, lowest: int, highest: int, *, default: int) -> int:
    expected = f"a whole number from {lowest} to {highest}"
    value: int = _read(env.int, env, name, expected, default=default)
    if not lowest <= value <= highest:
        raise _wrong(name, env.find(name), expected)
    return value


def _read_choice(env: _Environment, name: str, choices: tuple[str, ...], *, default: str) -> str:
    expected = "one of " + ", ".join(choices)
    value: str = _read(env.str, env, name, expected, default=default)
    if value.lower() not in choices:
        raise _wrong(name, value, expected)
    return value.lower()


def _read_places(env: _Environment, name: str) -> tuple[str, ...]:
    """Networks, addresses and host names, separated by commas; networks in their full form."""
    expected = "networks and host names, separated by commas, such as 10.0.0.0/8,pos.intranet"
    places = []
    for entry in (env.find(name) or "").split(","):
        place = entry.strip().lower().rstrip(".")
        if not place:
            continue
        try:
            places.append(str(ip_network(place)))
        except ValueError as error:
            # Of letters and digits, but not an address or network that was mistyped.
            if not _HOST_NAME.fullmatch(place) or place.replace(".", "").isdigit():
                raise _wrong(name, entry.strip(), expected) from error
            places.append(place)
    return tuple(places)


def _read_timezone(env: _Environment, name: str, *, default: str) -> ZoneInfo:
    expected = "a time zone name such as Asia/Shanghai"
    value: str = _read(env.str, env, name, expected, default=default)
    try:
        return ZoneInfo(value)
    # A directory of the zone database ("Asia") raises OSError, an absolute path or "../" ValueError.
    except (KeyError, ValueError, OSError) as error:
        raise _wrong(name, value, expected) from error


def _wrong(name: str, found: str | None, expected: str) -> SettingsError:
    return SettingsError(f"{name} is {found!r}; expected {expected}.")


def _postgresql_url(raw: str) -> str:
    """`raw` in the one form that SQLAlchemy needs for psycopg2.

    Raises SettingsError; a URL that cannot be taken apart is not shown, as it may hold a password.
    """
    expected = "a URL such as postgresql://user:password@host:5432/database"
    try:
        url = make_url(raw)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(f"DATABASE_URL cannot be read as a URL; expected {expected}.") from error
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise SettingsError(f"DATABASE_URL begins with {url.drivername!r}://; expected {expected}.")
    if not url.database:
        raise SettingsError(f"DATABASE_URL names no database; expected {expected}.")
    return url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _default_data_dir(environ: Mapping[str, str]) -> Path:
    """The usual place for the data of a system service (root) or of an ordinary user."""
    if os.geteuid() == 0:
        return Path("/var/lib/tongdui")
    base = environ.get("XDG_DATA_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    if base.startswith("/"):
        return Path(base) / "tongdui"
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".local" / "share" / "tongdui"
