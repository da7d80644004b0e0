"""The record of imports in the database: who sent what, how far it is, which rows were refused."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, insert, select, update
from sqlalchemy import Row as TableRow
from sqlalchemy.dialects.postgresql import distinct_on

from api.imports.reader import Row
from clearing.core.commands import Caller, Scope
from clearing.core.outcomes import Refusal
from clearing.tables import cards, import_members, import_refusals, imports, members

#: Nested deeper than this, a refused row is kept only so far.
DEPTH_MAX = 20


class Upload(NamedTuple):
    """A file as it came in; it lies in the folder of imports under `file_name`."""

    kind: str
    historical: bool
    owner: str
    caller: Caller
    file_name: str
    file_hash: str
    media_type: str
    size_bytes: int


class Import(NamedTuple):
    """How far an import is. Counts are rows; the row counts of one import always add up.

    `residue`: parts of points that were lost in converting balances, all rows together. `encoding`: how the
    file is read, None until that is known. `last_line`: where the last row that is done begins in the file;
    None if none is, or if an earlier version has counted them.
    """

    id: int
    upload: Upload
    status: str
    rows: int
    accepted: int
    replayed: int
    refused: int
    residue: Decimal
    read_bytes: int
    encoding: str | None
    last_line: int | None
    error: str | None
    started_at: datetime
    ended_at: datetime | None


class EnrolledRow(NamedTuple):
    """Whom a row enrolled; `card` and `card_status` are of the card that was issued last."""

    row: int
    member_id: int
    wallet_id: int
    participant_id: int
    tier: str | None
    name_cipher: bytes | None
    card: str
    card_status: str


class Progress(NamedTuple):
    """What one batch adds. `refusals` keep the row as it was sent; `members`: which row enrolled whom.
    `last_line`: where its last row begins.
    """

    rows: int
    accepted: int
    replayed: int
    refusals: Sequence[tuple[Row, Refusal]]
    residue: Decimal
    read_bytes: int
    last_line: int
    members: Sequence[tuple[int, int]] = ()


def begin(connection: Connection, import_id: int, upload: Upload) -> None:
    values = upload._asdict() | {"caller": {**upload.caller._asdict(), "scope": upload.caller.scope.value}}
    connection.execute(
        insert(imports).values(id=import_id, status="running", started_at=func.clock_timestamp(), **values)
    )


def note_encoding(connection: Connection, import_id: int, name: str) -> None:
    connection.execute(update(imports).where(imports.c.id == import_id).values(encoding=name))


def advance(connection: Connection, import_id: int, progress: Progress) -> None:
    """Count a batch, in the transaction that posts it."""
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(
            rows=imports.c.rows + progress.rows,
            accepted=imports.c.accepted + progress.accepted,
            replayed=imports.c.replayed + progress.replayed,
            refused=imports.c.refused + len(progress.refusals),
            residue=imports.c.residue + progress.residue,
            read_bytes=progress.read_bytes,
            last_line=progress.last_line,
        )
    )
    if progress.refusals:
        connection.execute(
            insert(import_refusals),
            [
                {
                    "import_id": import_id,
                    "row": row.number,
                    "code": refusal.code.value,
                    "detail": _clean(refusal.detail),
                    "field": _clean(refusal.field) if refusal.field else None,
                    "content": _storable(row.content),
                }
                for row, refusal in progress.refusals
            ],
        )
    if progress.members:
        connection.execute(
            insert(import_members),
            [
                {"import_id": import_id, "row": row, "member_id": member_id}
                for row, member_id in progress.members
            ],
        )


def finish(connection: Connection, import_id: int, error: str | None = None) -> None:
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(
            status="failed" if error else "done",
            error=error,
            ended_at=func.clock_timestamp(),
            read_bytes=imports.c.read_bytes if error else imports.c.size_bytes,
        )
    )


def read(connection: Connection, import_id: int) -> Import | None:
    row = connection.execute(select(imports).where(imports.c.id == import_id)).one_or_none()
    return None if row is None else _import(row)


def recent(connection: Connection, owner: str | None, before: int | None, limit: int) -> list[Import]:
    """The newest first: an owner's, or everybody's."""
    query = select(imports).order_by(imports.c.id.desc()).limit(limit)
    if owner is not None:
        query = query.where(imports.c.owner == owner)
    if before is not None:
        query = query.where(imports.c.id < before)
    return [_import(row) for row in connection.execute(query)]


def _import(row: TableRow[Any]) -> Import:
    caller = Caller(**{**row.caller, "scope": Scope(row.caller["scope"])})
    upload = Upload(
        **{**{name: row._mapping[name] for name in Upload._fields if name != "caller"}, "caller": caller}
    )
    shared = {name: row._mapping[name] for name in Import._fields if name != "upload"}
    return Import(upload=upload, **shared)


def unfinished(connection: Connection) -> list[int]:
    """Ids of the imports that are running, or were cut off."""
    query = select(imports.c.id).where(imports.c.status == "running").order_by(imports.c.id)
    return list(connection.execute(query).scalars())


def refusals(connection: Connection, import_id: int) -> Iterator[dict[str, Any]]:
    """The refused rows in their order, streamed: row, code, detail, field, content."""
    query = select(import_refusals).where(import_refusals.c.import_id == import_id)
    options = {"stream_results": True, "yield_per": 1000}
    for row in connection.execute(query.order_by(import_refusals.c.row), execution_options=options):
        yield {name: row._mapping[name] for name in ("row", "code", "detail", "field", "content")}


def enrolled(connection: Connection, import_id: int) -> Iterator[EnrolledRow]:
    """The rows that enrolled a member, now or when they were sent before, in their order and streamed."""
    row = import_members.c.row
    of_member = (members.c.wallet_id, members.c.participant_id, members.c.tier, members.c.name_cipher)
    # A member's cards lie in the member's wallet, by which they are indexed.
    own = and_(cards.c.wallet_id == members.c.wallet_id, cards.c.member_id == members.c.id)
    query = select(row, import_members.c.member_id, *of_member, cards.c.number, cards.c.status)
    query = query.join(members, members.c.id == import_members.c.member_id).join(cards, own)
    query = query.where(import_members.c.import_id == import_id)
    query = query.ext(distinct_on(row)).order_by(row, cards.c.issued_at.desc())
    options = {"stream_results": True, "yield_per": 1000}
    yield from map(EnrolledRow._make, connection.execute(query, execution_options=options))


def refused_rows(connection: Connection, import_id: int, after: int, limit: int) -> list[dict[str, Any]]:
    """A part of the refused rows, in their order: row, code, detail, field, content."""
    query = select(import_refusals).where(import_refusals.c.import_id == import_id)
    query = query.where(import_refusals.c.row > after).order_by(import_refusals.c.row).limit(limit)
    return [
        {name: row._mapping[name] for name in ("row", "code", "detail", "field", "content")}
        for row in connection.execute(query)
    ]


def _storable(value: Any, depth: int = 0) -> Any:
    """A row as it was sent, less what a JSON column cannot hold: NUL, broken characters, infinities."""
    if depth > DEPTH_MAX:
        return "…"
    match value:
        case str():
            return _clean(value)
        case float() if not isfinite(value):
            return str(value)
        case dict():
            return {_clean(name): _storable(inner, depth + 1) for name, inner in value.items()}
        case list():
            return [_storable(inner, depth + 1) for inner in value]
    return value


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
