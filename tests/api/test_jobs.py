"""The jobs that run by the clock, through the API."""

from api.jobs import LISTED
from settlement.job_runs import run_job
from settlement.jobs import EXPIRE, LAPSE
from support.alliance import Alliance
from support.api import code, good


def test_jobs_are_listed_with_their_last_and_next_run(alliance: Alliance) -> None:
    first = good(alliance.operator.get("/v1/jobs"))
    assert [one["name"] for one in first["data"]] == [job.name for job in LISTED]
    assert first["scheduled"] is False
    assert {one["last_run"] for one in first["data"]} == {None}
    run_job(alliance.services.engine, EXPIRE, ran_by="tests")
    run_job(alliance.services.engine, LAPSE, ran_by="tests")
    by_name = {one["name"]: one for one in good(alliance.auditor.get("/v1/jobs"))["data"]}
    last = by_name["expire_lots"]["last_run"]
    assert (last["counts"], last["error"], last["ran_by"]) == (
        {"lots": 0, "points": 0, "value": 0, "arrears_paid": 0},
        None,
        "tests",
    )
    assert by_name["expire_lots"]["next_run"] > last["started_at"]
    [run] = good(alliance.operator.get("/v1/jobs/expire_lots/runs"))["data"]
    assert run == last
    assert good(alliance.operator.get("/v1/jobs/lapse_holds/runs"))["data"] == []
    assert code(alliance.operator.get("/v1/jobs/none/runs")) == "not_found"
