"""Both languages say everything, and numbers look as they should."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask import g

from api.pages import formats, words
from api.pages.language import LANGUAGES
from clearing.core.accounts import Asset
from clearing.core.calendar import PeriodState
from clearing.core.commands import Scope
from clearing.core.snapshot import CardStatus
from support import catalogs
from support.alliance import Alliance
from support.people import reader

HOMES = pytest.mark.parametrize("home", catalogs.homes(), ids=lambda home: home.name)


def said(catalog: object) -> set[object]:
    return {message.id for message in catalog if message.id}  # type: ignore[attr-defined]


@HOMES
def test_the_catalog_has_what_the_pages_say_and_nothing_else(home: Path) -> None:
    assert said(catalogs.kept(home)) == said(catalogs.gathered(home)), "run `make catalogs`"


@HOMES
def test_everything_is_translated_with_the_same_placeholders(home: Path) -> None:
    wrong = []
    for message in catalogs.kept(home):
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        singular = message.id[-1] if isinstance(message.id, tuple | list) else message.id
        same = all(placeholders(str(string)) == placeholders(str(singular)) for string in strings)
        if message.id and (message.fuzzy or not catalogs.is_translated(message.string) or not same):
            wrong.append(message.id)
    assert wrong == []


def placeholders(text: str) -> set[str]:
    return {part.partition(")")[0] for part in text.split("%(")[1:]}


def test_a_message_of_several_rooms_is_the_same_in_each() -> None:
    """All catalogs are one when a page is made, so that of the last room would win."""
    found: dict[object, set[object]] = {}
    for home in catalogs.homes():
        for message in catalogs.kept(home):
            if message.id:
                found.setdefault(message.id, set()).add(message.string)
    assert {id_: strings for id_, strings in found.items() if len(strings) > 1} == {}


@HOMES
def test_the_compiled_catalog_is_that_of_the_text(home: Path) -> None:
    path = catalogs.catalog_path(home)
    if path.exists():
        assert path.with_suffix(".mo").read_bytes() == catalogs.compiled(catalogs.kept(home))


@pytest.mark.parametrize(("asked", "tag"), [
    ("", "zh-CN"), ("zh-CN,zh;q=0.9", "zh-CN"), ("zh-TW", "zh-CN"), ("en-GB,en;q=0.8", "en"),
    ("fr-FR", "zh-CN"), ("fr;q=0.9,en;q=0.5,zh;q=0.4", "en"),
])  # fmt: skip
def test_the_language_is_that_of_the_browser_and_chinese_if_in_doubt(
    shared: Alliance, asked: str, tag: str
) -> None:
    assert f'<html lang="{tag}"' in reader(shared, language=asked).get("/login").text


def test_the_reader_may_choose_language_and_theme(shared: Alliance) -> None:
    browser = reader(shared, language="zh")
    response = browser.post("/preferences", {"language": "en", "next": "/login"}, page="/login")
    assert (response.status_code, response.location) == (303, "/login")
    browser.post("/preferences", {"theme": "dark", "next": "//evil.example"}, page="/login")
    shown = browser.get("/login").text
    assert '<html lang="en" data-theme="dark" data-bs-theme="dark">' in shown
    browser.post("/preferences", {"theme": "pink", "language": "xx"}, page="/login")
    assert '<html lang="en" data-theme="dark"' in browser.get("/login").text


@pytest.mark.parametrize(
    ("family", "codes"),
    [
        ("scope", Scope),
        ("state", PeriodState),
        ("card_status", [*CardStatus, "unknown"]),
        ("asset", [asset.label for asset in Asset]),
        ("payer", ["acceptor", "issuer"]),
    ],
)
def test_every_code_has_a_name(family: str, codes) -> None:  # type: ignore[no-untyped-def]
    assert {str(code) for code in codes} == set(words.families()[family])


def test_a_code_that_is_called_two_things_stops_the_start() -> None:
    """The last room that was loaded won: parties read of disputes what was written for the hub."""
    family = dict(words.families()["dispute_act"])
    words.add_words("dispute_act", family)
    with pytest.raises(ValueError, match=r"'accept' of 'dispute_act' is called 'accepted it' and 'accepted'"):
        words.add_words("dispute_act", {"accept": "accepted"})
    with pytest.raises(ValueError, match="'open' of 'state'"):
        words.add_words("state", {"open": "shut"})
    assert words.families()["dispute_act"] == family


def test_the_parties_of_a_dispute_and_the_hub_read_the_same_of_it(shared: Alliance) -> None:
    """Each family is filled by one module, but for the acts of the audit log, which are of all rooms."""
    filled: dict[str, list[str]] = {}
    for path in sorted(Path(words.__file__).parent.rglob("*.py")):
        for family in re.findall(r"add_words\(\s*\"(\w+)\"", path.read_text("utf-8")):
            filled.setdefault(family, []).append(path.name)
    several = {family for family, modules in filled.items() if len(modules) > 1}
    assert {"dispute_status", "dispute_reason", "dispute_act", "instrument"} <= filled.keys()
    assert several <= {"act"}


def test_pages_name_codes_by_families_that_there_are(shared: Alliance) -> None:
    """A name of a family that nobody has added makes a page fail when it comes to it, and not before."""
    templates = Path(words.__file__).parent.rglob("*.html")
    used = {
        name for one in templates for name in re.findall(r"""word\(["'](\w+)["']""", one.read_text("utf-8"))
    }
    assert len(used) > 20
    assert used <= set(words.families())


@pytest.mark.parametrize(("fen", "text"), [
    (0, "¥0.00"), (5, "¥0.05"), (123456789, "¥1,234,567.89"), (-5, "−¥0.05"), (-32500, "−¥325.00"),
    (None, "–"), (10**17 + 1, "¥1,000,000,000,000,000.01"),
])  # fmt: skip
def test_money_is_shown_to_the_fen(fen: int | None, text: str) -> None:
    assert formats.yuan(fen) == text


def test_points_and_rates() -> None:
    assert [formats.points(n) for n in (0, 4000, -4000, None)] == ["0", "4,000", "−4,000", "–"]
    assert [formats.percent(rate) for rate in ("0.006", "0.02", "1", None)] == ["0.6%", "2%", "100%", "–"]


def test_dates_are_the_readers_and_times_the_alliances(shared: Alliance) -> None:
    late = datetime(2026, 10, 31, 17, 5, tzinfo=UTC)
    shown = {}
    for language in LANGUAGES:
        with shared.app.test_request_context("/", headers={"Accept-Language": language}):
            with shared.services.engine.connect() as connection:
                g.directory = shared.services.directory(connection)
            shown[language] = [
                formats.moment(late),
                formats.day(date(2026, 11, 2)),
                formats.month("2026-11"),
                formats.day(late.isoformat()),
            ]
    assert shown["zh"] == [
        '<time datetime="2026-11-01T01:05:00+08:00">2026年11月1日 01:05</time>',
        '<time datetime="2026-11-02">2026年11月2日</time>',
        "2026年11月",
        '<time datetime="2026-11-01T01:05:00+08:00">2026年11月1日</time>',
    ]
    assert [text.partition(">")[2].partition("<")[0] or text for text in shown["en"]] == [
        "Nov 1, 2026, 01:05",
        "Nov 2, 2026",
        "November 2026",
        "Nov 1, 2026",
    ]
