"""Field types of the contract."""

import unicodedata
from typing import Any

import pytest
from marshmallow import Schema, ValidationError

from api.fields import CardText, CodeText, Matches, Remark, Text, TextMap


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
