"""A receiver of webhooks on this machine, and a courier whose clock stands until a test moves it."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from sqlalchemy import Engine, text
from standardwebhooks import Webhook

from clearing.core.events import EventType
from clearing.events import Told, tell
from clearing.privacy import PersonalData, new_keys
from webhooks import endpoints
from webhooks.addresses import AddressPolicy
from webhooks.courier import Courier, Delivered
from webhooks.sender import Sender

LOCAL = ("127.0.0.0/8",)


class Reply(NamedTuple):
    """What the receiver does: wait, then answer so."""

    status: int = 204
    headers: Mapping[str, str] = {}
    body: bytes = b""
    wait_seconds: float = 0.0


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def verified_with(self, secret: str) -> Any:
        """The body as a receiver takes it; raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, self.headers)


class Server(ThreadingHTTPServer):
    """Lets many knock at once: with five, as it comes, a busy machine refuses some."""

    request_queue_size = 128


class Receiver:
    """Keeps what it gets. `answer` says what to do with each request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], Reply] = lambda _: Reply()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Received(self.path, headers, body)
                receiver.received.append(got)
                reply = receiver.answer(got)
                time.sleep(reply.wait_seconds)
                try:
                    self.send_response(reply.status)
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(reply.body)))
                    self.end_headers()
                    self.wfile.write(reply.body)
                except OSError:
                    pass  # the courier has hung up

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hooks"
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    opened = Receiver(tls)
    try:
        yield opened
    finally:
        opened.close()


class Endpoint(NamedTuple):
    id: int
    secret: str


class Post:
    """Endpoints, things to tell them, and couriers. `now` begins at the present time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.personal_data = PersonalData.from_text(new_keys())
        self.now = datetime.now(UTC)
        self.chance = 0.5
        self._last_id = 0
        self._couriers: list[Courier] = []

    def courier(self, *, total_seconds: float = 15.0, sender: Sender | None = None) -> Courier:
        """One more courier, as of another process."""
        made = Courier(
            self.engine,
            self.personal_data,
            sender or Sender(AddressPolicy(LOCAL), total_seconds=total_seconds),
            now=lambda: self.now,
            chance=lambda: self.chance,
        )
        self._couriers.append(made)
        return made

    def run(self, after: timedelta = timedelta(0)) -> Delivered:
        """Let a courier of its own work once, so much later."""
        self.now += after
        courier = self.courier()
        done = courier.run()
        courier.close()
        return done

    def register(self, owner_id: int, url: str, types: list[EventType] | None = None) -> Endpoint:
        self._last_id += 1
        values = {"url": url, "event_types": [one.value for one in types] if types else None}
        with self.engine.begin() as connection:
            made = endpoints.register(
                connection,
                self.personal_data,
                self._last_id,
                owner_id,
                values,
                made_by="tests",
                at=self.now,
            )
        assert made is not None
        return Endpoint(self._last_id, made[1])

    def tell(
        self, owner_id: int, type_: EventType = EventType.PERIOD_CLOSED, count: int = 1, **data: Any
    ) -> None:
        with self.engine.begin() as connection:
            tell(connection, [Told(type_, owner_id, data) for _ in range(count)], self.now)

    def deliveries(self, columns: str = "status") -> list[Any]:
        """Of all deliveries in the order of their events; a value, or a tuple of several."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text(f"SELECT {columns} FROM webhook_deliveries ORDER BY endpoint_id, event_id")
            ).all()
        return [row[0] if len(row) == 1 else tuple(row) for row in rows]

    def attempts(self) -> list[tuple[Any, ...]]:
        """(number, status_code, error) of all attempts."""
        with self.engine.connect() as connection:
            query = text("SELECT number, status_code, error FROM webhook_attempts ORDER BY 1, event_id")
            return [tuple(row) for row in connection.execute(query)]

    def endpoint(self, id_: int, column: str = "enabled") -> Any:
        with self.engine.connect() as connection:
            query = text(f"SELECT {column} FROM webhook_endpoints WHERE id = :id")
            return connection.execute(query, {"id": id_}).scalar_one()

    def close(self) -> None:
        for courier in self._couriers:
            courier.close()
