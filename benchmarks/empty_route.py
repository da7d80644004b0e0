"""`python -m benchmarks.empty_route`: a Flask route that does nothing, served as `tongdui serve` serves.

At TONGDUI_PORT, with as many workers and threads as TONGDUI_WORKERS and TONGDUI_THREADS say or leave open.
"""

import gc
import multiprocessing

from flask import Flask, Response
from granian import Granian
from granian.constants import Interfaces

from api.server import BACKLOG
from api.worker import GARBAGE_THRESHOLD
from config import load_settings

PATH = "/empty"


def make_app() -> Flask:
    app = Flask(__name__)

    @app.get(PATH)
    def empty() -> Response:
        return Response("{}", content_type="application/json")

    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    return app


def main() -> None:
    settings = load_settings()
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "benchmarks.empty_route:make_app",
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


if __name__ == "__main__":
    main()
