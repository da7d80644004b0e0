"""Taking a file in: spooled to disk while it is hashed, then recorded for the runner."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Connection, Engine

from api.imports import store
from api.new_id import new_id
from clearing.core.commands import Caller

CHUNK_BYTES = 1 << 16


class TooLarge(Exception):
    """More bytes than an import may have."""


def receive(
    engine: Engine,
    files: Path,
    chunks: Iterable[bytes],
    *,
    kind: str,
    historical: bool,
    owner: str,
    caller: Caller,
    media_type: str,
    bytes_max: int,
    beside: Callable[[Connection, int], None] = lambda connection, import_id: None,
) -> int:
    """Keep the file and record the import, with what the caller writes `beside` about this id; returns it.

    Raises TooLarge, and whatever reading the chunks raises; then nothing is left behind.
    """
    files.mkdir(parents=True, exist_ok=True)
    path = files / f"{token_hex(16)}.upload"
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("xb") as spool:
            for chunk in chunks:
                size += len(chunk)
                if size > bytes_max:
                    raise TooLarge
                digest.update(chunk)
                spool.write(chunk)
        upload = store.Upload(
            kind, historical, owner, caller, path.name, digest.hexdigest(), media_type, size
        )
        import_id = new_id()
        with engine.begin() as connection:
            store.begin(connection, import_id, upload)
            beside(connection, import_id)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return import_id
