"""The pages say what the program does: codes, commands, settings and links."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click import Context

from api.cli import main
from clearing.core.events import EventType
from config import load_settings
from docs.make_errors import page
from webhooks.backoff import CEILINGS, PATIENCE, RETRY_AFTER_MAX
from webhooks.courier import EACH
from webhooks.deliveries import KEPT
from webhooks.sender import TOTAL_SECONDS
from webhooks.signing import OLD_SECRET_KEPT, new_secret, signed_headers

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
WEBHOOKS = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    found = []
    context = Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        inner = getattr(command, "commands", None)
        found += [f"{name} {one}" for one in inner] if inner else [name]
    return found


def test_the_page_of_error_codes_is_the_program_s_table() -> None:
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == page(), "run: .venv/bin/python docs/make_errors.py > docs/errors.md"


@pytest.mark.parametrize("command", commands())
def test_readme_names_every_command(command: str) -> None:
    assert f"| `tongdui {command}" in README


def test_readme_names_every_setting_and_no_other() -> None:
    source = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"(TONGDUI_[A-Z_]+|DATABASE_URL)"', source))
    rows = set(re.findall(r"^\| `(TONGDUI_[A-Z_]+|DATABASE_URL)` \|", README, re.MULTILINE))
    assert rows == known


def test_readme_names_the_defaults() -> None:
    settings = load_settings({"HOME": "/home/somebody"})
    for name, default in (
        ("TONGDUI_HOST", settings.host),
        ("TONGDUI_PORT", settings.port),
        ("TONGDUI_TZ", settings.timezone.key),
        ("TONGDUI_WORKERS", settings.workers),
        ("TONGDUI_THREADS", settings.threads),
        ("TONGDUI_LOG_LEVEL", settings.log_level),
        ("TONGDUI_LOG_FORMAT", settings.log_format),
    ):
        assert f"| `{name}` | `{default}` |" in README


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_every_type_of_event_is_described() -> None:
    written = set(re.findall(r"`([a-z]+\.[a-z]+)`", WEBHOOKS))
    assert {str(one) for one in EventType} <= written


def test_the_receiver_of_the_documentation_takes_what_is_signed_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = new_secret()
    monkeypatch.setenv("TONGDUI_SECRET", secret)
    [example] = re.findall(r"```python\n(.*?)```", WEBHOOKS, re.DOTALL)
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(example, names)  # noqa: S102  it is our own documentation
    body = '{"type": "cap.warning", "id": "evt_1", "data": {"line": 70}}'
    headers = signed_headers([new_secret(), secret], "evt_1", body, datetime.now(UTC))
    client = names["app"].test_client()
    statuses = [client.post("/tongdui", data=body, headers=headers).status_code for _ in range(2)]
    statuses.append(client.post("/tongdui", data=body.replace("70", "99"), headers=headers).status_code)
    statuses.append(client.post("/tongdui", data=body).status_code)
    assert statuses == [204, 204, 401, 401]
    assert capsys.readouterr().out == "cap.warning {'line': 70}\n"


def test_the_times_of_the_documentation_are_those_of_the_program() -> None:
    averages = [ceiling / 2 for ceiling in CEILINGS]
    assert [str(one) for one in averages] == [
        "0:00:05",
        "0:05:00",
        "0:30:00",
        "2:00:00",
        "5:00:00",
        "10:00:00",
    ]
    assert "| average wait | 5 s | 5 min | 30 min | 2 h | 5 h | 10 h |" in WEBHOOKS
    assert f"At most {EACH} requests to one endpoint" in WEBHOOKS
    assert f"within {TOTAL_SECONDS:.0f} seconds" in WEBHOOKS
    assert f"kept for {KEPT.days} days" in WEBHOOKS
    assert (PATIENCE.days, OLD_SECRET_KEPT.days, RETRY_AFTER_MAX.days) == (3, 1, 1)
