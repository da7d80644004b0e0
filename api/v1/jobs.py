"""The jobs that run by the clock."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response
from sqlalchemy import Connection, Row

from api import present
from api.auth import guard
from api.jobs import LISTED
from api.problems import HttpCode, Problem
from api.schemas.common import PageQuery, page_of
from api.schemas.jobs import JobListSchema, JobRunSchema
from api.services import services
from api.web import Blueprint, answer, cursor_number, page
from clearing.core.commands import Scope
from clearing.query import database_time
from settlement.job_runs import list_runs, read_states
from settlement.jobs import Job
from settlement.schedule import is_led

blueprint = Blueprint("jobs", __name__, description="What runs by the clock")


@blueprint.route("/jobs")
@guard(Scope.OPERATOR, Scope.AUDITOR)
@blueprint.response(200, JobListSchema)
def list_jobs() -> Response:
    """Every job with its last and its next run; `scheduled` tells whether some process runs them now"""
    with services().engine.connect() as connection:
        return answer(all_jobs(connection))


@blueprint.route("/jobs/<name>/runs")
@guard(Scope.OPERATOR, Scope.AUDITOR)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(JobRunSchema))
def list_runs_of(query: dict[str, Any], name: str) -> Response:
    """Runs of a job that did something or failed, newest first; of daily jobs all

    One without `ended_at` is running, or was cut off.
    """
    job = next((one for one in LISTED if one.name == name), None)
    if job is None:
        raise Problem(HttpCode.NOT_FOUND, f"There is no job {name!r}.")
    with services().engine.connect() as connection:
        zone = services().directory(connection).rulebook.settings.time_zone
        rows = list_runs(connection, job.name, cursor_number(query["cursor"]), query["limit"] + 1)
    return answer(page(list(rows), query["limit"], lambda row: _run(row, zone), lambda row: row.id))


def all_jobs(connection: Connection) -> dict[str, Any]:
    """Every job as JSON, and whether they run."""
    zone = services().directory(connection).rulebook.settings.time_zone
    states, now, led = read_states(connection), database_time(connection), is_led(connection)
    data = [_job(job, states.get(job.name), now, zone) for job in LISTED]
    return {"data": data, "scheduled": led, "next_cursor": None}


def _job(job: Job, state: Row | None, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    last = None if state is None else state.at
    return {
        "name": job.name,
        "description": job.description,
        "when": job.when.text,
        "next_run": _time(job.when.next_after(last, now, zone), zone),
        "last_run": None if state is None else _run(state, zone),
    }


def _run(row: Row, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "at": _time(row.at, zone),
        "started_at": _time(row.started_at, zone),
        "ended_at": None if row.ended_at is None else _time(row.ended_at, zone),
        "counts": row.counts or {},
        "error": row.error,
        "ran_by": row.ran_by,
    }


def _time(at: datetime, zone: ZoneInfo) -> str:
    return present.time_text(at.astimezone(zone))
