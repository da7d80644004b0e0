"""Health, documentation pages, headers, and what a server says when its database is gone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from api.building import build_services
from api.problems import MEANINGS
from api.setup import prepare
from support.alliance import WANG, Alliance, settings_for
from support.api import OPERATOR_KEY, Caller, code, detail, good
from support.databases import Databases


def test_a_process_that_works_says_so_to_anybody(shared: Alliance) -> None:
    client = shared.app.test_client()
    for path in ("/livez", "/readyz"):
        response = client.get(path)
        assert (response.status_code, response.json) == (200, {"status": "ok"})


@pytest.fixture
def orphan(databases: Databases, tmp_path: Path) -> Iterator[Caller]:
    """An operator of a server whose database has been dropped under it."""
    with databases.fresh() as url:
        prepare(settings_for(url, tmp_path), url)
        services = build_services(settings_for(url, tmp_path), url)
        caller = Caller(create_app(services).test_client(), OPERATOR_KEY)
        good(caller.get("/v1/alliance"))
        assert caller.client.get("/readyz").status_code == 200
    yield caller
    services.close()


ROUTES = ["/v1/alliance", "/v1/transactions", f"/v1/cards/{WANG}?merchant=JADE-1", "/v1/statements"]


def test_without_its_database_it_lives_and_is_not_ready(orphan: Caller) -> None:
    assert orphan.client.get("/livez").status_code == 200
    for _ in range(3):
        response = orphan.client.get("/readyz")
        assert (response.status_code, code(response)) == (503, "unavailable")


def test_without_its_database_every_request_is_told_to_come_again_with_its_key(orphan: Caller) -> None:
    body = {"card": WANG, "merchant": "JADE-1", "amount": 100}
    answers = [orphan.get(path) for path in ROUTES]
    answers += [orphan.post("/v1/accruals", body), orphan.post("/v1/members", {"participant": "JADE"})]
    answers.append(orphan.send_file("/v1/imports?kind=accruals", b"card\n"))
    for response in answers:
        assert (response.status_code, code(response)) == (503, "unavailable")
        assert "same key" in detail(response)


def test_a_database_without_tables_is_not_ready(databases: Databases, tmp_path: Path) -> None:
    with databases.fresh("template0") as url:
        services = build_services(settings_for(url, tmp_path), url)
        try:
            response = create_app(services).test_client().get("/readyz")
        finally:
            services.close()
    assert (response.status_code, code(response)) == (503, "unavailable")


def test_the_documentation_shows_the_document_of_this_server_and_asks_nobody_else(shared: Alliance) -> None:
    client = shared.app.test_client()
    page = client.get("/docs")
    assert page.mimetype == "text/html"
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        assert link.startswith("/static/")
        response = client.get(link)
        assert response.status_code == 200, link
        assert len(response.get_data()) > 50
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.text
    assert "/openapi.json" in client.get("/static/docs.js").get_data(as_text=True)


def test_every_code_is_explained_with_its_remedy_at_the_address_in_the_problem(shared: Alliance) -> None:
    page = shared.app.test_client().get("/docs/errors").text
    for name, meaning in MEANINGS.items():
        assert f'id="{name}"' in page
        assert str(meaning.status) in page
    assert len(set(MEANINGS)) == len(MEANINGS)


def test_files_outside_the_static_folder_are_not_served(shared: Alliance) -> None:
    client = shared.app.test_client()
    for path in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "swagger-ui/../../app.py"):
        response = client.get(f"/static/{path}")
        assert response.status_code in (404, 308), path


def test_every_answer_carries_a_request_id_and_is_not_kept_or_framed(shared: Alliance) -> None:
    for path in ("/v1/alliance", "/livez", "/none", "/v1/transactions?limit=0"):
        headers = shared.operator.get(path).headers
        assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-ID"])
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_a_bug_is_answered_without_its_inside_and_with_a_number_to_report(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr("api.v1.participants.alliance.list_participants", fail)
    response = shared.operator.get("/v1/participants")
    assert (response.status_code, code(response)) == (500, "internal")
    assert "secret" not in response.text
    assert response.json["request_id"] == response.headers["X-Request-ID"]  # type: ignore[index]


def test_a_posting_whose_outcome_is_not_known_in_time_is_to_be_sent_again(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.posting.SECONDS_WAITED_MAX", 0.0)
    body = {"card": WANG, "merchant": "JADE-1", "amount": 100}
    response = shared.operator.post("/v1/accruals", body, idempotency_key="slow")
    assert (response.status_code, code(response)) == (409, "in_flight")
    assert "same key" in detail(response)
    monkeypatch.undo()
    assert shared.operator.post("/v1/accruals", body, idempotency_key="slow").status_code == 201
