"""The server process: the application behind granian, or behind any other WSGI server."""

import gc
import multiprocessing
import os
import signal
import socket

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from werkzeug.middleware.proxy_fix import ProxyFix

from api.app import create_app
from api.setup import build_services
from config import Settings, load_settings
from config.logs import configure_logging
from database import attach
from database.privileges import end_with

BACKLOG = 2048

#: New objects between two collections; a batch of a thousand makes tens of thousands, and none in cycles.
GARBAGE_THRESHOLD = 50_000


class PortTaken(Exception):
    """Somebody listens there already."""


def make_app() -> Flask:
    """The application of this process's settings, with its threads running (what a worker loads)."""
    # A worker that outlived its server would keep the port.
    end_with(os.getppid(), signal.SIGTERM)
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    url = settings.database_url or attach(settings.data_dir)
    if url is None:
        raise RuntimeError("no database: set DATABASE_URL, or start the embedded one with `tongdui run`")
    services = build_services(settings, url)
    services.imports.start()
    app = create_app(services)
    if settings.proxies:
        behind = dict.fromkeys(("x_for", "x_proto", "x_host"), settings.proxies)
        app.wsgi_app = ProxyFix(app.wsgi_app, **behind)  # type: ignore[method-assign]  # as Flask documents it
    # What is loaded now stays for good: the collector need not walk it again with every few hundred objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    return app


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises PortTaken."""
    require_free_port(settings)
    # A forked worker would inherit the lock on the data folder and keep it after its parent's death.
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "api.server:make_app",
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
