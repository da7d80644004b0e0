"""Every line is one event with a fixed name and its data in fields."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import structlog

from config import configure_logging


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_lines_carry_name_level_utc_time_and_fields() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    structlog.get_logger("clearing.post").info("batch.posted", commands=3, merchant="北京饭店")
    line = json.loads(stream.getvalue())
    assert line["event"] == "batch.posted"
    assert (line["level"], line["logger"]) == ("info", "clearing.post")
    assert (line["commands"], line["merchant"]) == (3, "北京饭店")
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)


def test_lines_of_libraries_come_out_in_the_same_form() -> None:
    stream = io.StringIO()
    configure_logging("warning", "json", stream)
    logging.getLogger("alembic").info("too quiet")
    logging.getLogger("alembic").warning("pool %s", "full")
    assert json.loads(stream.getvalue())["event"] == "pool full"


def test_the_console_form_is_for_people_and_has_no_colours_in_a_file() -> None:
    stream = io.StringIO()
    configure_logging("info", "console", stream)
    structlog.get_logger("x").info("server.started", port=8080)
    assert "server.started" in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()


def test_a_second_set_up_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    log = structlog.get_logger("x")
    configure_logging("info", "json", first)
    log.info("one")
    configure_logging("info", "json", second)
    log.info("two")
    assert "two" not in first.getvalue()
    assert "one" not in second.getvalue()
