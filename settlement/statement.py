"""One statement as one data set, from which every format is made.

The head and the matrix come from what was settled; the lines, and what is added up from them, from the
journal. When the last line has been read the two must agree, or the statement is not made.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing.core.accounts import HUB, HUB_CODE
from settlement.core.netting import exchanges
from settlement.core.statement import CounterpartyRow, DetailLine, Fees, Tally, counterparties, split_vat
from settlement.present import statement_json
from settlement.query import StatementHeader, read_participant_codes, read_settled, read_statement
from settlement.statement_lines import read_lines

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class DoesNotTieOut(Exception):
    """The lines add up to something else than was settled: journal or settlement was tampered with."""


class Statement(NamedTuple):
    """All but the lines. `codes`: of every participant, by id."""

    header: StatementHeader
    fees: Fees
    matrix: tuple[CounterpartyRow, ...]
    codes: Mapping[int, str]


def open_statement(connection: Connection, statement_id: str) -> Statement | None:
    """The statement with this id (`stm_…`), ready for its lines to be read; None if there is none."""
    header = read_statement(connection, statement_id)
    if header is None:
        return None
    settled = exchanges(read_settled(connection, header.period))
    return Statement(
        header,
        split_vat(header.fees, header.vat_rate),
        counterparties(settled, header.participant_id),
        {HUB: HUB_CODE} | read_participant_codes(connection),
    )


class Detail:
    """One pass over the lines. `tally` and `data_hash` are complete once the pass is.

    The data hash is the SHA-256 of JSON texts, one on each line: the statement as it heads the JSON, then
    each row of the matrix, then each line; keys sorted, no spaces, UTF-8. Every format shows the same one.
    """

    def __init__(self, connection: Connection, statement: Statement) -> None:
        self._connection = connection
        self._statement = statement
        self._hash = hashlib.sha256()
        self.tally = Tally(statement.header.participant_code)

    def __iter__(self) -> Iterator[DetailLine]:
        """Raises DoesNotTieOut at the end if the lines are not what was settled."""
        self._feed(statement_json(self._statement.header))
        for row in matrix_json(self._statement):
            self._feed(row)
        for line in read_lines(self._connection, self._statement.header):
            self.tally.add(line)
            self._feed(line._asdict())
            yield line
        self._tie_out()

    @property
    def data_hash(self) -> str:
        return self._hash.hexdigest()

    def _feed(self, record: Mapping[str, Any]) -> None:
        self._hash.update(f"{_CANONICAL.encode(record)}\n".encode())

    def _tie_out(self) -> None:
        header, tally, matrix = self._statement.header, self.tally, self._statement.matrix
        settled = (header.receivable, header.payable, header.fees)
        in_matrix = (
            sum(row.receivable for row in matrix),
            sum(row.payable for row in matrix),
            sum(row.fees for row in matrix),
        )
        in_lines = (tally.receivable, tally.payable, tally.fees)
        if not settled == in_matrix == in_lines:
            raise DoesNotTieOut(
                f"{header.number}: settled {settled}, matrix {in_matrix}, lines {in_lines}"
                " (receivable, payable, fees in fen)"
            )


def matrix_json(statement: Statement) -> list[dict[str, Any]]:
    """The matrix in the contract's terms: codes and labels."""
    return [
        {
            "counterparty": statement.codes[row.counterparty_id],
            "kind": row.kind.label,
            "count": row.exchanges,
            "points": row.points,
            "amount": row.amount,
            "receivable": row.receivable,
            "payable": row.payable,
            "fees": row.fees,
        }
        for row in statement.matrix
    ]
