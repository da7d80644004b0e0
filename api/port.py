"""The port that the server is to listen at."""

import socket

from config import Settings


class PortTaken(Exception):
    """Somebody listens there already."""


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
