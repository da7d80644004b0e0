"""The camera: a page of its own, as it alone may compile the wasm that reads QR codes.

It knows nothing of cards and members; what it reads goes into the address of the card check. See
docs/decisions/0025.
"""

from flask import Response, make_response, render_template

from api.auth import DESKS
from api.pages.desk.room import blueprint
from api.pages.frame import POLICY
from api.pages.guard import page

#: `wasm-unsafe-eval` lets WebAssembly be compiled, and nothing else: no eval of text.
SCAN_POLICY = POLICY + "; script-src 'self' 'wasm-unsafe-eval'"


@blueprint.get("/scan")
@page(*DESKS)
def scan() -> Response:
    response = make_response(render_template("desk/scan.html"))
    response.headers["Content-Security-Policy"] = SCAN_POLICY
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    return response
