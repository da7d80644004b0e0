"""What can go wrong with the embedded server, in sentences for an operator."""

from pathlib import Path


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL cannot be used; the message says why and what to do."""


class AlreadyRunning(EmbeddedServerError):
    """Another process holds the data folder. `pid` is None in the instant before the holder wrote it."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"The database in {data_dir} is already in use by {holder}. "
            f"Stop that one first{'' if pid is None else f' (kill -INT {pid})'}, "
            "or choose another folder with TONGDUI_DATA."
        )
        self.data_dir = data_dir
        self.pid = pid


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""
