"""The write-ahead log kept outside the server: how it gets there, and which files of it a restore needs.

PostgreSQL hands each finished segment to a command of ours, which compresses it into `<backups>/wal`.
A segment is there whole or not at all, and is never written over.
"""

import re
import shlex
from pathlib import Path

from database.errors import EmbeddedServerError
from database.privileges import ServerUser, can_traverse, make_folder

FOLDER = "wal"
#: After so long an unfinished segment is handed over as well: what a lost disk can cost at most.
SWITCH_SECONDS = 60

_MODE = 0o700

#: Timeline, log and segment, each of eight hexadecimal digits, or where in it a backup began; or a timeline's
#: history.
_SEGMENT = re.compile(r"([0-9A-F]{24})(?:\.[0-9A-F]{8}\.backup)?\.gz")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history\.gz")


def prepare_archive(backups: Path, user: ServerUser | None) -> Path:
    """The folder for the log below `backups`, which PostgreSQL's user can write to.

    Raises EmbeddedServerError if it cannot be made, or a folder above is closed to that user.
    """
    folder = backups / FOLDER
    try:
        backups.mkdir(parents=True, exist_ok=True, mode=0o711)
        make_folder(folder, user, _MODE)
    except OSError as error:
        raise EmbeddedServerError(
            f"The write-ahead log cannot be kept in {folder} ({error.strerror}). "
            "Set TONGDUI_BACKUPS to a folder that can be written to."
        ) from error
    if not can_traverse(folder, user):
        name = user.name if user else "this user"
        raise EmbeddedServerError(
            f"PostgreSQL runs as {name}, who cannot reach {folder}: a folder above it is closed. "
            "Open it (chmod o+x), or set TONGDUI_BACKUPS to another folder."
        )
    return folder


def archive_command(folder: Path) -> str:
    """The shell command with which PostgreSQL archives the segment `%p`, named `%f`, into `folder`.

    It succeeds again for what is there already with the same content, as after a crash between the two; other
    content under the same name is refused, and PostgreSQL keeps the segment.
    """
    place = shlex.quote(str(folder)).replace("%", "%%")
    target, unfinished = f"{place}/%f.gz", f"{place}/%f.gz.new"
    compress = f"gzip -1 < %p > {unfinished} && sync {unfinished} && mv {unfinished} {target} && sync {place}"
    return f"if [ -e {target} ]; then gzip -dc {target} | cmp -s - %p; else {compress}; fi"


def restore_command(folder: Path) -> str:
    """The shell command with which PostgreSQL fetches `%f` as `%p` while it recovers."""
    place = shlex.quote(str(folder)).replace("%", "%%")
    return f"[ -e {place}/%f.gz ] && gzip -dc < {place}/%f.gz > %p"


def files_since(folder: Path, first_segment: str) -> list[Path]:
    """What a recovery may ask for that begins with this segment: it and all later ones, and all histories.

    Segments of all timelines count: a database that was restored before goes on under a new one.
    """
    return sorted(
        path
        for path in folder.iterdir()
        if _HISTORY.fullmatch(path.name)
        or ((found := _SEGMENT.fullmatch(path.name)) and found[1][8:] >= first_segment[8:])
    )


def needed_no_more(folder: Path, first_segment: str) -> list[Path]:
    """The segments before this one, which no base backup that is kept begins with."""
    return sorted(
        path
        for path in folder.iterdir()
        if (found := _SEGMENT.fullmatch(path.name)) and found[1][8:] < first_segment[8:]
    )
