"""`tongdui users`: the first operator, and whoever is locked out."""

import re

import pytest
from click.testing import CliRunner

from api.cli.main import main
from support.alliance import PERSONAL_DATA_KEYS, SEALING_KEYS, Alliance
from support.people import reader


@pytest.fixture
def run(alliance: Alliance, alliance_url: str, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("DATABASE_URL", alliance_url)
    monkeypatch.setenv("TONGDUI_PERSONAL_DATA_KEYS", PERSONAL_DATA_KEYS)
    monkeypatch.setenv("TONGDUI_SEALING_KEYS", SEALING_KEYS)

    def runs(*arguments: str, exit_code: int = 0) -> str:
        result = CliRunner().invoke(main, ["users", *arguments])
        assert result.exit_code == exit_code, result.output
        return str(result.output)

    return runs


def password_in(text: str) -> str:
    return str(re.findall(r"(?:[2-9a-z]{4}-){3}[2-9a-z]{4}", text)[0])


def test_the_first_operator_is_made_reset_and_disabled(run, alliance: Alliance) -> None:  # type: ignore[no-untyped-def]
    first = password_in(run("add", "chen.jing", "--full-name", "Chen Jing", "--scope", "operator"))
    assert "chen.jing" in run("list") and "operator" in run("list")
    browser = reader(alliance)
    assert browser.log_in("chen.jing", first).status_code == 303
    assert browser.get("/").location.startswith("/account/password")
    second = password_in(run("reset", "chen.jing", "--second-factor"))
    assert reader(alliance).log_in("chen.jing", first).status_code == 401
    run("disable", "chen.jing")
    assert reader(alliance).log_in("chen.jing", second).status_code == 401
    run("enable", "chen.jing")
    assert reader(alliance).log_in("chen.jing", second).status_code == 303


def test_what_cannot_be_is_told_in_a_sentence(run) -> None:  # type: ignore[no-untyped-def]
    name = ("--full-name", "X")
    assert "small letters" in run("add", "Chen Jing", *name, "--scope", "operator", exit_code=1)
    assert "for which participant" in run("add", "chen", *name, "--scope", "finance", exit_code=1)
    assert "merchant that exists" in run(
        "add", "chen", *name, "--scope", "merchant", "--merchant", "NO-1", exit_code=1
    )
    run("add", "chen", *name, "--scope", "finance", "--participant", "JADE")
    assert "is taken" in run("add", "chen", *name, "--scope", "auditor", exit_code=1)
    assert "no user" in run("reset", "nobody", exit_code=1)


def test_names_are_listed_as_they_are(run) -> None:  # type: ignore[no-untyped-def]
    run("add", "chen.jing", "--full-name", "[/x] Chen :100:", "--scope", "operator")
    assert "[/x]" in run("list") and ":100:" in run("list")


def test_a_code_is_made_of_a_secret(run) -> None:  # type: ignore[no-untyped-def]
    assert re.fullmatch(r"\d{6}\n", run("code", "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"))
    assert "no secret" in run("code", "1", exit_code=1)
