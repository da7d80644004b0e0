"""Characters that no text has: a page says so, or finds nothing; it is never an error of ours."""

import pytest

from support.alliance import WANG, Alliance
from support.api import good
from support.people import Reader, reader


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("desk", "/desk/transactions?reference=%00"),
        ("desk", "/desk/?number=%00"),
        ("desk", "/desk/?number=a%EF%BF%BEb"),
        ("finance", "/finance/search?q=%00a"),
        ("finance", "/finance/search?q=%EF%BF%BE"),
        ("operator", "/users/?q=%00"),
        ("operator", "/users/audit-log?who=%00&what=%00&about=%00"),
    ],
)
def test_nothing_is_found_by_them(shared: Alliance, role: str, path: str) -> None:
    assert reader(shared, role).get(path).status_code == 200


def test_nobody_logs_in_by_them(shared: Alliance) -> None:
    assert Reader(shared.app.test_client()).log_in("\x00nobody").status_code == 401


def test_they_are_refused_in_a_bill_number(shared: Alliance) -> None:
    path = f"/desk/acts/accrual?card={WANG}&amount=1&reference=%00&idempotency_key=k"
    response = reader(shared, "desk").get(path)
    assert response.status_code == 422 and "character 1 is U+0000" in response.text


def test_the_number_of_a_form_may_hold_anything(alliance: Alliance) -> None:
    form = {"scope": "participant", "participant": "JADE", "name": "till", "idempotency_key": "\x00one"}
    browser = reader(alliance, "operator")
    assert "tdk_live_" in browser.post("/hub/keys/new", form).text
    assert browser.post("/hub/keys/new", form).status_code == 303


def test_they_are_refused_in_a_remark_and_nothing_is_undone(alliance: Alliance) -> None:
    act = {"card": WANG, "merchant": "JADE-1", "amount": 100}
    made = good(alliance.merchant("JADE-1").post("/v1/accruals", act))
    before = alliance.row_counts()
    browser = reader(alliance, "desk")
    for remark in ("till\x07", "till\ufffe"):
        form = {"reason": "other", "remark": remark, "part": "1", "idempotency_key": "k"}
        response = browser.post(f"/desk/transactions/{made['id']}/undo", form, page="/desk/")
        assert response.status_code == 422
        assert 'id="field-remark-error"' in response.text
        assert alliance.row_counts()["transactions"] == before["transactions"]
