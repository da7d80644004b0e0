"""Field types of the contract: strict about form, silent about business.

Whether an amount is sensible is the ledger's to say (`amount_invalid`); that it is a whole number is ours.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError, fields, validate

from clearing.core.amounts import rate_text
from clearing.core.calendar import YEARS
from clearing.core.texts import Fault, read_line, read_remark, seen, unwrapped
from clearing.phones import NotAPhone, e164

#: Beyond this a number is not a quantity of anything; it keeps absurd integers out of the ledger.
WHOLE_MAX = 2**63 - 1

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,10})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: Up to nine decimals of a second, as other systems' clocks have them.
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})"
)


class Whole(fields.Integer):
    """A JSON integer; no text, no fraction, no true or false."""

    default_error_messages = {  # noqa: RUF012  read by marshmallow, shared on purpose
        "invalid": "Must be a whole number without quotes or fraction.",
        "too_large": "Must fit in 64 bits.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        if not -WHOLE_MAX <= value <= WHOLE_MAX:
            raise self.make_error("too_large")
        return value


class Truth(fields.Boolean):
    """true or false; no text and no number that stands for them."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false, without quotes.")
        return value


class Text(fields.String):
    """A line of 1 to `most` characters: a name, a reference, a code. Spaces at its ends are not part of it.

    A blank one says nothing: it is null where the field says that null may be sent, and refused elsewhere. So
    a call is treated as a file is, where an empty cell is all that can be said.
    """

    #: What is done with the text; see `clearing.core.texts`.
    _read = staticmethod(read_line)

    def __init__(self, most: int = 200, **kwargs: Any) -> None:
        metadata = {"minLength": 1, "maxLength": most} | kwargs.pop("metadata", {})
        # Not `self.allow_none`: a query may do without a parameter, but a blank one is a slip of who asks.
        self._blank_is_null = kwargs.get("allow_none") is True
        super().__init__(metadata=metadata, **kwargs)
        self._most = most

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        if self._blank_is_null and isinstance(value, str) and (not value or value.isspace()):
            value = None if self._read(value) == "" else value
        return super().deserialize(value, attr, data, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be text.")
        # A text that is far too long is not worth reading.
        text = self._read(value) if len(value) <= 2 * self._most else value
        if isinstance(text, Fault):
            if text.unseen:
                raise ValidationError(
                    f"Character {text.place} of it cannot be seen ({text.code}); write it without that."
                )
            raise ValidationError(
                f"Must not contain control characters or broken characters; character {text.place} is"
                f" {text.code}."
            )
        if not 1 <= len(text) <= self._most:
            raise ValidationError(f"Must have 1 to {self._most} characters.")
        return text


class Remark(Text):
    """Free text of 1 to `most` characters. Lines are joined, and what cannot be seen is dropped."""

    _read = staticmethod(read_remark)


class CardText(Text):
    """A card's number, also as a scanner gives it; whether there is such a card is the ledger's to say."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = unwrapped(super()._deserialize(value, attr, data, **kwargs)).strip(" ")
        if not text:
            raise ValidationError(f"Must have 1 to {self._most} characters.")
        if not text.isascii():
            for place, letter in enumerate(text, 1):
                plain = unicodedata.normalize("NFKC", letter)
                if plain != letter and plain.isascii():
                    raise ValidationError(f"Character {place} of it is U+{ord(letter):04X}; write {plain}.")
        return text


class TextMap(fields.Dict):
    """A map with texts as keys, which must differ also when they are written in one way."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        found = super()._deserialize(value, attr, data, **kwargs)
        if len(found) < len(value):
            raise ValidationError("Two of its keys are the same.")
        return found


class Matches(validate.Regexp):
    """The whole text is as the pattern says; marshmallow's own lets a line's end follow it."""

    def __init__(self, pattern: str, **kwargs: Any) -> None:
        super().__init__(f"^{pattern}$", **kwargs)

    def __call__(self, value: Any) -> Any:
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


class CodeText(Text):
    """The code of a participant or merchant."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            most=32, metadata={"pattern": f"^{CODE.pattern}$"} | kwargs.pop("metadata", {}), **kwargs
        )

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not CODE.fullmatch(text):
            raise ValidationError("Must begin with a letter or digit and hold letters, digits, - and _ only.")
        return text


class Phone(Text):
    """A phone, however it is written; loads to E.164. What cannot be seen in it, as telephones' address books
    put around numbers, does not matter.
    """

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "example": "13800000001",
            "description": "Compared as E.164; without a country's code it is one of mainland China",
        }
        super().__init__(most=40, metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        try:
            shown = seen(value) if isinstance(value, str) else value
            return e164(super()._deserialize(shown, attr, data, **kwargs))
        except NotAPhone as error:
            raise ValidationError(str(error)) from error


class Rate(fields.Field[Decimal]):
    """An exact decimal as text, such as "0.02"."""

    def __init__(self, most: Decimal = Decimal(1), **kwargs: Any) -> None:
        metadata = {"type": "string", "pattern": f"^{_RATE.pattern}$", "example": "0.02"}
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)
        self._most = most

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Decimal:
        if not isinstance(value, str) or not _RATE.fullmatch(value):
            raise ValidationError('Must be a decimal number in quotes, such as "0.02".')
        try:
            rate = Decimal(value)
        except InvalidOperation as error:
            raise ValidationError("Must be a decimal number.") from error
        if rate > self._most:
            raise ValidationError(f"Must not be greater than {self._most}.")
        return rate

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else rate_text(value)


class Instant(fields.AwareDateTime):
    """An RFC 3339 time with its offset. Microseconds are kept; further decimals of a second are cut."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise ValidationError("Must be a time with its offset, such as 2026-11-22T10:00:00+08:00.")
        instant = super()._deserialize(value, attr, data, **kwargs)
        if instant.year not in YEARS:
            raise ValidationError(f"Must lie between {YEARS[0]} and {YEARS[-1]}.")
        return instant.astimezone(UTC)


class Day(fields.Date):
    """A date of our times; one that may be left out is for what begins or ends at no time."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> date:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValidationError("Must be a date, such as 2026-12-31.")
        day: date = super()._deserialize(value, attr, data, **kwargs)
        if day.year in YEARS:
            return day
        if self.allow_none:
            raise ValidationError(
                f"Must lie between {YEARS[0]} and {YEARS[-1]}. Leave it empty where there is no limit."
            )
        raise ValidationError(f"Must lie between {YEARS[0]} and {YEARS[-1]}.")
