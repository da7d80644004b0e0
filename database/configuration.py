"""PostgreSQL's settings, fitted to the machine and written anew at every start."""

from pathlib import Path

import psutil

from database import archive
from database.binaries import Binaries
from database.places import PORT, Places

DATABASE = "tongdui"
SUPERUSER = "tongdui"

MAX_WAL_SIZE_MB = 4096
MAX_CONNECTIONS = 100


def write_configuration(
    places: Places,
    binaries: Binaries,
    sockets: Path,
    *,
    shared_buffers_mb: int | None,
    max_wal_size_mb: int | None,
    max_connections: int,
    archive_to: Path | None = None,
) -> None:
    """Write postgresql.conf and hba.conf of `places`; None means: as fits the machine, and of `archive_to`
    that the write-ahead log is not archived.

    The file that initdb made comes first, because initdb tries out which kind of shared memory works here;
    ours follow and win. What somebody set with ALTER SYSTEM wins over both.
    """
    memory_mb = memory_bytes() // 2**20
    settings = {
        "hba_file": quoted(places.authentication),
        # The only way in is a socket in a folder of mode 0700.
        "listen_addresses": "''",
        "port": str(PORT),
        "unix_socket_directories": quoted(sockets),
        "unix_socket_permissions": "0700",
        "password_encryption": "'scram-sha-256'",
        "max_connections": str(max_connections),
        # What is acknowledged is on the disk. These are the defaults; here so that nobody has to look.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "shared_buffers": f"{shared_buffers_mb or min(max(memory_mb // 8, 128), 2048)}MB",
        "effective_cache_size": f"{max(memory_mb // 2, 128)}MB",
        "max_wal_size": f"{max_wal_size_mb or MAX_WAL_SIZE_MB}MB",
        "wal_compression": "lz4" if binaries.has_lz4() else "off",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        # Compiling a plan takes longer than any of our statements runs.
        "jit": "off",
        "idle_in_transaction_session_timeout": "60s",
        "shared_preload_libraries": "''",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        # One file for each day of the week, emptied when its day comes round again.
        "logging_collector": "on",
        "log_directory": quoted(places.log),
        "log_filename": "'postgresql-%a.log'",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_line_prefix": "'%m [%p] %a '",
        # A failing statement contains its values, which may be personal; its error is enough.
        "log_min_error_statement": "panic",
        "cluster_name": "'tongdui'",
    }
    if archive_to is not None:
        settings |= {
            "archive_mode": "on",
            "archive_command": quoted(archive.archive_command(archive_to)),
            "archive_timeout": f"{archive.SWITCH_SECONDS}s",
        }
    lines = [
        "# Written at every start; changes here are lost. Use ALTER SYSTEM.",
        f"include_if_exists = {quoted(places.cluster / 'postgresql.conf')}",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    _write(places.configuration, lines)
    _write(
        places.authentication,
        [
            "# Written at every start. Nobody comes in without a password.",
            "local all all scram-sha-256",
            "local replication all scram-sha-256",
        ],
    )


def memory_bytes() -> int:
    """The memory this process may use: that of the machine, or less inside a limited container."""
    total: int = psutil.virtual_memory().total
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            content = Path(limit).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if content.isdigit():
            total = min(total, int(content))
    return total


def quoted(value: object) -> str:
    """A text as a value in postgresql.conf, where quotes are doubled and backslashes escape."""
    escaped = str(value).replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _write(path: Path, lines: list[str]) -> None:
    """Replace `path` as a whole. It may be read by the user PostgreSQL runs as; there are no secrets."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished.chmod(0o644)
    unfinished.replace(path)
