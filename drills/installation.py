"""A Tongdui of the drill's own: started as an operator starts it, called as merchants call it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import Any, NamedTuple

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60
POLL_SECONDS = 0.05

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "tongdui")
OPERATOR_KEY = "tdk_live_drill_0123456789abcdef0123456789abcdef"


class Answer(NamedTuple):
    """`replayed`: it was the answer of an earlier request with the same key."""

    status: int
    body: dict[str, Any]
    replayed: bool


class Installation:
    """`tongdui run` on the data folder `data_dir`; `environment` are its further settings."""

    def __init__(self, data_dir: Path, log: Path, environment: dict[str, str]) -> None:
        self.data_dir = data_dir
        self.port = _free_port()
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("TONGDUI_") and name != "DATABASE_URL"
        }
        place = {"TONGDUI_DATA": str(data_dir), "TONGDUI_PORT": str(self.port)}
        self.environment = own | place | {"TONGDUI_BOOTSTRAP_KEY": OPERATOR_KEY} | environment

    def start(self) -> None:
        """Return when it is ready. Raises RuntimeError, with what it said, if it never is."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [PROGRAM, "run"], env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        give_up_at = time.monotonic() + START_SECONDS_MAX
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                said = self._log.read_text(errors="replace")[-3_000:]
                raise RuntimeError(f"tongdui does not start:\n{said}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def command(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of `tongdui` on the same settings; it may fail."""
        return subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment | environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        api_key: str,
        key: str | None = None,
    ) -> Answer:
        """One request on a connection of its own. Raises OSError or HTTPException if there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
            replayed = response.headers.get("Idempotency-Replayed") == "true"
            return Answer(response.status, json.loads(text) if text else {}, replayed)
        finally:
            connection.close()

    def made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the operator makes; raises RuntimeError if it is refused."""
        answer = self.call("POST", path, body, api_key=OPERATOR_KEY)
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.body}")
        return answer.body

    def _is_ready(self) -> bool:
        try:
            return self.call("GET", "/readyz", api_key="").status == 200
        except (OSError, http.client.HTTPException):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
