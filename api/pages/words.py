"""What codes are called on a page: `{{ period.state | word("state") }}`. Rooms add families of their own."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext

from api.problems import MEANINGS, Problem
from clearing.core.outcomes import Refusal

_words: dict[str, dict[str, Any]] = {}


def add_words(family: str, words: Mapping[str, Any]) -> None:
    """Name the codes of a family, in `lazy_gettext`s."""
    _words.setdefault(family, {}).update(words)


def word(code: object, family: str) -> Any:
    """The name of a code in the reader's language. A code that has none is a mistake here: KeyError."""
    return _words[family][str(code)]


def act_name(what: str) -> str:
    """What was done, as the audit log names it; an act that has no name here is shown as it is recorded."""
    return str(_words["act"].get(what, what))


def families() -> Mapping[str, Mapping[str, Any]]:
    return _words


def title_of(code: str) -> str:
    """What went wrong, in the reader's language; the catalogs hold all titles of `api.problems`."""
    return str(gettext(MEANINGS[code].title))


def remedy_of(code: str) -> str:
    return str(gettext(MEANINGS[code].remedy))


def told(problem: Problem | Refusal) -> str:
    """A refusal for a reader: its title, and the sentence that the ledger wrote."""
    return f"{title_of(problem.code)}. {problem.detail}" if problem.detail else title_of(problem.code)


add_words(
    "scope",
    {
        "operator": lazy_gettext("Operator"),
        "participant": lazy_gettext("Participant admin"),
        "merchant": lazy_gettext("Front desk"),
        "finance": lazy_gettext("Finance"),
        "auditor": lazy_gettext("Auditor"),
    },
)
add_words(
    "state",
    {
        "open": lazy_gettext("open"),
        "closed": lazy_gettext("closed"),
        "approved": lazy_gettext("approved"),
        "settled": lazy_gettext("settled"),
    },
)
add_words(
    "card_status",
    {
        "active": lazy_gettext("good"),
        "blocked": lazy_gettext("blocked"),
        "expired": lazy_gettext("expired"),
        "unknown": lazy_gettext("unknown"),
    },
)
