"""All of a statement as one JSON object: money in fen, the lines under `detail`, the data hash at the end.

A statement's proof, if it has one, stands in three places: before the lines, in each of them, at the end.
"""

import json
from typing import Any, BinaryIO

from settlement.core.statement import DetailLine
from settlement.present import rebate_json, statement_json
from settlement.statement import Detail, Statement, liabilities_json, matrix_json

_ENCODER = json.JSONEncoder(ensure_ascii=False)


class JsonDocument:
    def __init__(self, statement: Statement, out: BinaryIO) -> None:
        self._out = out
        self._proof = statement.proof
        points, stored_value = liabilities_json(statement)
        self._head: dict[str, Any] = {
            "statement": statement_json(statement.header),
            "matrix": matrix_json(statement),
            "rebates": [rebate_json(row, statement.header.period) for row in statement.rebates],
            "points": points,
            "stored_value": stored_value,
        }
        if self._proof is not None:
            self._head["proof"] = self._proof.head()
            self._proofs = self._proof.lines()
        out.write(f'{_text(self._head)[:-1]}, "detail": ['.encode())
        self._before = "\n"

    def line(self, line: DetailLine, text: bytes) -> None:
        record = line._asdict()
        if self._proof is not None:
            record["proof"] = next(self._proofs)
        self._out.write(f"{self._before}{_text(record)}".encode())
        self._before = ",\n"

    def end(self, detail: Detail) -> None:
        tail = {
            "merchants": [row._asdict() for row in detail.tally.merchants],
            "lines": detail.tally.lines,
            "data_hash": detail.data_hash,
        }
        if self._proof is not None:
            tail |= self._proof.tail(self._head | tail)
        self._out.write(f"\n], {_text(tail)[1:]}\n".encode())

    def close(self) -> None:
        """`out` is its owner's to close."""


def _text(value: dict[str, Any]) -> str:
    return _ENCODER.encode(value)
