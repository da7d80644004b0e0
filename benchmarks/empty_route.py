"""`python -m benchmarks.empty_route`: a Flask route that does nothing, served as `tongdui serve` serves.

At TONGDUI_PORT, with as many workers and threads as TONGDUI_WORKERS and TONGDUI_THREADS say or leave open.
"""

from flask import Flask, Response

from api.collector import settle_collector
from api.processes import serve_with
from config import load_settings

PATH = "/empty"


def make_app() -> Flask:
    app = Flask(__name__)

    @app.get(PATH)
    def empty() -> Response:
        return Response("{}", content_type="application/json")

    settle_collector()
    return app


def main() -> None:
    serve_with(make_app, load_settings())


if __name__ == "__main__":
    main()
