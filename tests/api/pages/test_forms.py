"""Every form that changes something has a key of its own, so that it is carried out once."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3] / "api/pages"
TEMPLATES = sorted(ROOT.rglob("templates/**/*.html"))
FORM = re.compile(r'<form\b[^>]*method="post".*?</form>', re.DOTALL)

#: Forms whose repetition changes nothing, by their address. A key would only be one more thing to lose.
WITHOUT = {
    "login.enter": "a session more, which ends by itself",
    "login.leave": "who is out is out",
    "login.give": "a code opens once",
    "people.change_member": "says what the member is to be; sent again it says the same",
    "home.prefer": "a taste",
    "account.change_password": "the present password is another after it",
    "account.enrol": "a code opens once",
    "account.remove": "what is gone is gone",
    "hub.preview_fee_rule": "shows what the rule would do",
    "hub.change_alliance": "shows what would change; the step after it has a key",
    "hub.propose_adjustment": "shows what it would do; the step after it has a key",
    "finance.open_dispute": "shows what it would come to; the step after it has a key",
}


def forms(path: Path) -> list[str]:
    return FORM.findall(path.read_text())


@pytest.mark.parametrize("path", [path for path in TEMPLATES if forms(path)], ids=lambda path: path.name)
def test_a_form_that_changes_something_has_a_key(path: Path) -> None:
    for form in forms(path):
        named = re.search(r"url_for\(['\"]([\w.]+)['\"]", form.partition(">")[0])
        if named is None or named[1] not in WITHOUT:
            assert "once(" in form and "guard()" in form, form


def test_no_exception_is_left_over() -> None:
    everything = "".join(form for path in TEMPLATES for form in forms(path))
    assert [name for name in WITHOUT if name not in everything] == []
