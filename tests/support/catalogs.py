"""The translations of the pages: gather what is to be translated, keep the catalogs, compile them.

`make catalogs` runs this. English is the language of the source, so there is one catalog, Chinese, for the
frame (`api/pages/translations`) and for each room (`api/pages/ROOM/translations`). A new message enters its
catalog without a translation, which a test then misses.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from api.problems import MEANINGS

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "api/pages"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {"**/templates/**.html": {"silent": "false", "trimmed": "true"}}
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_ngettext": (1, 2)}
#: So that a catalog is the same whoever writes it.
WRITTEN_AT = datetime(2026, 11, 22, tzinfo=UTC)


def homes() -> list[Path]:
    """The frame and the rooms."""
    return [PAGES, *sorted(path.parent for path in PAGES.glob("*/__init__.py"))]


def catalog_path(home: Path) -> Path:
    return home / "translations/zh/LC_MESSAGES/messages.po"


def gathered(home: Path) -> Catalog:
    """What is to be translated in a home. What the frame has, rooms need not have again."""
    found = Catalog(locale="zh")
    for message in _messages(home):
        found.add(message)
    if home == PAGES:
        for meaning in MEANINGS.values():
            found.add(meaning.title)
            found.add(meaning.remedy)
        for message in _messages(ROOT / "users"):
            found.add(message)
        return found
    frame = gathered(PAGES)
    for own in list(found):
        if own.id and own.id in frame:
            found.delete(own.id)
    return found


def kept(home: Path) -> Catalog:
    """The catalog as it stands in the repository."""
    path = catalog_path(home)
    if not path.exists():
        return Catalog(locale="zh")
    with path.open("rb") as file:
        return read_po(file, locale="zh")


def compiled(catalog: Catalog) -> bytes:
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def renew(home: Path) -> list[str]:
    """Write the catalog anew, with the translations it had; the messages that lack one."""
    before, now = kept(home), gathered(home)
    for message in now:
        if message.id and (had := before.get(message.id)) is not None:
            message.string = had.string
    now.creation_date = now.revision_date = WRITTEN_AT
    now.project, now.version, now.fuzzy = "Tongdui", "0", False
    now.header_comment = "# Chinese translations of the pages; `make catalogs` keeps and compiles them."
    if not any(message.id for message in now):
        return []
    path = catalog_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, now, width=110, no_location=True, sort_output=True)
    path.with_suffix(".mo").write_bytes(compiled(kept(home)))
    return [str(message.id) for message in now if message.id and not is_translated(message.string)]


def is_translated(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)


def _messages(folder: Path) -> Iterator[str | tuple[str, ...]]:
    """Of the frame without its rooms, whose files lie below it."""
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")} if folder == PAGES else set()
    for name, _line, message, _comments, _context in extract_from_dir(
        str(folder),
        METHODS,
        OPTIONS,
        KEYWORDS,
        directory_filter=lambda path: Path(path).name != "translations",
    ):
        if Path(name).parts[0] not in rooms:
            yield message


if __name__ == "__main__":
    missing = [f"{home.name}: {text}" for home in homes() for text in renew(home)]
    print("\n".join(missing) or "All messages are translated.")  # noqa: T201  a tool for developers
    sys.exit(1 if missing else 0)
