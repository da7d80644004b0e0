"""Why something was refused, told in the reader's language.

The ledger and the API say it in English. Here that is recognised, with what changes in it, and told in words
that a person at a page understands. What is not recognised is never shown to who does not read English: the
title and the remedy of its code are there in both languages.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import NamedTuple

from flask_babel import gettext
from markupsafe import Markup

from api.pages.formats import day, moment, points, yuan
from api.pages.language import language_tag
from api.pages.refusals import SENTENCES, WORDS
from api.pages.words import families, remedy_of, title_of
from api.problems import Problem
from clearing.core.outcomes import Refusal
from settlement.disputes.refusals import DisputeRefusal


class InWords(str):
    """A detail that a page has written for its reader, in the reader's language."""

    __slots__ = ()


class _Known(NamedTuple):
    pattern: re.Pattern[str]
    sentence: str


def said(text: str) -> str | None:
    """The text for the reader; None for one that is known in no language of the reader's."""
    if not text or isinstance(text, InWords):
        return text
    for pattern, sentence in _known():
        match = pattern.fullmatch(text)
        if match is not None:
            values = {name: _shown(name, value) for name, value in match.groupdict().items()}
            return str(gettext(sentence, **values) if values else gettext(sentence))
    return text if language_tag() == "en" else None


def explained(code: str, detail: str) -> str:
    """What is to be said below the title of a refusal: its sentence, or what can be done about its code."""
    return said(detail) or remedy_of(code)


def told(problem: Problem | Refusal | DisputeRefusal) -> str:
    """A refusal for the reader: its title, and why, or what to do."""
    stop = ". " if language_tag() == "en" else "。"
    return f"{title_of(problem.code)}{stop}{explained(problem.code, problem.detail)}"


def said_of_field(text: str) -> str:
    """What is wrong with a field; several faults of one are told one after another."""
    return said(text) or _each(text, " ") or gettext("This cannot be read; check it.")


def said_of_row(code: str, text: str) -> str:
    """Why a row of a file was refused. The faults of several columns stand in one text: `name: why; …`."""
    known = said(text) if language_tag() != "en" else None
    if known is not None:
        return known
    parts = []
    for part in text.split("; "):
        column, colon, why = part.partition(": ")
        parts.append(f"{column}: {said_of_field(why)}" if colon and column.isidentifier() else None)
    found = [one for one in parts if one is not None]
    return "; ".join(found) if found and len(found) == len(parts) else explained(code, text)


def _each(text: str, between: str) -> str | None:
    """Sentences that stand in a row, if all of them are known."""
    found = [said(f"{one}.") for one in text.rstrip(".").split(f".{between}")]
    return between.join(one for one in found if one) if all(found) else None


def _shown(name: str, value: str) -> str:
    kind = name.partition("_")[0]
    if kind == "fen":
        return yuan(int(value))
    if kind in ("points", "number", "most", "least", "held", "asked"):
        return points(int(value)) if value.lstrip("-").isdigit() else value
    if kind == "quantity":
        number, unit = value.split()
        return yuan(int(number)) if unit == "fen" else _points(int(number))
    if kind == "time":
        return _text(moment(value))
    if kind == "day":
        return _text(day(date.fromisoformat(value)))
    if kind == "scope":
        return str(families()["scope"].get(value, value))
    if kind in ("status", "field", "kind", "where"):
        return str(gettext(WORDS[value])) if value in WORDS else value
    return value


def _points(number: int) -> str:
    return str(gettext("%(points)s points", points=points(number)))


def _text(shown: str) -> str:
    """Without the element that a time has on a page: sentences are escaped where they are shown."""
    return shown.striptags() if isinstance(shown, Markup) else shown


#: Of the values that have a form; all others may be any text.
_FORMS: Mapping[str, str] = {
    "fen": r"-?[0-9]+",
    "points": r"-?[0-9]+",
    "quantity": r"-?[0-9]+ (?:points|fen)",
    "day": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]+)",
}


@cache
def _known() -> list[_Known]:
    """Those with the most text of their own first, as they say the most."""
    pairs = [(one, one) if isinstance(one, str) else one for one in SENTENCES]
    pairs.sort(key=lambda pair: -len(re.sub(r"%\(\w+\)s", "", pair[0])))
    return [_Known(_pattern(source), sentence) for source, sentence in pairs]


def _pattern(source: str) -> re.Pattern[str]:
    # Names become groups; quotation marks are those of repr(), of either kind.
    parts = re.split(r"%\((\w+)\)s", source)
    text = "".join(
        f"(?P<{part}>{_FORMS.get(part.partition('_')[0], '.+?')})" if place % 2 else re.escape(part)
        for place, part in enumerate(parts)
    )
    return re.compile(text.replace("'", "['\"]"), re.DOTALL)
