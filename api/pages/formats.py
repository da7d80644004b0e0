"""How values look on a page, as filters for templates. Money is integer fen, points are integers."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_skeleton
from flask import g
from flask_babel import get_locale
from markupsafe import Markup

Day = date | datetime | str | None
NOTHING = "–"
MINUS = "−"


def yuan(fen: int | None) -> str:
    """`¥1,234.50`; fen are never divided with a remainder lost."""
    if fen is None:
        return NOTHING
    whole, rest = divmod(abs(fen), 100)
    return f"{MINUS if fen < 0 else ''}¥{whole:,}.{rest:02}"


def points(number: int | None) -> str:
    """`1,234`; also of counts."""
    if number is None:
        return NOTHING
    return f"{MINUS if number < 0 else ''}{abs(number):,}"


def percent(rate: str | Decimal | None) -> str:
    """A rate such as `0.006` as `0.6%`."""
    if rate is None:
        return NOTHING
    value = (Decimal(rate) * 100).normalize()
    return f"{value:f}%"


def day(value: Day) -> str:
    """A date in the reader's form; of a time its day in the page's time zone."""
    found = _local(value)
    if found is None:
        return NOTHING
    return _time(found.isoformat(), format_date(found, "medium", locale=get_locale()))


def moment(value: datetime | str | None, zone: str | None = None) -> str:
    """A time in the reader's form, to the minute, in the page's time zone or in `zone`, then named."""
    found = _local(value, zone)
    if not isinstance(found, datetime):
        return day(found)
    # The page's zone is named once, below it.
    text = format_datetime(found.replace(tzinfo=None), _MOMENT[_language()], locale=get_locale())
    if zone is not None and zone != page_zone().key:
        text = f"{text} ({zone})"
    return _time(found.isoformat(timespec="seconds"), text)


def month(name: str | None) -> str:
    """`2026-11` as the reader writes a month."""
    if name is None:
        return NOTHING
    first = date.fromisoformat(f"{name}-01")
    return str(format_skeleton("yMMMM", first, locale=get_locale()))


_MOMENT = {"zh": "y年M月d日 HH:mm", "en": "MMM d, y, HH:mm"}

FILTERS = {
    "yuan": yuan,
    "points": points,
    "percent": percent,
    "day": day,
    "moment": moment,
    "month": month,
}


def page_zone() -> ZoneInfo:
    """The time zone in which this page shows times: the alliance's, unless it is about a closed month."""
    zone: ZoneInfo = g.get("zone") or g.directory.rulebook.settings.time_zone
    return zone


def show_in(zone: str) -> None:
    """Let this page show times in a closed month's own zone, as its statements do."""
    g.zone = ZoneInfo(zone)


def _local(value: Day, zone: str | None = None) -> date | datetime | None:
    if isinstance(value, str):
        # A date alone has ten characters; a time carries its offset.
        value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(page_zone() if zone is None else ZoneInfo(zone))
    return value


def _time(machine: str, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(machine, text)


def _language() -> str:
    locale = get_locale()
    return "en" if locale is not None and locale.language == "en" else "zh"
