"""What was typed into a form, checked by the schema that checks the same in the API."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import request
from flask_babel import gettext, lazy_gettext
from marshmallow import Schema, ValidationError

from api.pages.sentences import InWords, said_of_field
from api.pages.typed import line
from api.problems import Problem
from clearing.core.outcomes import Code


class Form(NamedTuple):
    """`typed`: as it was, to be shown again; `body`: as the API takes it; `errors`: by field, in words."""

    typed: dict[str, str]
    body: dict[str, Any]
    errors: dict[str, str]


def read_form(schema: type[Schema]) -> Form:
    """The fields of the schema that were filled in."""
    fields = schema().fields
    typed = {name: line(request.form[name]) for name in fields if name in request.form}
    filled = {name: value for name, value in typed.items() if value}
    try:
        return Form(typed, schema().load(filled), {})
    except ValidationError as error:
        return Form(
            typed, {}, {name: _sentence(found) for name, found in error.normalized_messages().items()}
        )


def field_errors(problem: Problem) -> dict[str, str]:
    """A refusal's faults by field; what is about no field is told above the form."""
    named = ((error.pointer.strip("/"), error.detail) for error in problem.errors)
    return {name: said_of_field(detail) for name, detail in named if name}


def said_in_form(*names: str) -> str:
    """The field of the request's form, of several the last. Raises Problem if one of them did not come.

    For what the form always says: that it is not there means that it was lost, and never "all" or the usual.
    """
    for name in names:
        if not line(request.form.get(name)):
            lost = gettext("The form came without one of its fields: %(field)s.", field=_ALWAYS_SAID[name])
            remedy = gettext("Nothing was done. Go back, reload the page and begin anew.")
            raise Problem(Code.MALFORMED, InWords(f"{lost} {remedy}"))
    return request.form[names[-1]]


#: What these fields are, to who has never seen their names.
_ALWAYS_SAID: Mapping[str, Any] = {
    "by": lazy_gettext("how it is corrected"),
    "hold": lazy_gettext("whether it is only set aside"),
    "issuer": lazy_gettext("whose stored value it is"),
    "merchant": lazy_gettext("the merchant"),
    "part": lazy_gettext("how much is undone"),
    "session": lazy_gettext("which session"),
    "status": lazy_gettext("whether it is suspended or let in"),
}


def _sentence(messages: Any) -> str:
    return " ".join(map(said_of_field, messages if isinstance(messages, list) else [str(messages)]))
