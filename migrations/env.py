"""What Alembic runs around the revisions: one upgrader at a time, limits on waiting, one transaction each.

`database.migrations` hands over a connection of its own. The `alembic` command, used to write new
revisions, has none, and works on the database of the settings.
"""

from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any, Literal

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

import settlement.tables  # noqa: F401  registers its tables in the metadata
import users.tables  # noqa: F401  registers its tables in the metadata
import webhooks.tables  # noqa: F401  registers its tables in the metadata
from clearing.tables import metadata
from config import load_settings
from database import make_engine, open_database

# Any number will do as long as nothing else in this database takes the same one.
UPGRADE_LOCK = 0x746F6E67  # "tong"

LOCK_TIMEOUT = "5s"

_HEAD = Path(__file__).with_name("HEAD")

NameType = Literal[
    "schema", "table", "column", "index", "unique_constraint", "foreign_key_constraint", "check_constraint"
]


def run(connection: Connection) -> None:
    """Run what Alembic was asked for on `connection`, whose session settings and locks change for good."""
    # First of all: whoever comes second waits here, and then finds nothing left to do. A lock of the
    # session, because every revision commits a transaction of its own.
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
    statement_timeout_seconds = context.config.attributes.get("statement_timeout_seconds") or 0
    connection.execute(
        text("SELECT set_config('lock_timeout', :lock, false), set_config('statement_timeout', :all, false)"),
        {"lock": LOCK_TIMEOUT, "all": f"{statement_timeout_seconds}s"},
    )
    partitions = _partitions(connection)
    connection.commit()

    def include_name(
        name: str | None, type_: NameType, parent_names: MutableMapping[Any, str | None]
    ) -> bool:
        """Leave partitions out of comparisons: the program makes them as periods come and go."""
        return type_ != "table" or name not in partitions

    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_server_default=True,
        include_name=include_name,
        process_revision_directives=_record_head,
    )
    with context.begin_transaction():
        context.run_migrations()


def _partitions(connection: Connection) -> frozenset[str]:
    """The names of all tables that are children of another one."""
    rows = connection.execute(
        text("SELECT relname FROM pg_class WHERE oid IN (SELECT inhrelid FROM pg_inherits)")
    )
    return frozenset(rows.scalars())


def _record_head(
    _context: MigrationContext,
    _revision: str | Iterable[str | None] | Iterable[str],
    directives: list[MigrationScript],
) -> None:
    """Write the id of a new revision into HEAD; a mere comparison makes none."""
    if getattr(context.config.cmd_opts, "message", None) and directives and directives[0].rev_id:
        _HEAD.write_text(directives[0].rev_id + "\n", encoding="ascii")


def _run_on_configured_database() -> None:
    settings = load_settings()
    with open_database(settings.database_url, settings.data_dir) as database:
        engine = make_engine(database.url, pool_size=1, application_name="tongdui-alembic")
        with engine.connect() as connection:
            run(connection.execution_options())
        engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Migrations need a database; offline mode (--sql) is not supported.")
if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    _run_on_configured_database()
