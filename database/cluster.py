"""PostgreSQL's data folder ("cluster"): made once by initdb, then only checked."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from database.binaries import Binaries
from database.configuration import SUPERUSER
from database.errors import EmbeddedServerError
from database.places import Places
from database.privileges import ServerUser, die_with_parent, make_folder, run_as


def prepare_cluster(places: Places, binaries: Binaries, user: ServerUser | None) -> None:
    """Make the cluster if there is none; the caller holds the lock.

    initdb works in a folder of another name, which gets its final name when everything in it is on the
    disk. An interrupted attempt therefore never looks like a cluster; what is left of it is removed.
    Raises EmbeddedServerError if there is one that these programs cannot use.
    """
    for leftover in places.home.glob("cluster.new-*"):
        # A dying initdb may still be writing; then the rest goes at the next start.
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in places.home.glob("initdb-*"):
        leftover.unlink()
    if places.cluster.is_dir() and any(places.cluster.iterdir()):
        _check_cluster(places, binaries)
        return
    password = make_password(places)
    unfinished = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=places.home))
    make_folder(unfinished, user, 0o700)
    _run_initdb(binaries, user, unfinished, password)
    if places.cluster.is_dir():
        places.cluster.rmdir()
    unfinished.rename(places.cluster)
    _sync_folder(places.home)


def read_password(places: Places) -> str:
    """The superuser's password; raise EmbeddedServerError if it cannot be read."""
    try:
        return places.password.read_text(encoding="ascii").strip()
    except OSError as error:
        raise EmbeddedServerError(
            f"The password of the database cannot be read from {places.password} ({error.strerror}). "
            "Put the file back from a copy, or run this as the user who owns it."
        ) from error


def _check_cluster(places: Places, binaries: Binaries) -> None:
    version_file = places.cluster / "PG_VERSION"
    if not version_file.is_file():
        raise EmbeddedServerError(
            f"{places.cluster} is not empty but holds no PostgreSQL data (PG_VERSION is missing). "
            "Restore it from a backup, or move it away to begin with an empty database."
        )
    found = version_file.read_text(encoding="ascii").strip()
    if found != binaries.major_version:
        raise EmbeddedServerError(
            f"The data in {places.cluster} was made by PostgreSQL {found}, but this is PostgreSQL "
            f"{binaries.major_version}. Start the earlier version of Tongdui and run `tongdui db backup`, "
            "then `tongdui db restore` with this one into another TONGDUI_DATA."
        )
    read_password(places)


def make_password(places: Places) -> str:
    """A new random password, on the disk before any cluster that needs it."""
    password = secrets.token_urlsafe(32)
    unfinished = places.password.with_name("password.new")
    unfinished.unlink(missing_ok=True)
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(places.password)
    _sync_folder(places.home)
    return password


def set_password(places: Places, binaries: Binaries, user: ServerUser | None, password: str) -> None:
    """Give the superuser of the stopped cluster this password. Raises EmbeddedServerError.

    PostgreSQL's single-user mode asks for none, and nobody else can connect meanwhile.
    """
    done = subprocess.run(
        [
            binaries.program("postgres"),
            "--single",
            "-D",
            places.cluster,
            "-c",
            f"config_file={places.configuration}",
            "-c",
            "logging_collector=off",
            "-c",
            "archive_mode=off",
            "postgres",
        ],
        input=f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n",
        cwd="/",
        env={"LC_ALL": "C", "PATH": os.defpath},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **run_as(user),
    )
    if done.returncode != 0 or "ERROR" in done.stdout:
        last_lines = "\n".join(done.stdout.splitlines()[-8:])
        raise EmbeddedServerError(f"The password of the restored database cannot be set:\n{last_lines}")


def _run_initdb(binaries: Binaries, user: ServerUser | None, cluster: Path, password: str) -> None:
    """Run initdb as `user` into the empty folder `cluster`, which belongs to that user."""
    # On the command line other users could read the password; initdb takes it from a file.
    with tempfile.NamedTemporaryFile("w", encoding="ascii", dir=cluster.parent, prefix="initdb-") as file:
        file.write(password + "\n")
        file.flush()
        if user is not None:
            os.fchown(file.fileno(), user.uid, user.gid)
        done = subprocess.run(
            [
                binaries.program("initdb"),
                f"--pgdata={cluster}",
                f"--username={SUPERUSER}",
                f"--pwfile={file.name}",
                "--auth=scram-sha-256",
                "--data-checksums",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
            ],
            cwd="/",
            env={"LC_ALL": "C", "PATH": os.defpath},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
            **run_as(user),
        )
    if done.returncode != 0:
        shutil.rmtree(cluster, ignore_errors=True)
        last_lines = "\n".join(done.stdout.splitlines()[-8:])
        raise EmbeddedServerError(f"A new database cannot be made in {cluster.parent}:\n{last_lines}")


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last: the entry of a file is part of its folder, not of the file."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
