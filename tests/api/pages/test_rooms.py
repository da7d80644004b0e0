"""The first page of each room: what it shows is what the API says."""

from support.alliance import WANG, Alliance
from support.api import good
from support.people import reader


def test_the_front_desk_sees_a_card_as_the_api_tells_it(shared: Alliance) -> None:
    said = good(shared.merchant("JADE-1").get(f"/v1/cards/{WANG}"))
    shown = reader(shared, "desk").get(f"/desk/?number={WANG}").text
    assert said["holder"] in shown
    assert f"{said['points']['available']:,}" in shown
    assert "¥500.00" in shown


def test_a_card_that_nobody_issued_and_a_merchant_of_somebody_else(shared: Alliance) -> None:
    browser = reader(shared, "desk")
    assert "Nobody has issued this card" in browser.get("/desk/?number=1").text
    refused = browser.get(f"/desk/?number={WANG}&merchant=LOTUS-1")
    assert refused.status_code == 422
    assert "You may not act at this merchant." in refused.text


def test_an_admin_may_choose_among_own_merchants_only(shared: Alliance) -> None:
    shown = reader(shared, "admin").get("/desk/").text
    assert "LOTUS-1" not in shown


def test_finance_downloads_its_own_statements_as_the_api_gives_them(alliance: Alliance) -> None:
    period = good(alliance.operator.get("/v1/periods"))["data"][-1]["period"]
    good(alliance.operator.post(f"/v1/periods/{period}/close", {"early": True}))
    browser = reader(alliance, "finance")
    shown = browser.get("/finance/").text
    own = good(alliance.finance("JADE").get("/v1/statements"))["data"]
    others = [one["id"] for one in good(alliance.operator.get("/v1/statements"))["data"] if one not in own]
    assert all(one["id"] in shown for one in own) and not any(one in shown for one in others)
    file = browser.get(f"/finance/statements/{own[0]['id']}.csv")
    assert file.data == alliance.finance("JADE").get(f"/v1/statements/{own[0]['id']}.csv").data
    assert browser.get(f"/finance/statements/{others[0]}.csv").status_code == 404


def test_the_hub_sees_all_periods(shared: Alliance) -> None:
    periods = good(shared.operator.get("/v1/periods"))["data"]
    shown = reader(shared, "auditor").get("/hub/periods").text
    assert shown.count('<th scope="row" data-label="Month">') == len(periods)
