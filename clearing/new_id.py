"""Ids of what no writer makes: files, proposals."""

import time
from secrets import token_hex

from clearing.ids import WRITERS, make_ids


def new_id() -> int:
    """Ordered by time. Not for posting paths: a random writer number is distinct enough, and the primary key
    of the row sees to the rest.
    """
    return next(make_ids(int(token_hex(2), 16) % WRITERS, iter([time.time_ns() // 1_000_000])))
