"""PostgreSQL for Tongdui: a real server by URL, or an embedded one that this package runs and guards.

| module | what |
|---|---|
| `access` | `open_database`, `attach`: the URL to use, whoever runs the server |
| `server` | `EmbeddedServer`: start, watch over and stop one PostgreSQL |
| `cluster`, `configuration`, `places` | its files: how they are made, set and where they lie |
| `binaries`, `privileges`, `processes`, `lock` | finding PostgreSQL, dropping root, orphans, exclusive use |
| `engine` | SQLAlchemy engines with our timeouts |
| `copying` | the rows of large queries |
| `migrations` | bringing the tables up to date |

Nothing here knows of clearing or settlement, or reads the environment.
"""

from database.access import OpenDatabase, attach, open_database
from database.engine import libpq_url, make_engine
from database.errors import AlreadyRunning, EmbeddedServerError
from database.server import EmbeddedServer

__all__ = [
    "AlreadyRunning",
    "EmbeddedServer",
    "EmbeddedServerError",
    "OpenDatabase",
    "attach",
    "libpq_url",
    "make_engine",
    "open_database",
]
