"""When to try again. Pure: time and chance are passed in.

Waiting times grow, and each is drawn anew between nothing and its ceiling ("full jitter"), so that deliveries
that failed together do not come back together. The last attempt is made right when the time is over.
"""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

#: How long a delivery is tried; the documentation says so.
PATIENCE = timedelta(days=3)

#: The longest wait after each attempt; on average half of it. From the last one on it stays the same.
CEILINGS = (
    timedelta(seconds=10),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=10),
    timedelta(hours=20),
)

#: No receiver puts us off for longer by Retry-After.
RETRY_AFTER_MAX = timedelta(days=1)


def next_attempt(
    at: datetime, give_up_at: datetime, attempts: int, chance: float, put_off: timedelta | None = None
) -> datetime | None:
    """When to try again after the `attempts`-th attempt (from 1) has failed at `at`; None: give up.

    `chance` is drawn from [0, 1). `put_off` is what the receiver asked for, which is respected.
    """
    if at >= give_up_at:
        return None
    wait = CEILINGS[min(attempts, len(CEILINGS)) - 1] * chance
    return min(at + max(wait, put_off or timedelta(0)), give_up_at)


def put_off_by(retry_after: str | None, at: datetime) -> timedelta | None:
    """What a Retry-After header asks for, in seconds or as a date; None if it says nothing of use."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        asked = timedelta(seconds=min(int(text[:9]), RETRY_AFTER_MAX.total_seconds()))
    else:
        try:
            asked = parsedate_to_datetime(text) - at
        except (ValueError, TypeError):  # TypeError: a date without a zone
            return None
    return min(max(asked, timedelta(0)), RETRY_AFTER_MAX)
