"""All of a statement as one JSON object: money in fen, the lines under `detail`, the data hash at the end.

A statement's proof, if it has one, stands in three places: before the lines, in each of them, at the end.
"""

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
    head: dict[str, Any] = {
        "statement": statement_json(statement.header),
        "matrix": matrix_json(statement),
        "rebates": [rebate_json(row) for row in statement.rebates],
    }
    proof, proofs = statement.proof, None
    if proof is not None:
        head["proof"] = proof.head(connection)
        proofs = proof.lines(connection)
    out.write(f'{_text(head)[:-1]}, "detail": ['.encode())
    before = "\n"
    for line in reported(detail, progress):
        record = line._asdict()
        if proofs is not None:
            record["proof"] = next(proofs)
        out.write(f"{before}{_text(record)}".encode())
        before = ",\n"
    tail = {
        "merchants": [row._asdict() for row in detail.tally.merchants],
        "points": detail.tally.points._asdict(),
        "lines": detail.tally.lines,
        "data_hash": detail.data_hash,
    }
    if proof is not None:
        tail |= proof.tail(connection, head | tail)
    out.write(f"\n], {_text(tail)[1:]}\n".encode())


def _text(value: dict[str, Any]) -> str:
    return _ENCODER.encode(value)
