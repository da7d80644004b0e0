"""Large statements: made in the background, found there, sent in parts, and cleaned up."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from openpyxl import load_workbook
from werkzeug.test import TestResponse

from api import statement_files
from api.statement_files import file_name, held, lock_of, make, remove_old
from clearing.proof.keys import SealingKeys
from config import SettingsError
from settlement.proof.offline import check_file
from settlement.statement import DoesNotTieOut
from support.alliance import WANG, Alliance
from support.api import code, detail, good

PATIENCE_SECONDS = 60


@pytest.fixture
def closed(alliance: Alliance, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """LOTUS' statement of a closed period, in a world where two lines are many."""
    redeem = {"card": WANG, "merchant": "LOTUS-1", "points": 4000}
    posted = good(alliance.operator.post("/v1/redemptions", redeem))
    good(alliance.operator.post(f"/v1/periods/{posted['period']}/close", {"early": True}))
    [found] = good(alliance.operator.get("/v1/statements?participant=LOTUS"))["data"]
    monkeypatch.setattr(statement_files, "LARGE_LINES", 2)
    yield found


def path_of(statement: dict[str, Any], extension: str) -> str:
    return f"/v1/statements/{statement['id']}.{extension}"


def awaited(alliance: Alliance, path: str) -> TestResponse:
    """The first answer that is not 202."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (response := alliance.finance("LOTUS").get(path)).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return response


def test_the_first_answer_says_that_it_is_being_made(alliance: Alliance, closed: dict[str, Any]) -> None:
    response = alliance.finance("LOTUS").get(path_of(closed, "xlsx"))
    assert (response.status_code, response.get_json()) == (202, {"status": "preparing", "lines": 3})
    assert int(response.headers["Retry-After"]) > 0
    ready = awaited(alliance, path_of(closed, "xlsx"))
    assert ready.status_code == 200
    assert load_workbook(io.BytesIO(ready.get_data()), read_only=True).sheetnames[0] == "Summary"
    assert ready.headers["Content-Disposition"] == f"attachment; filename={closed['number']}.xlsx"


def test_it_has_the_bytes_that_a_small_one_would_have(
    alliance: Alliance, closed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = {
        extension: awaited(alliance, path_of(closed, extension)).get_data() for extension in ("csv", "pdf")
    }
    monkeypatch.setattr(statement_files, "LARGE_LINES", 1_000)
    for extension, body in ready.items():
        assert alliance.finance("LOTUS").get(path_of(closed, extension)).get_data() == body


def test_it_can_be_read_in_parts_and_need_not_be_read_twice(
    alliance: Alliance, closed: dict[str, Any]
) -> None:
    whole = awaited(alliance, path_of(closed, "csv"))
    body, etag = whole.get_data(), whole.headers["ETag"]
    assert int(whole.headers["Content-Length"]) == len(body)
    client = alliance.app.test_client()
    headers = {"Authorization": f"Bearer {alliance.finance('LOTUS').key}"}
    part = client.get(path_of(closed, "csv"), headers=headers | {"Range": "bytes=10-19", "If-Range": etag})
    assert (part.status_code, part.get_data()) == (206, body[10:20])
    assert client.get(path_of(closed, "csv"), headers=headers | {"If-None-Match": etag}).status_code == 304


def test_a_large_one_has_its_proof_too(alliance: Alliance, closed: dict[str, Any]) -> None:
    content = awaited(alliance, path_of(closed, "json")).get_data()
    verdict = check_file(io.BytesIO(content), list(alliance.services.sealing_keys().public_keys.values()))
    assert (verdict.faults, verdict.is_trusted, verdict.number) == ([], True, closed["number"])


def test_what_was_not_sealed_so_is_told_and_not_sent(alliance: Alliance, closed: dict[str, Any]) -> None:
    """A row that is in no tree, and in no queue for it."""
    with alliance.services.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM unsealed")
    failed = awaited(alliance, path_of(closed, "json"))
    assert (failed.status_code, code(failed)) == (500, "internal")


def test_keys_that_cannot_be_read_hold_up_one_file_and_no_other(
    alliance: Alliance, closed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = alliance.services.statements
    good_keys = alliance.services.sealing_keys
    tried = Event()

    def unreadable() -> SealingKeys:
        tried.set()
        raise SettingsError("the keys are none")

    monkeypatch.setattr(files, "_sealing_keys", unreadable)
    files.prepare(closed["id"], "json")
    assert tried.wait(PATIENCE_SECONDS)
    monkeypatch.setattr(files, "_sealing_keys", good_keys)
    assert awaited(alliance, path_of(closed, "csv")).status_code == 200


def test_it_is_nobody_elses(alliance: Alliance, closed: dict[str, Any]) -> None:
    awaited(alliance, path_of(closed, "csv"))
    assert code(alliance.finance("JADE").get(path_of(closed, "csv"))) == "not_found"


def test_what_does_not_tie_out_is_told_and_not_sent(
    alliance: Alliance, closed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with alliance.services.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE legs SET obligation = obligation + 1 WHERE obligation > 0")
    failed = awaited(alliance, path_of(closed, "csv"))
    assert (failed.status_code, code(failed)) == (409, "not_reproduced")
    assert alliance.services.statements.find(closed["id"], "csv") is None
    monkeypatch.setattr(statement_files, "LARGE_LINES", 20_000)
    at_once = alliance.finance("LOTUS").get(path_of(closed, "csv"))
    assert (at_once.status_code, code(at_once), detail(at_once)) == (409, "not_reproduced", detail(failed))
    assert "tongdui verify" in detail(failed)


def test_who_comes_second_leaves_the_work_to_the_first(alliance: Alliance, closed: dict[str, Any]) -> None:
    services = alliance.services
    folder = services.files.parent / "elsewhere"
    folder.mkdir()
    with held(lock_of(folder / file_name(closed["id"], "csv"))) as mine:
        assert mine
        assert not make(services.engine, folder, closed["id"], "csv", services.sealing_keys)
    assert make(services.engine, folder, closed["id"], "csv", services.sealing_keys)
    assert not make(services.engine, folder, closed["id"], "csv", services.sealing_keys), "it is there"
    assert not list(folder.glob("*.part"))


def test_what_another_server_process_is_at_starts_no_program(
    alliance: Alliance, closed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    program = subprocess.Popen

    def noted(arguments: list[str], **options: Any) -> "subprocess.Popen[bytes]":
        started.append(arguments[-1])
        return program(arguments, **options)

    monkeypatch.setattr("api.statement_files.subprocess.Popen", noted)
    folder = alliance.services.files.parent / "statements"
    folder.mkdir(exist_ok=True)
    with held(lock_of(folder / file_name(closed["id"], "csv"))) as mine:
        assert mine
        assert alliance.finance("LOTUS").get(path_of(closed, "csv")).status_code == 202
        # One is made after the other, so this one has been looked at by then.
        assert awaited(alliance, path_of(closed, "xlsx")).status_code == 200
    assert started == ["xlsx"]
    assert awaited(alliance, path_of(closed, "csv")).status_code == 200
    assert started == ["xlsx", "csv"]


def test_a_draft_of_a_process_that_died_is_written_anew(alliance: Alliance, closed: dict[str, Any]) -> None:
    services = alliance.services
    folder = services.files.parent / "elsewhere"
    folder.mkdir()
    draft = folder / f"{file_name(closed['id'], 'csv')}.part"
    draft.write_bytes(b"half a line" * 1_000)
    assert make(services.engine, folder, closed["id"], "csv", services.sealing_keys)
    assert (folder / file_name(closed["id"], "csv")).read_bytes().startswith(b"\xef\xbb\xbfline,")


def test_what_nobody_asks_for_any_more_is_removed(alliance: Alliance, closed: dict[str, Any]) -> None:
    services = alliance.services
    awaited(alliance, path_of(closed, "csv"))
    path = services.statements.find(closed["id"], "csv")
    assert path is not None
    old = time.time() - 10_000
    os.utime(path, (old, old))
    assert services.statements.find(closed["id"], "csv") == path, "to ask for it keeps it"
    assert remove_old(path.parent, old + 1) == 0
    assert remove_old(path.parent, time.time() + 1) == 1
    assert not path.exists()


def test_a_failure_is_told_once_and_then_tried_again(alliance: Alliance, closed: dict[str, Any]) -> None:
    files = alliance.services.statements
    files._failed[closed["id"], "json"] = DoesNotTieOut("it does not")
    with pytest.raises(DoesNotTieOut):
        files.prepare(closed["id"], "json")
    assert awaited(alliance, path_of(closed, "json")).status_code == 200


def test_a_process_that_dies_is_told_and_what_it_was_to_make_is_made_the_next_time(
    alliance: Alliance, closed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked for again and again before, and never told."""
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        failed = awaited(alliance, path_of(closed, "pdf"))
    assert (failed.status_code, code(failed)) == (500, "internal")
    assert f"{closed['number']}.pdf could not be made" in detail(failed)
    assert awaited(alliance, path_of(closed, "pdf")).status_code == 200
