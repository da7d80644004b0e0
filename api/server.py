"""The server: granian, whose processes load `api.worker`; this one need not, and so starts fast."""

import multiprocessing
import socket

from granian import Granian
from granian.constants import Interfaces

from config import Settings

BACKLOG = 2048


class PortTaken(Exception):
    """Somebody listens there already."""


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises PortTaken."""
    require_free_port(settings)
    run("api.worker:make_app", settings)


def run(factory: str, settings: Settings) -> None:
    """Serve what `factory` (`module:function`) makes in each server process, until SIGINT or SIGTERM."""
    # A forked worker would inherit the lock on the data folder and keep it after its parent's death.
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        factory,
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backlog=BACKLOG,
        websockets=False,
        log_enabled=False,
    )
    server.serve()


def require_free_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise PortTaken(
                f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). Stop what listens"
                " there, or set TONGDUI_PORT to another port."
            ) from error
