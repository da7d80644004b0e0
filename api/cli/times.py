"""Times on the command line."""

from datetime import datetime

import click


class Instant(click.ParamType):
    """`2026-12-01T00:10+08:00`; without an offset it is a time of the alliance's zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("write it as 2026-12-01T00:10, or with an offset.", param, ctx)
