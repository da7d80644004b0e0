"""Clients of the API under test, and ways to read its answers."""

import json
import time
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.problems import MEANINGS

OPERATOR_KEY = "tdk_test_operator_0123456789abcdef"
IMPORT_SECONDS_MAX = 60


class Caller:
    """A client that sends its key, and a fresh idempotency key unless one is given."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self.client = client
        self.key = key

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, headers=self._headers())

    def post(self, path: str, body: Any = None, *, idempotency_key: str | None = None) -> TestResponse:
        key = idempotency_key or str(uuid4())
        return self.client.post(path, json=body or {}, headers=self._headers() | {"Idempotency-Key": key})

    def put(self, path: str, body: Any) -> TestResponse:
        return self.client.put(path, json=body, headers=self._headers())

    def patch(self, path: str, body: Any) -> TestResponse:
        return self.client.patch(path, json=body, headers=self._headers())

    def delete(self, path: str) -> TestResponse:
        return self.client.delete(path, headers=self._headers())

    def send_file(self, path: str, content: bytes, media_type: str = "text/csv") -> TestResponse:
        return self.client.post(path, data=content, headers=self._headers(), content_type=media_type)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def good(response: TestResponse) -> Any:
    """The answer's JSON; fails with the problem's text if it is an error."""
    assert response.status_code < 400, json.dumps(response.json, ensure_ascii=False, indent=1)
    return response.json


def code(response: TestResponse) -> str:
    """The problem's code; fails if the answer is not a problem document."""
    assert response.content_type == "application/problem+json", response.data
    found: str = response.json["code"]  # type: ignore[index]
    return found


def detail(response: TestResponse) -> str:
    """The problem's sentence."""
    return str(problem(response)["detail"])


def pointers(found: dict[str, Any]) -> list[str]:
    """What a problem document points at."""
    return [error["pointer"] for error in found["errors"]]


def problem(response: TestResponse) -> dict[str, Any]:
    """The problem document, checked for its form; fails if the answer is something else."""
    assert response.content_type == "application/problem+json", response.text
    found: dict[str, Any] = json.loads(response.data)
    assert found.keys() == {"type", "title", "status", "detail", "code", "errors", "request_id"}
    assert found["status"] == response.status_code == MEANINGS[found["code"]].status
    assert found["type"] == f"/docs/errors#{found['code']}"
    assert found["request_id"] == response.headers["X-Request-ID"]
    assert len(found["detail"]) > 10, "a sentence"
    for error in found["errors"]:
        assert error["pointer"][:1] in ("", "/", "?")
        assert error["detail"]
    return found


def refused(response: TestResponse, *codes: str) -> dict[str, Any]:
    """The problem document; its code is one of these (`malformed` if none is named)."""
    found = problem(response)
    assert 400 <= response.status_code < 500, found
    assert found["code"] in (codes or ("malformed",)), found
    return found


def wait_for_import(
    caller: Caller, kind: str, content: str | bytes, query: str = "", media_type: str = "text/csv"
) -> Any:
    """Send a file and wait until it is done; the import as `GET /v1/imports/{id}` gives it."""
    data = content.encode() if isinstance(content, str) else content
    started = good(caller.send_file(f"/v1/imports?kind={kind}{query}", data, media_type))
    deadline = time.monotonic() + IMPORT_SECONDS_MAX
    while True:
        found = good(caller.get(f"/v1/imports/{started['id']}"))
        if found["status"] != "running":
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
