"""SQLAlchemy engines for PostgreSQL, with time limits on everything that can wait."""

from typing import Any

import orjson
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

CONNECT_TIMEOUT_SECONDS = 10
POOL_TIMEOUT_SECONDS = 30
IDLE_IN_TRANSACTION_TIMEOUT_SECONDS = 60


def make_engine(
    url: str,
    *,
    pool_size: int,
    application_name: str,
    statement_timeout_seconds: int | None = None,
    pre_ping: bool = True,
    **options: Any,
) -> Engine:
    """An engine on `url` (postgresql+psycopg2) that keeps at most `pool_size` connections, none beyond.

    A thread waits up to 30 s for a free one. Sessions run in UTC and READ COMMITTED; a transaction left
    idle for 60 s is ended by the server. `application_name` shows in pg_stat_activity and the server's log.
    `pre_ping` asks each connection whether it still works before lending it (one round trip). Other
    `options` go to sqlalchemy.create_engine.
    """
    session = {
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_TIMEOUT_SECONDS}s",
    }
    if statement_timeout_seconds is not None:
        session["statement_timeout"] = f"{statement_timeout_seconds}s"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=pre_ping,
        # The connections used last are used again first, so that spare ones can be closed by a proxy.
        pool_use_lifo=True,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": application_name,
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
            # A host that vanished without a word is noticed within a minute.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
        json_deserializer=orjson.loads,
        **options,
    )


def libpq_url(url: str) -> str:
    """`url` in the form that psql and pg_dump understand, password included."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
