"""What each server process loads: the application behind granian, or behind any other WSGI server."""

import gc
import os
import signal

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from api.app import create_app
from api.building import build_services
from config import load_settings
from config.logs import configure_logging
from database import attach
from database.privileges import end_with

#: New objects between two collections; a batch of a thousand makes tens of thousands, and none in cycles.
GARBAGE_THRESHOLD = 50_000


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
