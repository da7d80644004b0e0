"""What proposed fee rules would have charged, asked through the API; the ledger stays as it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.alliance import LI, WANG, Alliance
from support.api import Caller, code, detail, good, pointers, refused, wait_for_import

PATH = "/v1/fee-simulations"


def rule(kind: str = "redemption", **more: Any) -> dict[str, Any]:
    return {"kind": kind, **more}


def simulated(caller: Caller, period: str, *rules: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = good(caller.post(PATH, {"period": period, "rules": list(rules)}))
    return found


def figures(found: dict[str, Any]) -> tuple[int, int, int, int]:
    """Charged, simulated, legs, changed; every way to add it up must come to the same."""
    for rows in ("participants", "kinds", "lines"):
        for name in ("charged", "simulated", "difference"):
            assert sum(row[name] for row in found[rows]) == found[name], (rows, name)
    for row in (found, *found["participants"], *found["kinds"], *found["lines"]):
        assert row["difference"] == row["simulated"] - row["charged"]
    assert sum(row["legs"] for row in found["kinds"]) == found["legs"]
    return found["charged"], found["simulated"], found["legs"], found["changed"]


def by(found: dict[str, Any], rows: str, *names: str) -> dict[str, tuple[int, int]]:
    return {" ".join(row[name] for name in names): (row["charged"], row["simulated"]) for row in found[rows]}


@pytest.fixture(scope="module")
def period(shared: Alliance) -> str:
    """The period in which the worked example was booked; nothing else is booked in this module's alliance."""
    desk = shared.operator
    at = {"card": WANG, "merchant": "LOTUS-1"}
    posted = good(desk.post("/v1/redemptions", {**at, "points": 4000}))
    good(desk.post("/v1/accruals", {**at, "amount": 68_000, "points": 680}))
    good(desk.post("/v1/spends", {"card": WANG, "merchant": "PINE-1", "amount": 30_000}))
    good(desk.post("/v1/redemptions", {"card": WANG, "merchant": "JADE-1", "points": 500}))
    return str(posted["period"])


@pytest.fixture
def untouched(shared: Alliance, period: str) -> Iterator[None]:
    """Not a row is written, and the rulebook keeps its version."""

    def state() -> tuple[Any, ...]:
        version = good(shared.operator.get("/v1/alliance"))["version"]
        with shared.services.engine.connect() as connection:
            directory = connection.exec_driver_sql("SELECT version FROM directory_versions").scalar_one()
        return shared.row_counts(), shared.sums(), version, directory

    shared.participant("JADE"), shared.merchant("JADE-1"), shared.finance("JADE"), shared.auditor
    before = state()
    yield
    assert state() == before


@pytest.mark.usefixtures("untouched")
class TestOnTheWorkedExample:
    def test_redemptions_at_three_percent_cost_lotus_a_quarter_of_a_yuan_more(
        self, shared: Alliance, period: str
    ) -> None:
        found = simulated(shared.operator, period, rule(rate="0.03"))
        assert found == {
            "period": period,
            "currency": "CNY",
            "charged": 910,
            "simulated": 935,
            "difference": 25,
            "legs": 3,
            "changed": 1,
            "participants": [
                {"code": "JADE", "charged": 0, "simulated": 0, "difference": 0},
                {"code": "LOTUS", "charged": 730, "simulated": 755, "difference": 25},
                {"code": "PINE", "charged": 180, "simulated": 180, "difference": 0},
            ],
            "kinds": [
                {"kind": "visit", "legs": 1, "charged": 680, "simulated": 680, "difference": 0},
                {"kind": "redemption", "legs": 1, "charged": 50, "simulated": 75, "difference": 25},
                {"kind": "spend", "legs": 1, "charged": 180, "simulated": 180, "difference": 0},
                {"kind": "load", "legs": 0, "charged": 0, "simulated": 0, "difference": 0},
            ],
            "lines": [
                {
                    "participant": "LOTUS",
                    "kind": "visit",
                    "charged": 680,
                    "simulated": 680,
                    "difference": 0,
                },
                {
                    "participant": "LOTUS",
                    "kind": "redemption",
                    "charged": 50,
                    "simulated": 75,
                    "difference": 25,
                },
                {
                    "participant": "PINE",
                    "kind": "spend",
                    "charged": 180,
                    "simulated": 180,
                    "difference": 0,
                },
            ],
        }

    def test_without_rules_it_is_what_was_charged(self, shared: Alliance, period: str) -> None:
        assert figures(simulated(shared.operator, period)) == (910, 910, 3, 0)

    def test_a_split_fee_is_shared_out_between_both(self, shared: Alliance, period: str) -> None:
        half = {"acceptor": "0.5", "issuer": "0.5"}
        found = simulated(shared.operator, period, rule(rate="0.0204", payer=half), rule("spend", rate="0"))
        assert figures(found) == (910, 731, 3, 2)
        assert by(found, "lines", "participant", "kind") == {
            "JADE redemption": (0, 25),
            "LOTUS visit": (680, 680),
            "LOTUS redemption": (50, 26),
            "PINE spend": (180, 0),
        }

    def test_the_most_specific_of_several_rules_wins(self, shared: Alliance, period: str) -> None:
        specific = rule("visit", issuer="JADE", acceptor="LOTUS", rate="0.02", max=1_000)
        found = simulated(shared.operator, period, specific, rule("visit", rate="0.5"))
        assert by(found, "kinds", "kind")["visit"] == (680, 1_000)
        elsewhere = rule("visit", issuer="JADE", acceptor="PINE", rate="0.02")
        assert figures(simulated(shared.operator, period, elsewhere)) == (910, 910, 3, 0)

    def test_a_rule_of_the_future_changes_nothing(self, shared: Alliance, period: str) -> None:
        found = simulated(shared.operator, period, rule(rate="0.03", valid_from="2199-12-31"))
        assert figures(found) == (910, 910, 3, 0)

    def test_twenty_rules_can_be_proposed_at_once(self, shared: Alliance, period: str) -> None:
        rules = [rule(rate=f"0.{number:02}") for number in range(1, 21)]
        assert by(simulated(shared.operator, period, *rules), "kinds", "kind")["redemption"] == (50, 500)

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"period": "2026-13"}, "/period"),
            ({"period": "October"}, "/period"),
            ({"period": "0000-01"}, "/period"),
            ({"period": 202610}, "/period"),
            ({"rules": None}, "/rules"),
            ({"rules": {"kind": "visit"}}, "/rules"),
            ({"rules": [rule()] * 21}, "/rules"),
            ({"rules": [rule(), {}]}, "/rules/1/kind"),
            ({"rules": [rule("gift")]}, "/rules/0/kind"),
            ({"rules": [rule(rate=0.02)]}, "/rules/0/rate"),
            ({"rules": [rule(rate="1.01")]}, "/rules/0/rate"),
            ({"rules": [rule(), rule(min=2, max=1)]}, "/rules/1/max"),
            ({"rules": [rule(payer={"acceptor": "0.5", "issuer": "0.6"})]}, "/rules/0/payer"),
            ({"rules": [rule(valid_from="tomorrow")]}, "/rules/0/valid_from"),
            ({"rules": [rule(rat="0.02")]}, "/rules/0/rat"),
            ({"rules": [rule(), rule(issuer="NOBODY")]}, "/rules/1/issuer"),
            ({"rules": [rule(acceptor="NOBODY")]}, "/rules/0/acceptor"),
            ({"rule": rule()}, "/rule"),
        ],
    )
    def test_a_wrong_field_is_pointed_at(
        self, shared: Alliance, period: str, changes: dict[str, Any], pointer: str
    ) -> None:
        response = shared.operator.post(PATH, {"period": period, "rules": [], **changes})
        assert response.status_code == 400
        assert pointers(refused(response)) == [pointer]

    def test_an_empty_body_names_what_is_missing(self, shared: Alliance) -> None:
        assert sorted(pointers(refused(shared.operator.post(PATH, {})))) == ["/period", "/rules"]

    def test_a_period_that_was_never_opened_is_not_found(self, shared: Alliance) -> None:
        response = shared.operator.post(PATH, {"period": "2199-01", "rules": [rule(rate="0.03")]})
        assert (response.status_code, code(response)) == (404, "not_found")
        assert "2199-01" in detail(response)

    def test_only_the_operator_may_ask(self, shared: Alliance, period: str) -> None:
        others = (
            shared.participant("JADE"),
            shared.merchant("JADE-1"),
            shared.finance("JADE"),
            shared.auditor,
        )
        for caller in others:
            response = caller.post(PATH, {"period": period, "rules": []})
            assert (response.status_code, code(response)) == (403, "forbidden")

    def test_it_needs_no_idempotency_key(self, shared: Alliance, period: str) -> None:
        headers = {"Authorization": f"Bearer {shared.operator.key}"}
        response = shared.app.test_client().post(PATH, json={"period": period, "rules": []}, headers=headers)
        assert figures(good(response)) == (910, 910, 3, 0)


def redeem(alliance: Alliance, points: int = 4000) -> dict[str, Any]:
    body = {"card": WANG, "merchant": "LOTUS-1", "points": points}
    done: dict[str, Any] = good(alliance.operator.post("/v1/redemptions", body))
    return done


def reverse(alliance: Alliance, transaction: dict[str, Any], **body: Any) -> dict[str, Any]:
    path = f"/v1/transactions/{transaction['id']}/reversals"
    done: dict[str, Any] = good(alliance.operator.post(path, {"reason": "left early", **body}))
    return done


def test_adding_the_rules_proposed_charges_what_was_foretold(alliance: Alliance) -> None:
    period = redeem(alliance)["period"]
    proposed = rule(rate="0.025", min=40, payer={"acceptor": "0.3", "issuer": "0.7"})
    foretold = simulated(alliance.operator, period, proposed)
    # ¥25.00 at 2.5 %: 63 fen, of which LOTUS bears 18.9 and JADE 44.1.
    assert by(foretold, "lines", "participant", "kind") == {
        "JADE redemption": (0, 44),
        "LOTUS redemption": (50, 19),
    }
    good(alliance.operator.post("/v1/fee-rules", proposed))
    assert simulated(alliance.operator, period) == foretold, "now it is in the rulebook"
    good(alliance.operator.post("/v1/redemptions", {"card": WANG, "merchant": "PINE-1", "points": 2500}))
    after = simulated(alliance.operator, period)
    assert figures(after) == (50 + 63, 63 + 63, 2, 1)


def test_reversals_give_back_what_the_proposed_rule_would_have_charged_on_them(alliance: Alliance) -> None:
    booked = redeem(alliance)
    first = reverse(alliance, booked, points=1500)
    assert [leg["fee"] for leg in first["legs"]] == [-30]
    proposed = rule(rate="0.03", min=60)
    # JADE's ¥25.00 would have cost 75 fen, the ¥10.00 that are left the minimum of 60.
    assert figures(simulated(alliance.operator, booked["period"], proposed)) == (20, 60, 2, 2)
    reverse(alliance, booked, points=600)
    assert figures(simulated(alliance.operator, booked["period"], proposed)) == (8, 60, 3, 3)
    reverse(alliance, booked)
    assert figures(simulated(alliance.operator, booked["period"], proposed)) == (0, 0, 4, 4)
    assert figures(simulated(alliance.operator, booked["period"])) == (0, 0, 4, 0)


def test_a_reversal_of_an_earlier_period_goes_on_from_what_that_period_left(alliance: Alliance) -> None:
    booked = redeem(alliance)
    reverse(alliance, booked, points=500)
    good(alliance.operator.post(f"/v1/periods/{booked['period']}/close", {"early": True}))
    second = reverse(alliance, booked, points=1500)
    third = reverse(alliance, booked)
    assert second["period"] == third["period"] > booked["period"]
    proposed = rule(rate="0.03", min=40)
    # Left of JADE's ¥25.00: 20.00, 5.00, nothing; 75, 60, 40, 0 fen.
    assert figures(simulated(alliance.operator, booked["period"], proposed)) == (40, 60, 2, 2)
    assert figures(simulated(alliance.operator, second["period"], proposed)) == (-40, -60, 2, 2)
    assert figures(simulated(alliance.operator, second["period"])) == (-40, -40, 2, 0)


def test_points_that_are_worth_nothing_cost_the_minimum_until_none_is_left(alliance: Alliance) -> None:
    good(alliance.operator.put("/v1/alliance", {"point_value": "0.001"}))
    body = {"card": WANG, "merchant": "PINE-1", "points": 300}
    booked = good(alliance.operator.post("/v1/redemptions", body))
    assert booked["amount"] == 0
    reverse(alliance, booked, points=100)
    proposed = rule(rate="0.03", min=10)
    assert figures(simulated(alliance.operator, booked["period"], proposed)) == (0, 10, 2, 1)
    reverse(alliance, booked)
    assert figures(simulated(alliance.operator, booked["period"], proposed)) == (0, 0, 3, 2)


def test_a_period_without_exchanges_is_all_zeros(alliance: Alliance) -> None:
    own = {"card": WANG, "merchant": "JADE-1", "points": 500}
    period = good(alliance.operator.post("/v1/redemptions", own))["period"]
    found = simulated(alliance.operator, period, rule(rate="0.03"))
    assert figures(found) == (0, 0, 0, 0)
    assert [row["code"] for row in found["participants"]] == ["JADE", "LOTUS", "PINE"]
    assert [row["kind"] for row in found["kinds"]] == ["visit", "redemption", "spend", "load"]
    assert found["lines"] == []


def visits(alliance: Alliance, *times: str) -> None:
    """Li of LOTUS has paid ¥100.00 in cash at JADE, at these times."""
    rows = "".join(f"{LI},JADE-1,10000,{time}\n" for time in times)
    content = f"card,merchant,amount,occurred_at\n{rows}"
    done = wait_for_import(alliance.operator, "accruals", content, "&historical=true")
    assert (done["accepted"], done["refused"]) == (len(times), 0)


def test_a_rule_holds_from_its_day_in_the_alliances_time_zone(alliance: Alliance) -> None:
    visits(alliance, "2025-10-09T15:59:59Z", "2025-10-09T16:00:00Z", "2025-10-31T15:59:59Z")
    proposed = rule("visit", rate="0.03", valid_from="2025-10-10")
    assert figures(simulated(alliance.operator, "2025-10", proposed)) == (300, 100 + 300 + 300, 3, 2)


def test_a_reversal_goes_by_the_rules_of_its_originals_day(alliance: Alliance) -> None:
    visits(alliance, "2025-10-09T12:00:00+08:00")
    [booked] = good(alliance.operator.get("/v1/transactions?period=2025-10"))["data"]
    period = reverse(alliance, booked, amount=4_000)["period"]
    assert period > "2025-10"
    later, earlier = (rule("visit", rate="0.03", valid_from=day) for day in ("2025-10-10", "2025-10-09"))
    assert figures(simulated(alliance.operator, period, later)) == (-40, -40, 1, 0)
    assert figures(simulated(alliance.operator, period, earlier)) == (-40, -120, 1, 1)


def test_the_ledger_goes_on_after_a_simulation(alliance: Alliance) -> None:
    period = redeem(alliance, 2000)["period"]
    for _ in range(40):  # more often than there are connections to be left read-only
        simulated(alliance.operator, period)
    redeem(alliance, 100)
    good(alliance.operator.post("/v1/fee-rules", rule(rate="0.03")))
    assert figures(simulated(alliance.operator, period))[2] == 2
