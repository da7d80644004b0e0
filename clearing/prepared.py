"""Statements kept prepared in a session: planning one takes longer than carrying out a small batch does.

A posting, or a look at what one would do, knows all its rows by their keys: the planner must not read a table
through because it is small, or looks so to statistics of yesterday; nor plan again each time.
"""

from sqlalchemy import Connection

_PLANNED = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
_FOR_SESSION = "; ".join(f"SET {name} = {value}" for name, value in _PLANNED.items())
_FOR_TRANSACTION = "; ".join(f"SET LOCAL {name} = {value}" for name, value in _PLANNED.items())


def plan_by_keys(connection: Connection) -> None:
    """Plan so for as long as the session lasts."""
    connection.exec_driver_sql(_FOR_SESSION)


def prepared(connection: Connection, name: str, parameters: str, statement: str) -> str:
    """What to put before `EXECUTE name`; the session may do other things afterwards.

    `parameters`: their types; `statement` is prepared by the first who asks for this name in the session.
    """
    known: set[str] = connection.info.setdefault("tongdui_prepared", set())
    if name not in known:
        connection.exec_driver_sql(f"PREPARE {name} ({parameters}) AS {statement}")
        known.add(name)
    return f"{_FOR_TRANSACTION}; "
