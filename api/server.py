"""The server. `python -m api.server PARENT` is what `tongdui run`, of that process id, starts beside its
database and its schedule: it loads, and serves when a line comes in.
"""

import signal
import sys

from api.port import require_free_port
from api.processes import serve_with
from api.worker import make_app
from config import Settings, load_settings
from config.logs import configure_logging
from database.privileges import end_with


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises PortTaken."""
    require_free_port(settings)
    serve_with(make_app, settings)


def main(parent: str) -> None:
    end_with(int(parent), signal.SIGTERM)
    if not sys.stdin.readline():
        return  # the other could not make its database ready
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    serve(settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
