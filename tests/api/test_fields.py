"""Field types of the contract."""

import unicodedata

from marshmallow import ValidationError

from api.fields import Text


def test_text_takes_no_character_that_unicode_calls_a_control_or_half_of_one() -> None:
    field = Text()
    for code_point in range(0x110000):
        letter = chr(code_point)
        try:
            taken = field.deserialize(letter) == letter
        except ValidationError:
            taken = False
        assert taken == (unicodedata.category(letter) not in ("Cc", "Cs")), hex(code_point)
