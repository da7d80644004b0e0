"""Field types of the contract."""

import importlib
import pkgutil
import unicodedata
from collections.abc import Iterator
from datetime import date

import pytest
from marshmallow import Schema, ValidationError, fields

import api.schemas
from api.fields import Day, Instant, Text


def test_text_takes_no_character_that_unicode_calls_a_control_or_half_of_one() -> None:
    field = Text()
    for code_point in range(0x110000):
        letter = chr(code_point)
        try:
            taken = field.deserialize(letter) == letter
        except ValidationError:
            taken = False
        assert taken == (unicodedata.category(letter) not in ("Cc", "Cs")), hex(code_point)


@pytest.mark.parametrize("text", ["1970-01-01", "2026-02-28", "2199-12-31"])
def test_a_day_of_our_times_is_taken(text: str) -> None:
    assert Day().deserialize(text) == date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0001-01-01", "between 1970 and 2199"),
        ("1969-12-31", "between 1970 and 2199"),
        ("2200-01-01", "between 1970 and 2199"),
        ("9999-12-31", "between 1970 and 2199"),
        ("0000-01-01", "Not a valid date"),
        ("2026-02-29", "Not a valid date"),
        ("20261231", "such as 2026-12-31"),
        ("2026-W01-1", "such as 2026-12-31"),
        ("2026/12/31", "such as 2026-12-31"),
        ("2026-12-31\n", "such as 2026-12-31"),
        ("２０２６-12-31", "such as 2026-12-31"),
        (20261231, "such as 2026-12-31"),
    ],
)
def test_another_is_refused_with_the_reason(text: object, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Day().deserialize(text)


def test_who_may_leave_a_day_out_is_told_that_he_may() -> None:
    with pytest.raises(ValidationError, match="Leave it empty where there is no limit"):
        Day(allow_none=True).deserialize("9999-12-31")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59+08:00"])
def test_a_time_beyond_our_times_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="between 1970 and 2199"):
        Instant().deserialize(text)


def test_every_date_and_time_that_is_sent_has_bounds() -> None:
    """What is only answered (`…Schema`) comes from the database and needs none."""
    loose = [
        f"{schema.__name__}.{name}"
        for schema in _schemas()
        if not schema.__name__.endswith("Schema")
        for name, field in schema().fields.items()
        if not field.dump_only
        and isinstance(field, fields.Date | fields.DateTime)
        and not isinstance(field, Day | Instant)
    ]
    assert loose == []


def _schemas() -> Iterator[type[Schema]]:
    for module in pkgutil.iter_modules(api.schemas.__path__):
        for schema in vars(importlib.import_module(f"api.schemas.{module.name}")).values():
            if isinstance(schema, type) and issubclass(schema, Schema):
                yield schema
