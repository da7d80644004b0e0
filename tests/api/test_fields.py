"""Field types of the contract."""

import importlib
import pkgutil
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields

import api.schemas
from api.fields import CardText, CodeText, Day, Instant, Matches, Remark, Text, TextMap


def test_text_takes_every_letter_that_can_be_seen_and_no_control_character() -> None:
    """What else it does not take, `clearing.core.texts` is tested for."""
    field = Text()
    for code_point in range(0x110000):
        letter = chr(code_point)
        category = unicodedata.category(letter)
        try:
            taken = field.deserialize(f"a{letter}") != ""
        except ValidationError:
            taken = False
        if category[0] in "LNPS" and category != "Lo" and code_point != 0x2800:
            assert taken, hex(code_point)
        elif category in ("Cc", "Cs"):
            assert not taken, hex(code_point)


BROKEN = "Must not contain control characters or broken characters; character"


class Named(Schema):
    name = Text(required=True, most=5)
    reference = Text(allow_none=True)
    asked = Text(load_default=None)
    remark = Remark(load_default=None, allow_none=True)
    card = CardText(allow_none=True)
    code = CodeText(allow_none=True)
    metadata = TextMap(keys=Text(most=40), values=Remark(most=500))
    country = Text(validate=Matches("[A-Z]{2}"))


def loaded(**sent: Any) -> dict[str, Any]:
    found: dict[str, Any] = Named().load({"name": "Jade", **sent})
    return found


@pytest.mark.parametrize("blank", ["", "  ", "\u3000", "\u00a0 "])
def test_a_blank_text_is_null_where_null_may_be_sent_and_refused_elsewhere(blank: str) -> None:
    found = loaded(reference=blank, remark=blank, card=blank, code=blank)
    assert [found[name] for name in ("reference", "remark", "card", "code")] == [None] * 4
    for name in ("name", "asked"):
        with pytest.raises(ValidationError) as refused:
            loaded(**{name: blank})
        assert list(refused.value.normalized_messages()) == [name]


def test_spaces_at_the_ends_are_no_part_of_a_text_and_not_counted() -> None:
    found = loaded(name="  Jade\u3000 ", reference=" POS-1 ", code=" LOTUS ", card=" 6200 ")
    assert (found["name"], found["reference"], found["code"], found["card"]) == (
        "Jade",
        "POS-1",
        "LOTUS",
        "6200",
    )


@pytest.mark.parametrize(
    ("name", "sent", "told"),
    [
        ("reference", "POS\u200b-1", "Character 4 of it cannot be seen (U+200B); write it without that."),
        ("card", "6200\ufeff01", "Character 5 of it cannot be seen (U+FEFF); write it without that."),
        ("card", "6２00", "Character 2 of it is U+FF12; write 2."),
        (
            "name",
            "a\ufffe",
            "Must not contain control characters or broken characters; character 2 is U+FFFE.",
        ),
        (
            "remark",
            "wrong\x07",
            f"{BROKEN} 6 is U+0007.",
        ),
        (
            "country",
            "CN\n",
            "Must not contain control characters or broken characters; character 3 is U+000A.",
        ),
        ("country", "cn", "String does not match expected pattern."),
        ("country", "CNN", "String does not match expected pattern."),
    ],
)
def test_a_refusal_names_the_character_and_its_place(name: str, sent: str, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        loaded(**{name: sent})
    assert refused.value.normalized_messages() == {name: [told]}


def test_a_pattern_is_about_the_whole_value() -> None:
    with pytest.raises(ValidationError):
        Matches("[A-Z]{2}")("CN\n")
    assert Matches("[A-Z]{2}")("CN") == "CN"
    assert Matches("[A-Z]{2}").regex.pattern == "^[A-Z]{2}$"


def test_a_remark_is_one_line() -> None:
    assert loaded(remark="two\r\nlines\u200b")["remark"] == "two lines"


def test_a_scanned_card_is_its_number() -> None:
    for scanned in ("]C16200000000000001", "*6200000000000001*", " ]A0 6200000000000001 "):
        assert loaded(card=scanned)["card"] == "6200000000000001"
    with pytest.raises(ValidationError):
        loaded(card="]C1")


def test_keys_of_a_map_differ_also_when_they_are_written_in_one_way() -> None:
    assert loaded(metadata={" a ": "x\ny", "b": "z"})["metadata"] == {"a": "x y", "b": "z"}
    with pytest.raises(ValidationError) as refused:
        loaded(metadata={"caf\u00e9": "x", "cafe\u0301": "y"})
    assert refused.value.normalized_messages() == {"metadata": ["Two of its keys are the same."]}


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
