"""All of a statement as one JSON object: money in fen, the lines under `detail`, the data hash at the end."""

import json
from collections.abc import Callable
from typing import Any, BinaryIO

from sqlalchemy import Connection

from settlement.present import rebate_json, statement_json
from settlement.render.progress import reported
from settlement.statement import Detail, Statement, matrix_json

_ENCODER = json.JSONEncoder(ensure_ascii=False)


def render(
    connection: Connection, statement: Statement, out: BinaryIO, progress: Callable[[int], None] | None
) -> None:
    detail = Detail(connection, statement)
    head = {
        "statement": statement_json(statement.header),
        "matrix": matrix_json(statement),
        "rebates": [rebate_json(row) for row in statement.rebates],
    }
    out.write(f'{_text(head)[:-1]}, "detail": ['.encode())
    before = "\n"
    for line in reported(detail, progress):
        out.write(f"{before}{_text(line._asdict())}".encode())
        before = ",\n"
    tail = {
        "merchants": [row._asdict() for row in detail.tally.merchants],
        "points": detail.tally.points._asdict(),
        "lines": detail.tally.lines,
        "data_hash": detail.data_hash,
    }
    out.write(f"\n], {_text(tail)[1:]}\n".encode())


def _text(value: dict[str, Any]) -> str:
    return _ENCODER.encode(value)
