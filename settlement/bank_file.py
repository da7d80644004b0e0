"""Bank files: the payments of a bank statement matched to nets by what their remittance texts name.

All rows are judged before the first is put on record, each with those above it; what cannot be recorded, or
only by guessing, is listed with the reason. A file may be sent again: what is on record is known by the
bank's reference.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Row, func, select

from clearing import locks
from clearing.directory import read_rulebook
from settlement import bank_sheet
from settlement.bank_sheet import Line, NotABankFile, Sheet, Unmatched, read_sheet
from settlement.core.balance import PaymentDirection
from settlement.judging import Judge, NewPayment
from settlement.payments import record_payment
from settlement.payout import Batch, read_batches
from settlement.references import (
    NetReference,
    has_foreign_reference,
    messages_in,
    references_in,
    statement_numbers_in,
)
from settlement.refusals import Refusal
from settlement.tables import statements
from tabular.encoding import NotText, decode

NOTE_CHARACTERS_MAX = 500
ROWS_MAX = 20_000


class Listed(StrEnum):
    """Why a row is listed, beside the codes of refusals."""

    BEFORE_HEADING = bank_sheet.BEFORE_HEADING
    TOTAL_ROW = bank_sheet.TOTAL_ROW
    MALFORMED = bank_sheet.MALFORMED
    REFERENCE_TWICE = "reference_twice"
    NO_REFERENCE = "no_reference"
    SEVERAL_REFERENCES = "several_references"
    FOREIGN_REFERENCE = "foreign_reference"
    BATCH_UNKNOWN = "batch_unknown"
    BATCH_DIFFERS = "batch_differs"


class BankFile(NamedTuple):
    """What became of a file's `rows` (below its heading).

    `matched`: rows whose payments this file put on record; `payments`: rows of `payments`, of which the one
    debit of a whole batch makes several; `replayed`: rows that were on record before. `encoding`: in which
    the file was read.
    """

    rows: int
    matched: int
    payments: list[Row]
    replayed: int
    unmatched: list[Unmatched]
    encoding: str


class _Why(NamedTuple):
    code: str
    detail: str


class _Part(NamedTuple):
    """One payment that a row stands for; the debit of a batch stands for one of each payout."""

    period: int
    payment: NewPayment


class _Meant(NamedTuple):
    line: Line
    parts: Sequence[_Part]
    batch: str | None = None


class _Records(NamedTuple):
    """What the rows of a file can name beside references: statements by number, batches by message id."""

    statements: Mapping[str, NetReference]
    batches: Mapping[str, Batch]


def import_bank_file(engine: Engine, content: bytes, recorded_by: str) -> BankFile:
    """Judge every row, then record what can be. Raises NotABankFile, and then nothing was recorded."""
    text, encoding = _decoded(content)
    sheet = read_sheet(text, ROWS_MAX)
    with engine.begin() as connection:
        found = _judged(connection, sheet)
    done = BankFile(len(sheet.rows), 0, [], 0, sheet.titles(), encoding)
    for one in found:
        outcome = one if isinstance(one, Unmatched) else _recorded(engine, sheet, one, recorded_by)
        if isinstance(outcome, Unmatched):
            done.unmatched.append(outcome)
        elif outcome:
            done.payments.extend(outcome)
            done = done._replace(matched=done.matched + 1)
        else:
            done = done._replace(replayed=done.replayed + 1)
    return done


def _decoded(content: bytes) -> tuple[str, str]:
    """The text of the file, and the name of its encoding. Raises NotABankFile."""
    try:
        text, encoding = decode(content)
    except NotText as error:
        raise NotABankFile(str(error)) from error
    if not encoding.clean:
        raise NotABankFile(f"Some characters cannot be read as {encoding.name}. Save the file as CSV UTF-8.")
    return text, encoding.name


# ---- Judging ----


def _judged(connection: Connection, sheet: Sheet) -> list[_Meant | Unmatched]:
    """Each row with the payments that it stands for, or why it is listed."""
    locks.hold_exclusively(connection, locks.PAYMENTS)
    zone = read_rulebook(connection).settings.time_zone
    said = [sheet.said(source, zone) for source in sheet.rows]
    lines = [one for one in said if isinstance(one, Line)]
    rows = _rows_by_reference(lines)
    records = _read_records(connection, [one.text for one in lines])
    meant = [_meant(one, records, rows) if isinstance(one, Line) else one for one in said]
    parts = [part for one in meant if isinstance(one, _Meant) for part in one.parts]
    judge = Judge(connection, [part.payment.bank_reference for part in parts])
    found: list[_Meant | Unmatched] = []
    for source, one in zip(sheet.rows, meant, strict=True):
        outcome = (_why_not(judge, one) or one) if isinstance(one, _Meant) else one
        found.append(sheet.listed(source, *outcome) if isinstance(outcome, _Why) else outcome)
    return found


def _why_not(judge: Judge, meant: _Meant) -> _Why | None:
    """Why a row cannot be recorded; one that can is counted for those that follow."""
    fresh = []
    for part in meant.parts:
        outcome = judge.outcome(part.period, part.payment, confirmed=False)
        if isinstance(outcome, Refusal):
            return _Why(outcome.code.value, outcome.detail)
        if outcome is not None:
            continue
        if meant.batch is not None and part.payment.direction is PaymentDirection.OUT:
            left = judge.outstanding(part.period, part.payment.participant_id)
            if part.payment.amount > left:
                return _Why(
                    Listed.BATCH_DIFFERS,
                    f"Of a payout of {meant.batch} only {max(left, 0)} fen are still to be paid, and the file"
                    f" had {part.payment.amount} fen: it seems to be on record already. Compare the"
                    " payments of the month, and record by hand what is missing.",
                )
        fresh.append(part)
    for part in fresh:
        judge.count(part.period, part.payment)
    return None


def _meant(line: Line, records: _Records, rows: Mapping[str, Sequence[int]]) -> _Meant | _Why:
    """The payments that a row stands for, by what its text names."""
    if len(rows[line.bank_reference]) > 1:
        return _Why(
            Listed.REFERENCE_TWICE,
            f"The rows {', '.join(map(str, rows[line.bank_reference]))} have the same bank reference, and it"
            " stands for one transfer. Look at the bank's statement, and record by hand what was paid.",
        )
    nets = references_in(line.text)
    nets |= {records.statements[one] for one in statement_numbers_in(line.text) if one in records.statements}
    messages = messages_in(line.text)
    for message_id in messages:
        batch = records.batches.get(message_id)
        # Of one transfer of a batch the bank may tell both: then the amount is that transfer's.
        if len(messages) == 1 and batch is not None and (not nets or abs(line.amount) == batch.total):
            return _batch(line, message_id, batch)
    if len(nets) == 1:
        [net] = nets
        return _Meant(line, [_part(line, net, abs(line.amount), line.bank_reference)])
    if nets or len(messages) > 1:
        return _Why(
            Listed.SEVERAL_REFERENCES,
            "Its text names several nets; record a payment on each by hand, as REFERENCE/1, REFERENCE/2.",
        )
    if messages:
        return _Why(
            Listed.BATCH_UNKNOWN,
            f"Its text names the payment file {', '.join(messages)}, which was not made here. Record the"
            " payments by hand, as REFERENCE/1, REFERENCE/2.",
        )
    if has_foreign_reference(line.text):
        return _Why(
            Listed.FOREIGN_REFERENCE,
            "Its text has a creditor reference that is none of ours, so it pays an invoice of somebody else."
            " If it is for a net all the same, record it by hand.",
        )
    return _Why(
        Listed.NO_REFERENCE,
        "Its text names no net, neither by payment reference nor by statement number.",
    )


def _batch(line: Line, message_id: str, batch: Batch) -> _Meant | _Why:
    if abs(line.amount) != batch.total:
        return _Why(
            Listed.BATCH_DIFFERS,
            f"The payment file {message_id} has {len(batch.amounts)} transfers of {batch.total} fen in all,"
            f" and this row is of {abs(line.amount)} fen. Ask the bank what it has paid, and record that by"
            " hand.",
        )
    many = len(batch.amounts) > 1
    parts = [
        _part(
            line,
            NetReference(batch.period, participant_id),
            amount,
            f"{line.bank_reference}/{number}" if many else line.bank_reference,
        )
        for number, (participant_id, amount) in enumerate(batch.amounts.items(), 1)
    ]
    return _Meant(line, parts, message_id)


def _part(line: Line, net: NetReference, amount: int, bank_reference: str) -> _Part:
    direction = PaymentDirection.IN if line.amount > 0 else PaymentDirection.OUT
    return _Part(
        net.period,
        NewPayment(net.participant_id, direction, amount, bank_reference, line.paid_at, _note(line.text)),
    )


def _note(text: str) -> str | None:
    """What is kept of a remittance text."""
    return "".join(letter for letter in text if letter.isprintable())[:NOTE_CHARACTERS_MAX] or None


def _rows_by_reference(lines: Iterable[Line]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for line in lines:
        rows.setdefault(line.bank_reference, []).append(line.source.row)
    return rows


def _read_records(connection: Connection, texts: Sequence[str]) -> _Records:
    numbers = {number for text in texts for number in statement_numbers_in(text)}
    query = select(func.upper(statements.c.number), statements.c.period, statements.c.participant_id)
    rows = connection.execute(query.where(func.upper(statements.c.number).in_(list(numbers))))
    return _Records(
        {number: NetReference(period, participant_id) for number, period, participant_id in rows},
        read_batches(connection, {one for text in texts for one in messages_in(text)}),
    )


# ---- Recording ----


def _recorded(engine: Engine, sheet: Sheet, meant: _Meant, recorded_by: str) -> list[Row] | Unmatched:
    """The payments put on record for a row, all or none; none if they were on record before.

    Each row in a transaction of its own, so that a large file does not hold up a closing.
    """
    with engine.begin() as connection:
        if meant.batch is not None:  # in whose parts something may have changed since they were judged
            locks.hold_exclusively(connection, locks.PAYMENTS)
            judge = Judge(connection, [part.payment.bank_reference for part in meant.parts])
            why = _why_not(judge, meant)
            if why is not None:
                return sheet.listed(meant.line.source, *why)
        outcomes = [record_payment(connection, *part, recorded_by) for part in meant.parts]
    recorded: list[Row] = []
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            return sheet.listed(meant.line.source, outcome.code.value, outcome.detail)
        if not outcome.replayed:
            recorded.append(outcome.row)
    return recorded
