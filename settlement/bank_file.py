"""Bank statements as CSV: payments matched to nets by what their remittance texts name.

A row is put on record or listed with the reason why not; each in a transaction of its own. A file may be sent
again: what is on record is known by the bank's reference.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Row, func, select

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.texts import Fault, read_line, seen
from clearing.directory import read_rulebook
from settlement.core.balance import PaymentDirection
from settlement.payments import NewPayment, record_payment
from settlement.references import NetReference, references_in
from settlement.refusals import Refusal
from settlement.tables import statements
from tabular.encoding import NotText, decode

COLUMNS = ("bank_reference", "paid_on", "amount_yuan", "text")
REFERENCE_CHARACTERS_MAX = 140
NOTE_CHARACTERS_MAX = 500
ROWS_MAX = 20_000

_AMOUNT = re.compile(r"([+-]?)([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3})+)\.([0-9]{2})")
_STATEMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[A-Za-z0-9][A-Za-z0-9_-]{0,31}-[0-9]+")


class NotABankFile(ValueError):
    """It cannot be read as CSV, or lacks columns; says what to do."""


class Line(NamedTuple):
    """One row: `number` from 1, `text` its remittance text; `amount` in fen, below zero if paid out."""

    number: int
    bank_reference: str
    paid_at: datetime
    amount: int
    text: str


class Unmatched(NamedTuple):
    """A row not put on record: `code` is malformed, no_reference, several_references or a refusal's."""

    row: int
    code: str
    detail: str
    content: Mapping[str, str]


class BankFile(NamedTuple):
    """`payments`: rows of `payments` that this file put on record; `replayed`: how many were there before."""

    rows: int
    payments: list[Row]
    replayed: int
    unmatched: list[Unmatched]


def import_bank_file(engine: Engine, content: bytes, recorded_by: str) -> BankFile:
    """Match and record every row. Raises NotABankFile, and then nothing was recorded."""
    found = BankFile(0, [], 0, [])
    with engine.connect() as connection:
        zone = read_rulebook(connection).settings.time_zone
    for number, row in enumerate(_rows(content), 1):
        found = found._replace(rows=number)
        line = _line(number, row, zone)
        if isinstance(line, Unmatched):
            found.unmatched.append(line)
            continue
        with engine.begin() as connection:
            outcome = _record(connection, line, row, recorded_by)
        if isinstance(outcome, Unmatched):
            found.unmatched.append(outcome)
        elif outcome is None:
            found = found._replace(replayed=found.replayed + 1)
        else:
            found.payments.append(outcome)
    return found


def _rows(content: bytes) -> list[Mapping[str, str]]:
    """All rows, read before the first is recorded: half a file must not be."""
    reader = csv.DictReader(io.StringIO(_decoded(content), newline=""), strict=True)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise NotABankFile(
                f"The first line must name the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing."
            )
        reader.fieldnames = names
        rows: list[Mapping[str, str]] = [
            {name: (row.get(name) or "").strip() for name in COLUMNS} for row in _capped(reader)
        ]
    except csv.Error as error:
        raise NotABankFile(f"Line {reader.line_num} is not CSV: {error}.") from error
    return rows


def _capped(reader: "csv.DictReader[str]") -> Iterator[Mapping[str, str]]:
    for number, row in enumerate(reader, 1):
        if number > ROWS_MAX:
            raise NotABankFile(f"A bank file has at most {ROWS_MAX} rows; split it.")
        yield row


def _decoded(content: bytes) -> str:
    try:
        text, encoding = decode(content)
    except NotText as error:
        raise NotABankFile(str(error)) from error
    if not encoding.clean:
        raise NotABankFile(f"Some characters cannot be read as {encoding.name}. Save the file as CSV UTF-8.")
    return text


def _line(number: int, row: Mapping[str, str], zone: ZoneInfo) -> Line | Unmatched:
    def malformed(detail: str) -> Unmatched:
        return Unmatched(number, "malformed", detail, row)

    # As one that is recorded by hand is read, so that the two are one payment.
    reference = read_line(row["bank_reference"])
    if isinstance(reference, Fault):
        return malformed(
            f"bank_reference: character {reference.place} ({reference.code}) cannot be in it;"
            " write it without that."
        )
    if not 1 <= len(reference) <= REFERENCE_CHARACTERS_MAX or not reference.isprintable():
        return malformed(f"bank_reference must have 1 to {REFERENCE_CHARACTERS_MAX} printable characters.")
    try:
        paid_at = _instant(row["paid_on"], zone)
    except ValueError:
        return malformed("paid_on must be a date, such as 2026-12-08, or a time with its offset.")
    match = _AMOUNT.fullmatch(row["amount_yuan"])
    if match is None:
        return malformed(
            "amount_yuan must be yuan with two decimals, such as 1234.56; below zero if paid out."
        )
    fen = int(Decimal(match[2].replace(",", "")) * 100) + int(match[3])
    if not 0 < fen <= MAX_QUANTITY:
        return malformed("amount_yuan must not be zero, nor beyond what a net can be.")
    return Line(number, reference, paid_at, -fen if match[1] == "-" else fen, seen(row["text"]))


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """A day stands for its first instant in the alliance's zone. Raises ValueError."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise
        return at


def _record(
    connection: Connection, line: Line, row: Mapping[str, str], recorded_by: str
) -> Row | Unmatched | None:
    """The payment put on record, None if it was before, or why not."""
    named = references_in(line.text) | _statements_in(connection, line.text)
    if len(named) != 1:
        code = "several_references" if named else "no_reference"
        detail = (
            "Its text names several nets; record a payment on each by hand, as REFERENCE/1, REFERENCE/2."
            if named
            else "Its text names no net, neither by payment reference nor by statement number."
        )
        return Unmatched(line.number, code, detail, row)
    [net] = named
    direction = PaymentDirection.IN if line.amount > 0 else PaymentDirection.OUT
    payment = NewPayment(
        net.participant_id, direction, abs(line.amount), line.bank_reference, line.paid_at, _note(line.text)
    )
    outcome = record_payment(connection, net.period, payment, recorded_by)
    if isinstance(outcome, Refusal):
        return Unmatched(line.number, outcome.code.value, outcome.detail, row)
    return None if outcome.replayed else outcome.row


def _note(text: str) -> str | None:
    """What is kept of a remittance text."""
    return "".join(letter for letter in text if letter.isprintable())[:NOTE_CHARACTERS_MAX] or None


def _statements_in(connection: Connection, text: str) -> set[NetReference]:
    """The nets of the statements whose numbers stand in the text."""
    numbers = {match.upper() for match in _STATEMENT.findall(text)}
    if not numbers:
        return set()
    query = select(statements.c.period, statements.c.participant_id)
    rows = connection.execute(query.where(func.upper(statements.c.number).in_(numbers)))
    return {NetReference(row.period, row.participant_id) for row in rows}
