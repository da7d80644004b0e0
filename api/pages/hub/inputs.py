"""From the fields of a form to what a schema of the API takes, and its errors back to the fields.

People write ¥1,234.50 and 0.6 %; the API takes fen and "0.006". What is allowed is for the schema to say.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from flask import request
from flask_babel import lazy_gettext
from marshmallow import Schema, ValidationError

from api.pages.numbers import NotRead, fen, percentage
from api.pages.sentences import said_of_field
from api.pages.typed import line as typed_line
from api.pages.typed import lines as typed_lines
from api.problems import Problem, field_errors

#: An empty field is as if it were not there; otherwise it is sent as null.
ABSENT = object()

#: What Chinese keyboards give, as escapes: the two look alike.
_WIDE = str.maketrans(
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0c\uff0e\uffe5\uff05\uff0d\uff1a\uff1b",
    "0123456789,.\u00a5%-:;",
)


def as_is(text: str) -> Any:
    return text


def truth(text: str) -> bool:
    return text == "yes"


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def tiers(text: str) -> list[dict[str, Any]]:
    """One on each line: above how many yuan a month, and the rate in per cent."""
    found = []
    for line in lines(text):
        parts = line.translate(_WIDE).replace(":", " ").split()
        if len(parts) != 2:
            raise NotRead(lazy_gettext("On each line write an amount and a rate, such as: 100000 0.5"))
        found.append({"above": fen(parts[0]), "rate": percentage(parts[1])})
    return found


def benefits(text: str) -> dict[str, list[str]]:
    """One tier on each line: `Gold: late check-out, welcome drink`."""
    found = {}
    for line in lines(text):
        tier, colon, given = line.translate(_WIDE).partition(":")
        if not colon:
            raise NotRead(lazy_gettext("On each line write a tier, a colon and what it gets."))
        found[tier.strip()] = [one.strip() for one in re.split("[,;\u3001]", given) if one.strip()]
    return found


def show_yuan(fen: int | None) -> str:
    return "" if fen is None else f"{Decimal(fen) / 100:.2f}"


def show_percentage(rate: str) -> str:
    return f"{(Decimal(rate) * 100).normalize():f}"


def show_truth(value: bool) -> str:
    return "yes" if value else "no"


def show_lines(found: Sequence[str]) -> str:
    return "\n".join(found)


def show_benefits(found: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(f"{tier}: {', '.join(given)}" for tier, given in found.items())


class Input(NamedTuple):
    """One field. `read` makes what the schema takes of the text, `show` the text of what is there.

    `blank`: what an empty field stands for; `ABSENT` says nothing about it.
    """

    name: str
    label: Any
    kind: str = "text"
    read: Callable[[str], Any] = as_is
    show: Callable[[Any], str] = str
    required: bool = False
    hint: Any = None
    options: Any = ()
    blank: Any = ABSENT
    attributes: Mapping[str, Any] = {}

    def choices(self) -> Sequence[tuple[str, Any]]:
        found: Sequence[tuple[str, Any]] = self.options() if callable(self.options) else self.options
        return found


class Filled(NamedTuple):
    """A form as it was sent: what was typed, what the schema made of it, and what is wrong, by field."""

    values: dict[str, str]
    body: dict[str, Any]
    errors: dict[str, Any]


def filled(
    inputs: Sequence[Input],
    schema: Schema,
    shape: Callable[[dict[str, Any]], dict[str, Any]] = lambda raw: raw,
    *,
    complete: bool = False,
) -> Filled:
    """Read the request's form. `shape` puts fields together to the schema's form.

    A field that is not in the form says nothing; with `complete` that is an error where an empty one has a
    meaning.
    """
    values = typed(inputs)
    raw: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for one in inputs:
        text = values[one.name]
        if one.blank is not ABSENT and one.name not in request.form:
            # Not emptied, but lost on the way: that lifts no cap, and makes no rule one for everybody.
            if complete:
                errors[one.name] = lazy_gettext("This field was lost on the way. Send the form again.")
        elif not text:
            if one.blank is not ABSENT:
                raw[one.name] = one.blank
        else:
            try:
                raw[one.name] = one.read(text)
            except NotRead as wrong:
                errors[one.name] = wrong.args[0]
    try:
        body = schema.load(shape(raw))
    except ValidationError as error:
        for found in field_errors({"form": error.messages}):
            errors.setdefault(field_of(found.pointer, inputs), said_of_field(found.detail))
    return Filled(values, {} if errors else body, errors)


def typed(inputs: Sequence[Input]) -> dict[str, str]:
    return {
        one.name: (typed_lines if one.kind == "textarea" else typed_line)(request.form.get(one.name))
        for one in inputs
    }


def shown(inputs: Sequence[Input], found: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the fields for what is there now."""
    return {
        one.name: "" if found.get(one.name) is None else one.show(found[one.name])
        for one in inputs
        if one.name in found
    }


def problem_errors(problem: Problem, inputs: Sequence[Input]) -> dict[str, Any]:
    """The errors that a problem names, by field; empty if it is about none of them."""
    found = {field_of(error.pointer, inputs): said_of_field(error.detail) for error in problem.errors}
    return {name: text for name, text in found.items() if name}


def field_of(pointer: str, inputs: Sequence[Input]) -> str:
    """The field that a JSON Pointer is about: `/expiry/months` → `expiry_months`; else an empty text."""
    parts = [part for part in pointer.strip("/?").split("/") if part]
    names = [one.name for one in inputs]
    while parts:
        wanted = "_".join(parts)
        for name in names:
            if name == wanted or name.startswith(f"{wanted}_"):
                return name
        parts.pop()
    return ""
