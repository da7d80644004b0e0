"""In which time zone what belongs to a closed month is shown: that of its statements, whatever it is now."""

from api.pages.formats import show_in
from api.v1.periods import all_periods


def zones() -> dict[str, str]:
    """By month; of open ones it is the alliance's."""
    return {one["period"]: one["time_zone"] for one in all_periods()}


def show_in_zone_of(period: str) -> None:
    """Let this page show times as the statements of that month do."""
    zone = zones().get(period)
    if zone is not None:
        show_in(zone)
