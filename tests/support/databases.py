"""Databases for tests: copies of a template, which takes a fraction of what building the tables takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

_TEMPLATE = "tongdui_template"


class Databases:
    """Fresh databases on one server. `prepare_template(url)` fills the template, once, when first needed."""

    def __init__(self, server_url: str, prepare_template: Callable[[str], None]) -> None:
        self._server_url = server_url
        self._prepare_template = prepare_template
        self._prepared = False
        self._count = 0
        self._further: set[str] = set()

    @contextmanager
    def fresh(self, template: str | None = None) -> Iterator[str]:
        """The URL of a new database, dropped afterwards; `template0` gives one without tables."""
        self._count += 1
        name = f"test_{self._count}"
        self.create(name, template or self._ready_template())
        try:
            yield self.url_of(name)
        finally:
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    def create(self, name: str, template: str) -> None:
        """Make a database. WAL_LOG copies a small template faster than FILE_COPY with its two checkpoints."""
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY WAL_LOG')

    def further_template(self, name: str, prepare: Callable[[str], None]) -> str:
        """Make a second template, a copy of the first to which `prepare(url)` adds; returns its name.

        One of this name that was made before is there already.
        """
        if name in self._further:
            return name
        self.create(name, self._ready_template())
        prepare(self.url_of(name))
        self._further.add(name)
        return name

    def url_of(self, name: str) -> str:
        """The URL of the database `name` on the same server."""
        return make_url(self._server_url).set(database=name).render_as_string(hide_password=False)

    def _ready_template(self) -> str:
        if not self._prepared:
            self.create(_TEMPLATE, "template0")
            self._prepare_template(self.url_of(_TEMPLATE))
            self._prepared = True
        return _TEMPLATE

    def _administer(self, statement: str) -> None:
        # No connection may be kept: one that stays open on a template would forbid copying it.
        engine = create_engine(self._server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
