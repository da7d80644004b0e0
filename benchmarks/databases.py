"""Further databases on the bench's server, for what would be in the way in its own."""

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool


def created(url: str, name: str, template: str | None = None) -> str:
    """Make a database beside that of `url`, empty or a copy of the one at the URL `template`; its URL.

    Nobody may be connected to the template.
    """
    main = make_url(url)
    own = main.set(database=f"{main.database}_{name}")
    copied = ""
    if template is not None:
        # Copied file by file: through the log, a large one would take many times as long.
        copied = f' TEMPLATE "{make_url(template).database}" STRATEGY FILE_COPY'
    _administer(url, f'CREATE DATABASE "{own.database}"{copied}')
    return own.render_as_string(hide_password=False)


def dropped(url: str) -> None:
    name = make_url(url).database
    other = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    _administer(other, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
