"""One statement as one data set, from which every format is made.

The head, the matrix and the liabilities come from what was settled; the lines, and what is added up from
them, from the journal. When the last line has been read all must agree, or the statement is not made.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing.core.accounts import HUB, HUB_CODE, Asset
from clearing.core.journal import LegKind
from settlement.core.data_hash import DataHash, csv_line
from settlement.core.netting import exchanges
from settlement.core.rebates import RebateRow
from settlement.core.statement import CounterpartyRow, DetailLine, Fees, Tally, counterparties, split_vat
from settlement.liabilities import Liability, read_liabilities, read_lines_count, write_liabilities
from settlement.present import points_json, rebate_json, statement_json, stored_value_json
from settlement.proof.made import StatementProof
from settlement.query import (
    StatementHeader,
    read_participant_codes,
    read_rebates,
    read_settled,
    read_statement,
)
from settlement.statement_lines import read_lines


class DoesNotTieOut(Exception):
    """The lines add up to something else than was settled: journal or settlement was tampered with."""


class Statement(NamedTuple):
    """All but the lines, of which there are `lines`. `fees`: less the rebates; `codes`: of every participant,
    by id; `proof`: what is added to the JSON, if any.
    """

    header: StatementHeader
    fees: Fees
    matrix: tuple[CounterpartyRow, ...]
    rebates: tuple[RebateRow, ...]
    points: Liability
    stored_value: Liability
    lines: int
    codes: Mapping[int, str]
    proof: StatementProof | None = None


def open_statement(connection: Connection, statement_id: str) -> Statement | None:
    """The statement with this id (`stm_…`), ready for its lines to be read; None if there is none.

    What has to be added up for the first statement of a period is added up now; it is kept if the caller
    commits.
    """
    header = read_statement(connection, statement_id)
    if header is None:
        return None
    write_liabilities(connection, header.period)
    owed = read_liabilities(connection, header.period, header.participant_id)
    settled = exchanges(read_settled(connection, header.period))
    return Statement(
        header,
        split_vat(header.fees_less_rebates, header.vat_rate),
        counterparties(settled, header.participant_id),
        tuple(
            row for row in read_rebates(connection, header.period) if row.payer_id == header.participant_id
        ),
        owed[Asset.POINTS],
        owed[Asset.STORED_VALUE],
        read_lines_count(connection, header.period, header.participant_id),
        {HUB: HUB_CODE} | read_participant_codes(connection),
    )


class Detail:
    """One pass over the lines. `tally` and `data_hash` (`settlement.core.data_hash`) are complete once it is
    over.
    """

    def __init__(self, connection: Connection, statement: Statement) -> None:
        self._connection = connection
        self._statement = statement
        self._hash = DataHash()
        self.tally = Tally(statement.header.participant_code)

    def __iter__(self) -> Iterator[tuple[DetailLine, bytes]]:
        """Each line, and the same as a line of CSV in UTF-8.

        Raises DoesNotTieOut at the end if the lines are not what was settled.
        """
        statement = self._statement
        for record in (
            statement_json(statement.header),
            *matrix_json(statement),
            *(rebate_json(row, statement.header.period) for row in statement.rebates),
            *liabilities_json(statement),
        ):
            self._hash.record(record)
        add, feed = self.tally.add, self._hash.line
        for line in read_lines(self._connection, statement.header, statement.lines):
            text = csv_line(line).encode()
            add(line)
            feed(text)
            yield line, text
        tie_out(statement, self.tally)

    @property
    def data_hash(self) -> str:
        return self._hash.hexdigest()


def tie_out(statement: Statement, tally: Tally) -> None:
    """Raises DoesNotTieOut if the lines, added up, are not what was settled."""
    header, matrix, compare = statement.header, statement.matrix, partial(_compare, statement)
    exchanged = [row for row in matrix if row.kind is not LegKind.ADJUSTMENT]
    by_hand = [row for row in matrix if row.kind is LegKind.ADJUSTMENT]
    compare(
        "receivable, payable, fees and adjustments in fen",
        settled=(header.receivable, header.payable, header.fees, header.adjustments),
        matrix=(
            sum(row.receivable for row in exchanged),
            sum(row.payable for row in exchanged),
            sum(row.fees for row in matrix),
            sum(row.receivable - row.payable for row in by_hand),
        ),
        lines=(tally.receivable, tally.payable, tally.fees, tally.adjustments),
    )
    compare(
        "rebates in fen",
        settled=(header.rebates,),
        by_rule=(sum(row.rebate for row in statement.rebates),),
    )
    for owed, moved in ((statement.points, tally.points), (statement.stored_value, tally.stored_value)):
        label = owed.movement.asset.label
        compare(
            f"{label} issued, opened, used at its own, used elsewhere, expired and adjusted",
            rolled_forward=tuple(getattr(owed.movement, name) for name in moved._fields),
            lines=tuple(moved),
        )
        compare(
            f"closing {label}",
            rolled_forward=(owed.movement.closing,),
            by_month=(sum(one.quantity for one in owed.months),),
        )
    compare("number of lines", counted=(statement.lines,), read=(tally.lines,))


def _compare(statement: Statement, what: str, **sides: tuple[int, ...]) -> None:
    if len(set(sides.values())) > 1:
        found = ", ".join(f"{side} {values}" for side, values in sides.items())
        raise DoesNotTieOut(f"{statement.header.number}: {found} ({what})")


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


def liabilities_json(statement: Statement) -> tuple[dict[str, Any], dict[str, Any]]:
    """Points and stored value."""
    return (
        points_json(statement.points, statement.header.point_value),
        stored_value_json(statement.stored_value),
    )
