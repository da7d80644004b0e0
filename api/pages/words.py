"""What codes are called on a page: `{{ period.state | word("state") }}`. Rooms add families of their own."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext

from api.problems import MEANINGS, HttpCode
from clearing.core.outcomes import Code

_words: dict[str, dict[str, Any]] = {}


def add_words(family: str, words: Mapping[str, Any]) -> None:
    """Name the codes of a family, in `lazy_gettext`s.

    Raises ValueError, and so the program does not start, if a code of it has another name already: a page
    would say whichever was loaded last.
    """
    named = _words.setdefault(family, {})
    for code, text in words.items():
        if code in named and str(named[code]) != str(text):
            raise ValueError(f"{code!r} of {family!r} is called {str(named[code])!r} and {str(text)!r}")
        named[code] = text


def word(code: object, family: str) -> Any:
    """The name of a code in the reader's language. A code that has none is a mistake here: KeyError."""
    return _words[family][str(code)]


def act_name(what: str) -> str:
    """What was done, as the audit log names it; an act that has no name here is shown as it is recorded."""
    return str(_words["act"].get(what, what))


def families() -> Mapping[str, Mapping[str, Any]]:
    return _words


#: Where the API's title or remedy is for programs: what people are told instead.
PLAIN: dict[str, tuple[Any, Any]] = {
    Code.MALFORMED: (
        lazy_gettext("This cannot be carried out as it was sent"),
        lazy_gettext("Mend what is marked, or go back and begin anew."),
    ),
    Code.UNAUTHORIZED: (lazy_gettext("You are not logged in"), lazy_gettext("Log in, then try again.")),
    Code.FORBIDDEN: (
        lazy_gettext("You may not do that"),
        lazy_gettext("Ask your admin, or the operator."),
    ),
    Code.IDEMPOTENCY_KEY_REQUIRED: (
        lazy_gettext("The form came without its number"),
        lazy_gettext("Nothing was done. Go back, reload the page and begin anew."),
    ),
    Code.IDEMPOTENCY_KEY_REUSED: (
        lazy_gettext("This form was used for something else before"),
        lazy_gettext("Nothing was done. Go back, reload the page and begin anew."),
    ),
    Code.NOT_LINKABLE: (
        lazy_gettext("These cards cannot be linked or parted"),
        lazy_gettext("Ask the participants that have issued them."),
    ),
    HttpCode.NOT_FOUND: (
        lazy_gettext("There is nothing here"),
        lazy_gettext("Check the address, or look for it in the lists."),
    ),
    HttpCode.METHOD_NOT_ALLOWED: (
        lazy_gettext("This page cannot be called in that way"),
        lazy_gettext("Go back and use the form."),
    ),
    HttpCode.UNSUPPORTED_MEDIA_TYPE: (
        lazy_gettext("Files of this kind are not taken"),
        lazy_gettext("Send a CSV file, or one with a JSON object on each line."),
    ),
    HttpCode.IN_FLIGHT: (
        lazy_gettext("This is still being carried out"),
        lazy_gettext("Press the button once more: nothing is done twice."),
    ),
    HttpCode.RESPONSE_AWAITED: (
        lazy_gettext("The counterparty still has time to answer"),
        lazy_gettext("Decide when it has answered, or when its time is over."),
    ),
    HttpCode.UNAVAILABLE: (
        lazy_gettext("The database cannot be reached"),
        lazy_gettext("Go back and try again in a moment: nothing is done twice."),
    ),
    HttpCode.INTERNAL: (
        lazy_gettext("Something is wrong on our side"),
        lazy_gettext("Try again: nothing is done twice. If it stays so, tell the operator the number below."),
    ),
}


def title_of(code: str) -> str:
    """What went wrong, in the reader's language; the catalogs hold all titles of `api.problems`."""
    return str(PLAIN[code][0]) if code in PLAIN else str(gettext(MEANINGS[code].title))


def remedy_of(code: str) -> str:
    """What to do about it."""
    return str(PLAIN[code][1]) if code in PLAIN else str(gettext(MEANINGS[code].remedy))


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
# Both sides of a dispute and the hub read the same of it.
add_words(
    "dispute_status",
    {
        "needs_response": lazy_gettext("waits for an answer"),
        "open": lazy_gettext("with the operator"),
        "accepted": lazy_gettext("accepted"),
        "rejected": lazy_gettext("rejected"),
        "withdrawn": lazy_gettext("withdrawn"),
    },
)
add_words(
    "dispute_reason",
    {
        "duplicate": lazy_gettext("It stands there twice"),
        "wrong_amount": lazy_gettext("It happened, but for less"),
        "not_ours": lazy_gettext("The guest, card or till is not ours"),
        "wrong_fee": lazy_gettext("The line is right, its fee is not"),
        "other": lazy_gettext("Something else"),
    },
)
add_words(
    "dispute_act",
    {
        "open": lazy_gettext("opened the dispute"),
        "answer": lazy_gettext("answered"),
        "accept": lazy_gettext("accepted it"),
        "reject": lazy_gettext("rejected it"),
        "withdraw": lazy_gettext("withdrew it"),
    },
)
add_words(
    "instrument",
    {
        "money": lazy_gettext("In money: the member keeps things as they are"),
        "reversal": lazy_gettext("By reversal: the member has the points or the value again"),
        "none": lazy_gettext("Nothing was left to be corrected"),
    },
)
add_words(
    "dispute_proposal",
    {"accept": lazy_gettext("proposes to accept"), "reject": lazy_gettext("proposes to reject")},
)
