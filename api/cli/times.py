"""Times on the command line."""

from datetime import datetime

import click

from clearing.core.calendar import YEARS


class Instant(click.ParamType):
    """`2026-12-01T00:10+08:00`; without an offset it is a time of the alliance's zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("write it as 2026-12-01T00:10, or with an offset.", param, ctx)
        if at.year not in YEARS:
            self.fail(f"the year must lie between {YEARS[0]} and {YEARS[-1]}.", param, ctx)
        return at
