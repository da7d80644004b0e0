"""The files of keys. They are whole at every moment: a key that is lost takes away what it guards."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from clearing.privacy import new_keys, with_new_key


def read_key_file(path: Path) -> str:
    return path.read_text(encoding="ascii")


def make_key_file(path: Path, make: Callable[[], str] = new_keys) -> None:
    """Make the file with its first keys; one that is there already stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _draft(path, make()) as draft, suppress(FileExistsError):
        os.link(draft, path)  # unless another process was first; then its keys are the ones


def add_key(path: Path, extend: Callable[[str], tuple[str, int]] = with_new_key) -> int:
    """Add a key, which is the one in use from now on; its id.

    Raises FileNotFoundError if there is no such file, and ValueError if it holds something else. The keys
    that it held stay in it, and owner and mode stay as they were.
    """
    path = path.resolve(strict=True)
    with _locked(path.parent):
        text, key_id = extend(read_key_file(path))
        with _draft(path, text) as draft:
            before = path.stat()
            draft.chmod(before.st_mode & 0o777)
            # Done by root, the server's own user must still be able to read it.
            os.chown(draft, before.st_uid, before.st_gid)
            draft.replace(path)
    return key_id


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two processes must not both add to what they read: the key of one would be lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """The text on disk beside the file, for us only; gone afterwards if it was not put in its place."""
    descriptor, name = mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
