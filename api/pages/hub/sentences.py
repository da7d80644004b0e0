"""What the API says in English, in the reader's language, as far as an operator meets it in a form.

A sentence stands here as the API makes it, with names for what changes in it. One that is not here is shown
as it is.
"""

import re
from functools import cache
from typing import Any

from flask_babel import gettext, lazy_gettext

from api.pages.words import title_of
from api.problems import Problem
from clearing.core.outcomes import Refusal

SENTENCES = (
    lazy_gettext("Missing data for required field."),
    lazy_gettext("Must have 1 to %(most)s characters."),
    lazy_gettext("Must not contain control characters or broken characters."),
    lazy_gettext("Must begin with a letter or digit and hold letters, digits, - and _ only."),
    lazy_gettext("Must not be greater than %(most)s."),
    lazy_gettext("Must be greater than or equal to %(least)s and less than or equal to %(most)s."),
    lazy_gettext("Longer than maximum length %(most)s."),
    lazy_gettext("Must be one of: %(choices)s."),
    lazy_gettext("Not a valid date."),
    lazy_gettext("Field may not be null."),
    lazy_gettext("Must be the name of a time zone, such as Asia/Shanghai."),
    lazy_gettext("Must be greater than zero."),
    lazy_gettext("Must not be less than min."),
    lazy_gettext("Each tier must begin above the one before."),
    lazy_gettext("Each rate must be below the one before."),
    lazy_gettext("Must lie between 1970 and 2200."),
    lazy_gettext("Must not be zero."),
    lazy_gettext("Must be somebody else than the debtor."),
    lazy_gettext("An adjustment of %(kind)s needs this."),
    lazy_gettext("An adjustment of %(kind)s does not have this."),
    lazy_gettext("The code '%(code)s' is taken; choose another."),
    lazy_gettext("Record the licence or custodian reference that permits it, to enable stored value."),
    lazy_gettext("Say month and day."),
    lazy_gettext("There is no participant '%(code)s'."),
    lazy_gettext("The scope '%(scope)s' belongs to no participant."),
    lazy_gettext("Name a merchant that exists, for the scope '%(scope)s'."),
    lazy_gettext("Say for which merchant it is."),
    lazy_gettext("Say for which participant it is, by its code."),
    lazy_gettext("%(merchant)s is not a merchant of %(participant)s."),
    lazy_gettext("API key '%(key)s' was revoked; make a new one."),
    lazy_gettext("No participant has issued a card '%(card)s'."),
    lazy_gettext("Who proposed it cannot approve it; ask another operator."),
    lazy_gettext("It was rejected before; propose a new one."),
    lazy_gettext("It was approved before; propose the opposite to undo it."),
    lazy_gettext("Who closed a period cannot approve it; ask another operator to use their key."),
    lazy_gettext("%(period)s does not come out the same from the journal. Run `tongdui verify`."),
    lazy_gettext("%(period)s is still open. Close it first."),
    lazy_gettext("%(earlier)s is still open. Close it before %(period)s."),
    lazy_gettext("%(period)s begins at %(time)s and cannot end before that."),
    lazy_gettext("No period %(period)s has been opened."),
    lazy_gettext("The counterparty may answer until %(day)s; decide after that day."),
    lazy_gettext("This line can be corrected in money only; leave `by` out."),
    lazy_gettext("There is no merchant '%(code)s'."),
    lazy_gettext("A file has at most %(most)s bytes; split it."),
)


def said(text: str) -> str:
    """The sentence in the reader's language; one that is not known stays as it is."""
    for pattern, sentence in _patterns():
        match = pattern.fullmatch(text)
        if match is not None:
            return (
                str(gettext(sentence, **match.groupdict())) if match.groupdict() else str(gettext(sentence))
            )
    return text


def told(problem: Problem | Refusal) -> str:
    """A refusal for the reader: its title, and what the API says to it."""
    title = title_of(problem.code)
    return f"{title}: {said(problem.detail)}" if problem.detail else title


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [(_pattern(source), source) for source in map(_source, SENTENCES)]


def _source(sentence: Any) -> str:
    """The English text behind a lazy one."""
    found: str = sentence._args[0]
    return found


def _pattern(source: str) -> re.Pattern[str]:
    # Names become groups; quotation marks are those of repr(), of either kind.
    parts = re.split(r"%\((\w+)\)s", source)
    text = "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile(text.replace("'", "['\"]"), re.DOTALL)
