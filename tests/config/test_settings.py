"""The environment in, checked settings or one clear sentence out."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config import Settings, SettingsError, load_settings


def test_nothing_set_gives_the_documented_defaults() -> None:
    settings = load_settings({"HOME": "/home/li"})
    assert settings == Settings(
        data_dir=Path("/var/lib/tongdui" if os.geteuid() == 0 else "/home/li/.local/share/tongdui"),
        database_url=None,
        host="127.0.0.1",
        port=8080,
        bootstrap_key=None,
        personal_data_keys=None,
        sealing_keys=None,
        timezone=ZoneInfo("Asia/Shanghai"),
        workers=2,
        threads=16,
        log_level="info",
        log_format="json",
    )


READABLE = [
    ("TONGDUI_DATA", "/srv/tongdui", "data_dir", Path("/srv/tongdui")),
    ("TONGDUI_HOST", "0.0.0.0", "host", "0.0.0.0"),  # noqa: S104  read, not bound
    ("TONGDUI_PORT", "9000", "port", 9000),
    ("TONGDUI_BOOTSTRAP_KEY", "tk_first", "bootstrap_key", "tk_first"),
    ("TONGDUI_PERSONAL_DATA_KEYS", "{}", "personal_data_keys", "{}"),
    ("TONGDUI_SEALING_KEYS", "{}", "sealing_keys", "{}"),
    ("TONGDUI_TZ", "Asia/Urumqi", "timezone", ZoneInfo("Asia/Urumqi")),
    ("TONGDUI_WORKERS", "4", "workers", 4),
    ("TONGDUI_THREADS", "8", "threads", 8),
    ("TONGDUI_LOG_LEVEL", "DEBUG", "log_level", "debug"),
    ("TONGDUI_LOG_FORMAT", "console", "log_format", "console"),
    ("TONGDUI_WEBHOOK_ALLOW", "10.0.0.0/8, ::1", "webhook_allow", ("10.0.0.0/8", "::1/128")),
    ("TONGDUI_WEBHOOK_ALLOW", "POS.intranet.,127.0.0.1", "webhook_allow", ("pos.intranet", "127.0.0.1/32")),
    ("DATABASE_URL", "postgres://u:p@h/d", "database_url", "postgresql+psycopg2://u:p@h/d"),
    ("DATABASE_URL", "postgresql://u:p@h/d", "database_url", "postgresql+psycopg2://u:p@h/d"),
    ("DATABASE_URL", "postgresql+psycopg2://u:p@h/d", "database_url", "postgresql+psycopg2://u:p@h/d"),
    (
        "DATABASE_URL",
        "postgresql:///d?host=/run/pg&sslmode=require",
        "database_url",
        "postgresql+psycopg2:///d?host=%2Frun%2Fpg&sslmode=require",
    ),
]


@pytest.mark.parametrize(("name", "value", "field", "expected"), READABLE)
def test_each_variable_is_read(name: str, value: str, field: str, expected: object) -> None:
    assert getattr(load_settings({name: value}), field) == expected


@pytest.mark.parametrize(("name", "value", "field", "expected"), READABLE)
def test_each_variable_can_be_given_as_a_file(
    tmp_path: Path, name: str, value: str, field: str, expected: object
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"  {value}\n")
    assert getattr(load_settings({f"{name}_FILE": str(secret)}), field) == expected


@pytest.mark.parametrize(("name", "value", "field", "expected"), READABLE)
def test_an_empty_variable_counts_as_absent(name: str, value: str, field: str, expected: object) -> None:
    assert load_settings({name: " "}) == load_settings({})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TONGDUI_PORT", "http", "TONGDUI_PORT is 'http'; expected a whole number from 1 to 65535."),
        ("TONGDUI_PORT", "0", "TONGDUI_PORT is '0'; expected a whole number from 1 to 65535."),
        ("TONGDUI_PORT", "65536", "TONGDUI_PORT is '65536'; expected a whole number from 1 to 65535."),
        ("TONGDUI_WORKERS", "0", "TONGDUI_WORKERS is '0'; expected a whole number from 1 to 256."),
        ("TONGDUI_THREADS", "1.5", "TONGDUI_THREADS is '1.5'; expected a whole number from 1 to 1024."),
        ("TONGDUI_TZ", "Mars/Base", "TONGDUI_TZ is 'Mars/Base'; expected a time zone name such as"),
        ("TONGDUI_TZ", "Asia", "TONGDUI_TZ is 'Asia'; expected a time zone name such as"),
        ("TONGDUI_TZ", "../etc", "TONGDUI_TZ is '../etc'; expected a time zone name such as"),
        ("TONGDUI_LOG_LEVEL", "loud", "expected one of debug, info, warning, error."),
        ("TONGDUI_LOG_FORMAT", "xml", "TONGDUI_LOG_FORMAT is 'xml'; expected one of json, console."),
        ("TONGDUI_WEBHOOK_ALLOW", "10.0.0.1/8", "TONGDUI_WEBHOOK_ALLOW is '10.0.0.1/8'; expected networks"),
        ("TONGDUI_WEBHOOK_ALLOW", "pos.intranet,10.0.0.999", "TONGDUI_WEBHOOK_ALLOW is '10.0.0.999'; exp"),
        ("TONGDUI_WEBHOOK_ALLOW", "http://pos", "TONGDUI_WEBHOOK_ALLOW is 'http://pos'; expected"),
        ("DATABASE_URL", "mysql://u:p@h/d", "DATABASE_URL begins with 'mysql'://; expected a URL such as"),
        ("DATABASE_URL", "secret-words", "DATABASE_URL cannot be read as a URL; expected a URL such as"),
        ("DATABASE_URL", "postgresql://u:p@h", "DATABASE_URL names no database; expected a URL such as"),
        ("TONGDUI_PORT_FILE", "/nowhere", "TONGDUI_PORT_FILE names '/nowhere', which cannot be read"),
    ],
)
def test_wrong_values_are_refused_in_a_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings({name: value})
    assert sentence in str(refusal.value)


def test_a_value_and_a_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TONGDUI_HOST and TONGDUI_HOST_FILE are both set"):
        load_settings({"TONGDUI_HOST": "a", "TONGDUI_HOST_FILE": str(tmp_path)})


def test_secrets_are_not_in_the_repr_or_in_refusals() -> None:
    settings = load_settings({"DATABASE_URL": "postgresql://u:hush@h/d", "TONGDUI_BOOTSTRAP_KEY": "whisper"})
    assert "hush" not in repr(settings)
    assert "whisper" not in repr(settings)
    with pytest.raises(SettingsError) as refusal:
        load_settings({"DATABASE_URL": "mysql://u:hush@h/d"})
    assert "hush" not in str(refusal.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root keeps its data in /var/lib")
def test_the_data_of_an_ordinary_user_follows_the_xdg_folders() -> None:
    assert load_settings({"HOME": "/h", "XDG_DATA_HOME": "/x"}).data_dir == Path("/x/tongdui")
    assert load_settings({"HOME": "/h", "XDG_DATA_HOME": "x"}).data_dir == Path("/h/.local/share/tongdui")
