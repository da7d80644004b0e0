"""Field types of the contract: strict about form, silent about business.

Whether an amount is sensible is the ledger's to say (`amount_invalid`); that it is a whole number is ours.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError, fields

from clearing.core.amounts import rate_text
from clearing.core.calendar import YEARS

#: Beyond this a number is not a quantity of anything; it keeps absurd integers out of the ledger.
WHOLE_MAX = 2**63 - 1

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
#: Unicode's categories Cc and Cs: control characters, and halves of characters.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,10})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}(Z|[+-][0-9]{2}:?[0-9]{2})")


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
    """Printable text of 1 to `most` characters."""

    def __init__(self, most: int = 200, **kwargs: Any) -> None:
        metadata = {"minLength": 1, "maxLength": most} | kwargs.pop("metadata", {})
        super().__init__(metadata=metadata, **kwargs)
        self._most = most

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be text.")
        if not 1 <= len(value) <= self._most:
            raise ValidationError(f"Must have 1 to {self._most} characters.")
        if _UNPRINTABLE.search(value):
            raise ValidationError("Must not contain control characters or broken characters.")
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
    """An RFC 3339 time with its offset."""

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
