"""What each server process loads: the application behind granian, or behind any other WSGI server."""

import os
import signal

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from api.app import create_app
from api.building import build_services
from api.collector import settle_collector
from config import load_settings
from config.logs import configure_logging
from database import attach
from database.privileges import end_with


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
    settle_collector()
    return app
