"""Logging: one line per event on standard error, with a fixed event name and the data in fields.

Write `log = structlog.get_logger(__name__)` and `log.info("period.closed", period="2027-03")`: the name is
searchable because nothing varies in it. Lines of libraries that use the standard library's logging come
out in the same form.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor

from config.settings import LogFormat

#: Libraries that tell of each of their steps; what they did is told by whoever asked for it.
CHATTY = ("apscheduler",)


def configure_logging(
    level: str = "info", log_format: LogFormat = "json", stream: TextIO | None = None
) -> None:
    """Set up logging for this process; a second call replaces the first.

    `level` is one of config.settings.LOG_LEVELS; `stream` is standard error if None. Times are ISO 8601
    in UTC under the key `timestamp`.
    """
    stream = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # A cached logger would keep the set-up it first saw, and a second call could not replace it.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(root.level, logging.WARNING))


def _renderers(log_format: LogFormat, stream: TextIO) -> list[Processor]:
    """The last steps: JSON for machines, colours only where a person is watching."""
    if log_format == "console":
        return [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                # No local variables in tracebacks: they hold keys and personal data.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]
