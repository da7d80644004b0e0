"""Running imports: a thread that posts files batch by batch, counting in the same transaction."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from itertools import dropwhile, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, Engine

from api.imports import former, kinds, store
from api.imports.reader import Row, Rows, Unreadable
from api.key_owners import act_of, envelope, participants_of
from clearing.core import opening
from clearing.core.commands import Command, Opening
from clearing.core.directory import Directory
from clearing.core.enrolment import Enrolled, Enrolment, EnrolmentOutcome
from clearing.core.outcomes import Code, Outcome, Posted, Refusal, Replayed
from clearing.core.texts import read_line
from clearing.linking import Agreement, Linker
from clearing.members import Enroller, Person
from clearing.writer import Writer
from tabular.encoding import Encoding, NotText, find_encoding

log = structlog.get_logger(__name__)

BATCH_ROWS = 1000

OnProgress = Callable[[store.Import], None]


class _Judged(NamedTuple):
    """A row on its way: what it says, then what is to be posted; or why it cannot be.

    `body` is the row as its schema has loaded it, `said` as it was sent, without its `key`.
    """

    row: Row
    body: dict[str, Any] | None = None
    said: dict[str, Any] | None = None
    key: str | None = None
    command: Command | None = None
    enrolment: tuple[Enrolment, Person] | None = None
    cards: tuple[str, ...] = ()
    refusal: Refusal | None = None


class _Taken(NamedTuple):
    """The next rows, how far the file is read, and the fault that ended the reading behind them."""

    batch: list[_Judged]
    bytes_read: int
    fault: Exception | None = None


class _Posters(NamedTuple):
    """What writes the rows, each with a connection of its own once it is used."""

    writer: Writer
    enroller: Enroller
    linker: Linker


class ImportRunner:
    """Runs imports one after another in a thread of its own; `run` does one here and now."""

    def __init__(
        self,
        engine: Engine,
        files: Path,
        make_writer: Callable[[], Writer],
        make_enroller: Callable[[], Enroller],
        make_linker: Callable[[], Linker],
    ) -> None:
        self._engine = engine
        self._files = files
        self._make_writer = make_writer
        self._make_enroller = make_enroller
        self._make_linker = make_linker
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to work, first on what was cut off when the program last ended."""
        with self._engine.connect() as connection:
            for import_id in store.unfinished(connection):
                self._queue.put(import_id)
        self._thread = threading.Thread(target=self._work, name="imports", daemon=True)
        self._thread.start()

    def submit(self, import_id: int) -> None:
        self._queue.put(import_id)

    def close(self) -> None:
        """Stop after the batch under way; what is left goes on at the next start."""
        self._stopping.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def run(self, import_id: int, on_progress: OnProgress | None = None) -> store.Import | None:
        """Do what is left of one import. None if another process is at it, or its file is not here."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as own:
            if not own.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (import_id,)).scalar():
                return None
            try:
                return self._run_locked(import_id, on_progress)
            finally:
                own.exec_driver_sql("SELECT pg_advisory_unlock(%s)", (import_id,))

    def _work(self) -> None:
        while (import_id := self._queue.get()) is not None and not self._stopping.is_set():
            try:
                self.run(import_id)
            except Exception:
                log.exception("import_interrupted", import_id=import_id)

    def _run_locked(self, import_id: int, on_progress: OnProgress | None) -> store.Import | None:
        current = self._read(import_id)
        path = self._files / current.upload.file_name
        if current.status != "running" or not path.exists():
            return None
        error = None
        try:
            encoding = self._find_encoding(import_id, path)
            self._post_rows(current, path, encoding, on_progress)
        except (NotText, Unreadable) as unreadable:
            error = str(unreadable)
        except Exception as fault:
            log.exception("import_failed", import_id=import_id)
            error = (
                f"Stopped by a fault of ours ({type(fault).__name__}). Rows counted so far are done; send"
                " the same file again to do the rest."
            )
        if self._stopping.is_set() and error is None:
            return None
        with self._engine.begin() as connection:
            store.finish(connection, import_id, error)
        path.unlink(missing_ok=True)
        finished = self._read(import_id)
        log.info("import_finished", import_id=import_id, status=finished.status, rows=finished.rows)
        return finished

    def _find_encoding(self, import_id: int, path: Path) -> Encoding:
        """Raises NotText."""
        with path.open("rb") as file:
            encoding = find_encoding(file)
        with self._engine.begin() as connection:
            store.note_encoding(connection, import_id, encoding.name)
        return encoding

    def _post_rows(
        self, current: store.Import, path: Path, encoding: Encoding, on_progress: OnProgress | None
    ) -> None:
        kind = kinds.KINDS[current.upload.kind]
        rows = Rows(path, current.upload.media_type, encoding, frozenset(kind.columns), kind.required)
        posters = _Posters(self._make_writer(), self._make_enroller(), self._make_linker())
        done_to = _line_done(current, path)
        judged = dropwhile(lambda one: one.row.line <= done_to, _judge(current.upload, rows))

        def take() -> _Taken:
            batch: list[_Judged] = []
            fault: Exception | None = None
            try:
                for one in islice(judged, BATCH_ROWS):
                    batch.append(one)
            except Exception as error:  # raised again once the rows before it are posted
                fault = error
            return _Taken(self._complete(current.upload, batch, posters), rows.bytes_read, fault)

        try:
            # The next batch is read and judged while PostgreSQL writes this one.
            with ThreadPoolExecutor(1, "import-rows") as ahead:
                taken = ahead.submit(take)
                while not self._stopping.is_set():
                    batch, bytes_read, fault = taken.result()
                    if batch:
                        taken = ahead.submit(take)
                        self._post_batch(current, batch, bytes_read, posters)
                        if on_progress is not None:
                            on_progress(self._read(current.id))
                    if fault is not None:
                        raise fault
                    if not batch:
                        return
        finally:
            for poster in posters:
                poster.close()

    def _complete(self, upload: store.Upload, batch: list[_Judged], posters: _Posters) -> list[_Judged]:
        """What the rows say becomes what is to be posted, under keys of those whose data they are."""
        bodies = [one.body for one in batch if one.body is not None]
        if upload.kind == kinds.LINKS or not bodies:
            return [_linking(one) for one in batch]
        operation, cache = kinds.KINDS[upload.kind].operation, posters.writer.directory
        whose = participants_of(upload.caller, operation, bodies, self._engine, cache)
        acts = iter(
            [
                (of, act_of(operation, body, of, self._engine, cache))
                for of, body in zip(whose, bodies, strict=True)
            ]
        )
        return [
            one if one.body is None else _commanded(upload, one, *next(acts), posters.enroller)
            for one in batch
        ]

    def _post_batch(
        self, current: store.Import, batch: list[_Judged], bytes_read: int, posters: "_Posters"
    ) -> None:
        def count(connection: Connection, outcomes: "list[Outcome] | list[EnrolmentOutcome]") -> None:
            progress = _progress(batch, iter(outcomes), bytes_read)
            if not requests:
                progress = progress._replace(residue=_residue(batch, outcomes, posters.writer.directory.last))
            store.advance(connection, current.id, progress)

        if current.upload.kind == kinds.LINKS:
            self._link(current, batch, bytes_read, posters.linker)
            return
        requests = [one.enrolment for one in batch if one.enrolment is not None]
        if requests:
            posters.enroller.enrol(requests, lambda connection, outcomes: count(connection, list(outcomes)))
        else:
            commands = [one.command for one in batch if one.command is not None]
            posters.writer.post(commands, lambda connection, outcomes: count(connection, list(outcomes)))

    def _link(self, current: store.Import, batch: list[_Judged], bytes_read: int, linker: Linker) -> None:
        """One by one: a row that is repeated after a fault finds what it has done."""
        for one in batch:
            if self._stopping.is_set():
                return
            outcome: Refusal | Agreement = one.refusal or linker.agree(current.upload.caller, *one.cards)
            refusals = [(one.row, outcome)] if isinstance(outcome, Refusal) else []
            accepted = int(isinstance(outcome, Agreement) and outcome.changed)
            replayed = 1 - accepted - len(refusals)
            progress = store.Progress(1, accepted, replayed, refusals, Decimal(0), bytes_read, one.row.line)
            with self._engine.begin() as connection:
                store.advance(connection, current.id, progress)

    def _read(self, import_id: int) -> store.Import:
        with self._engine.connect() as connection:
            found = store.read(connection, import_id)
        assert found is not None, "imports are never deleted"
        return found


def _line_done(current: store.Import, path: Path) -> int:
    """Rows that begin in this line of the file or before are done."""
    if current.last_line is not None:
        return current.last_line
    return former.line_reached(path, current.upload.media_type, current.rows) if current.rows else 0


def _judge(upload: store.Upload, rows: Rows) -> Iterator[_Judged]:
    """Each row checked by itself; `latest` runs along also over rows that are done already."""
    latest: datetime | None = None
    for row in rows:
        if row.fault is not None:
            yield _Judged(row, refusal=Refusal(Code.MALFORMED, row.fault, row.field))
            continue
        content = kinds.typed(row.content)
        body = kinds.checked(upload.kind, content)
        if isinstance(body, Refusal):
            yield _Judged(row, refusal=body)
            continue
        if upload.historical and upload.kind not in kinds.NOT_BOOKED:
            refusal = kinds.out_of_order(body, latest)
            if refusal is not None:
                yield _Judged(row, refusal=refusal)
                continue
            latest = body["occurred_at"]
        key = content.pop("key", None)
        if isinstance(key, str):
            # As in the header of a call: spaces at the ends are no part of it. An empty one is a slip.
            key = read_line(key)
        if key is not None and not _can_be_key(key):
            refusal = Refusal(Code.MALFORMED, "key must be text of 1 to 255 printable characters.", "key")
            yield _Judged(row, refusal=refusal)
            continue
        yield _Judged(row, body, content, key)


def _can_be_key(key: object) -> bool:
    return isinstance(key, str) and 1 <= len(key) <= 255 and key.isprintable()


def _linking(one: _Judged) -> _Judged:
    return one if one.body is None else one._replace(cards=(one.body["card"], one.body["other_card"]))


def _commanded(
    upload: store.Upload,
    one: _Judged,
    participant_id: int | None,
    act: Mapping[str, Any],
    enroller: Enroller,
) -> _Judged:
    """A row without a key is known by its place in this very file."""
    assert one.body is not None, "it was judged to be good"
    assert one.said is not None, "it was judged to be good"
    stands = envelope(
        upload.caller,
        participant_id,
        one.key if one.key is not None else str(one.row.number),
        kinds.KINDS[upload.kind].operation,
        one.body,
        one.said,
        act=act,
        historical=upload.historical,
        within=None if one.key is not None else f"{upload.kind}:{upload.file_hash}",
    )
    if upload.kind != kinds.MEMBERS:
        return _Judged(one.row, command=kinds.command(upload.kind, stands, one.body))
    request = enroller.request_of(
        stands.key,
        stands.request_hash,
        stands.caller,
        one.body,
        former_key=stands.former_key,
        former_hashes=stands.former_hashes,
    )
    return _Judged(one.row, enrolment=request)


def _progress(
    batch: list[_Judged], outcomes: Iterator[Outcome | EnrolmentOutcome], bytes_read: int
) -> store.Progress:
    accepted = replayed = 0
    refusals: list[tuple[Row, Refusal]] = []
    members: list[tuple[int, int]] = []
    for one in batch:
        outcome = one.refusal or next(outcomes)
        if isinstance(outcome, Replayed) and outcome.recorded.refusal is not None:
            before = outcome.recorded.refusal
            detail = f"Refused before under this key, which keeps its outcome: {before.detail}"
            outcome = before._replace(detail=detail)
        if isinstance(outcome, Refusal):
            refusals.append((one.row, outcome))
        elif isinstance(outcome, Replayed):
            replayed += 1
            if outcome.recorded.member_id is not None:
                members.append((one.row.number, outcome.recorded.member_id))
        else:
            accepted += 1
            if isinstance(outcome, Enrolled):
                members.append((one.row.number, outcome.member_id))
    last_line = batch[-1].row.line
    return store.Progress(
        len(batch), accepted, replayed, refusals, Decimal(0), bytes_read, last_line, members
    )


def _residue(
    batch: list[_Judged], outcomes: "list[Outcome] | list[EnrolmentOutcome]", directory: Directory
) -> Decimal:
    """What converting the balances of this batch has lost."""
    lost = Decimal(0)
    commands = [one.command for one in batch if one.command is not None]
    for command, outcome in zip(commands, outcomes, strict=True):
        if isinstance(command, Opening) and isinstance(outcome, Posted):
            row = outcome.booking.transaction
            lost += opening.residue(command, row.points, directory.participants[row.acceptor_id])
    return lost
