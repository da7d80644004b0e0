"""The pages say what the program does: codes, commands, settings and links."""

import re
from pathlib import Path

import pytest

from api.cli import main
from config import load_settings
from docs.make_errors import page

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    found = []
    for name, command in main.commands.items():
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
