"""A statement's proof: it verifies offline, whatever is changed is found, and it tells nothing of others."""

import copy
import io
import json
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import Engine, text

from clearing.core import leaf
from clearing.core.leaf import HEAD
from clearing.ids import decode
from clearing.proof.keys import SealingKeys, new_sealing_keys, with_new_sealing_key
from clearing.proof.seal import seal
from database import make_engine
from settlement import render
from settlement.close import close_period
from settlement.proof.made import NotProvable, prove
from settlement.proof.offline import Verdict, check_file
from settlement.proof.reading import Unreadable
from settlement.query import StatementHeader, list_statements
from settlement.statement import open_statement
from support import rfc6962
from support.databases import Databases
from support.ledger import Ledger, shanghai
from support.sealing import KEYS, KEYS_TEXT, keys, leaf_data

NOVEMBER = 202611
PUBLIC = list(KEYS.public_keys.values())


@pytest.fixture(scope="module")
def closed(databases: Databases) -> Iterator[Engine]:
    """A month with one of everything in 300 transactions, closed; changed by nobody."""
    with databases.fresh() as url:
        engine = make_engine(url, pool_size=6, application_name="tests")
        with Ledger(engine) as ledger:
            wang = ledger.worked_example()
            ledger.book(ledger.loads(wang, "PINE", 20_000, issuer="JADE"))
            late = ledger.book(ledger.pays_cash(wang, "PINE", 1_000, occurred="2026-10-30 12:00"))[0]
            ledger.book(ledger.reverses(late))
            redeemed = ledger.book(ledger.redeems(wang, "PINE", 300, reference="POS-1"))[0]
            ledger.book(ledger.reverses(redeemed, points=100))
            card = ledger.enrol("LOTUS")
            for _ in range(29):
                ledger.book(*(ledger.pays_cash(card, "LOTUS", 1_000) for _ in range(10)))
            ledger.book(ledger.redeems(card, "PINE", 90), ledger.redeems(wang, "LOTUS", 10))
        with engine.begin() as connection:
            close_period(connection, NOVEMBER, at=shanghai("2026-12-01 00:10"), closed_by="tests")
        yield engine
        engine.dispose()


def headers(engine: Engine) -> dict[str, StatementHeader]:
    with engine.connect() as connection:
        return {one.participant_code: one for one in list_statements(connection, period=NOVEMBER)}


def rendered(engine: Engine, code: str) -> bytes:
    out = io.BytesIO()
    header = headers(engine)[code]
    with engine.connect() as connection:
        statement = open_statement(connection, header.id)
        assert statement is not None
        proof = prove(engine, connection, header, keys)
        render.render(connection, statement._replace(proof=proof), {"json": out})
    return out.getvalue()


def checked(content: bytes | dict[str, Any]) -> Verdict:
    file = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return check_file(io.BytesIO(file), PUBLIC)


@pytest.fixture(scope="module")
def jade(closed: Engine) -> bytes:
    return rendered(closed, "JADE")


@pytest.mark.parametrize("code", ["JADE", "LOTUS", "PINE"])
def test_a_statement_verifies_without_a_database(closed: Engine, code: str) -> None:
    content = rendered(closed, code)
    document = json.loads(content)
    verdict = checked(content)
    assert verdict.faults == []
    assert verdict.is_trusted
    assert (verdict.number, verdict.lines) == (f"2026-11-{code}-1", len(document["detail"]))
    assert verdict.lines > 3
    assert verdict.tree_size > 256


def test_made_again_it_is_the_same_also_after_more_business_and_a_new_key(databases: Databases) -> None:
    with databases.fresh() as url:
        engine = make_engine(url, pool_size=6, application_name="tests")
        with Ledger(engine) as ledger:
            wang = ledger.worked_example()
            with engine.begin() as connection:
                close_period(connection, NOVEMBER, at=shanghai("2026-12-01 00:10"), closed_by="tests")
            content = rendered(engine, "JADE")
            ledger.now = shanghai("2026-12-05 10:00")
            ledger.book(ledger.spends(wang, "LOTUS", 1_000))
        renewed = SealingKeys.from_text(with_new_sealing_key(KEYS_TEXT)[0])
        seal(engine, lambda: renewed)
        assert rendered(engine, "JADE") == content
        other = SealingKeys.from_text(new_sealing_keys().replace('"1"', '"7"').replace(": 1}", ": 7}"))
        with engine.connect() as connection, pytest.raises(NotProvable, match="key 1, which is not at hand"):
            prove(engine, connection, headers(engine)["JADE"], lambda: other)
        engine.dispose()


def test_a_period_that_cannot_be_sealed_has_no_proof(engine: Engine) -> None:
    with Ledger(engine) as ledger:
        ledger.worked_example()
        with engine.begin() as connection:
            close_period(connection, NOVEMBER, at=shanghai("2026-12-01 00:10"), closed_by="tests")
            connection.execute(text("DELETE FROM transactions WHERE kind = 3 OR kind = 4"))
    with engine.connect() as connection, pytest.raises(NotProvable, match="verify"):
        prove(engine, connection, headers(engine)["JADE"], keys)


def test_what_is_published_is_the_tree_of_the_rfc(closed: Engine, jade: bytes) -> None:
    """From the file's own numbers, with nothing of the program's but the documented bytes of a row."""
    document = json.loads(jade)
    with closed.connect() as connection:
        data = leaf_data(connection)
    head = document["proof"]["head"]
    assert head["size"] == len(data)
    assert head["root"] == rfc6962.tree_hash(data).hex()
    for line in document["detail"]:
        proof = line["proof"]
        path = _cut(proof["path"]) + _cut(document["tiles"][str(proof["leaf"] // 256)])
        assert path == rfc6962.path(proof["leaf"], data)
    line = document["detail"][0]
    wallet_id, id_ = decode("txn", line["transaction"], 2) or (0, 0)
    with closed.connect() as connection:
        row = (
            connection.execute(text("SELECT * FROM transactions WHERE id = :id"), {"id": id_}).one()._mapping
        )
    assert row["wallet_id"] == wallet_id
    head_part = leaf.row_bytes(HEAD, dict(row))
    commitment = sha256(_cut(line["proof"]["parts"])[0] + head_part).digest()
    assert data[line["proof"]["leaf"]][:32] == commitment


def _cut(text_: str) -> list[bytes]:
    content = b64decode(text_)
    return [content[start : start + 32] for start in range(0, len(content), 32)]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a document that is no list or object, and of each name."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))
    else:
        yield path


def changes(value: Any) -> Iterator[Any]:
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            yield -value if value else 7
        case str():
            yield value + "x"
            if value:
                yield ("b" if value[0] == "a" else "a") + value[1:]
        case None:
            yield 1
            yield "x"


def changed(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    other = copy.deepcopy(document)
    place: Any = other
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return other


def is_caught(content: bytes | dict[str, Any]) -> bool:
    try:
        return bool(checked(content).faults)
    except Unreadable:
        return True


@pytest.mark.parametrize("code", ["JADE", "PINE"])
def test_whatever_is_changed_is_caught(closed: Engine, code: str) -> None:
    document = json.loads(rendered(closed, code))
    assert not is_caught(document)
    missed = []
    tried = 0
    for path in places(document):
        value = document
        for step in path:
            value = value[step]
        for other in changes(value):
            tried += 1
            if not is_caught(changed(document, path, other)):
                missed.append((path, value, other))
    assert missed == []
    assert tried > 500


def test_the_line_with_a_changed_figure_is_named(jade: bytes) -> None:
    document = json.loads(jade)
    bound = set(document["detail"][0]) - {"member", "proof"}
    for index, line in enumerate(document["detail"]):
        for name in bound:
            other = next(changes(line[name]))
            faults = checked(changed(document, ("detail", index, name), other)).faults
            assert any(f"Line {index + 1}" in one for one in faults), (line, name, faults)


def test_a_wrong_total_is_named_with_what_it_should_be(jade: bytes) -> None:
    document = json.loads(jade)
    for path, sentence in (
        (("statement", "payable"), "The summary's payable is"),
        (("statement", "fees_vat"), "The summary's fees_vat is"),
        (("statement", "net"), "receivable less payable less fees, with"),
        (("matrix", 0, "amount"), "of the matrix: amount is"),
        (("merchants", 0, "points"), "of the merchants: points is"),
        (("points", "issued"), "Of points, issued is"),
        (("points", "opening"), "Of points, closing is"),
        (("points", "outstanding", 0, "points"), "Of points, outstanding comes to"),
        (("stored_value", "spent_elsewhere"), "Of stored_value, spent_elsewhere is"),
        (("stored_value", "closing"), "Of stored_value, closing is"),
        (("lines",), "It says that it has"),
    ):
        value: Any = document
        for step in path:
            value = value[step]
        faults = checked(changed(document, path, value + 1)).faults
        assert any(sentence in one for one in faults), (path, faults)


def test_a_line_or_a_row_that_is_gone_moved_or_there_twice_is_caught(jade: bytes) -> None:
    document = json.loads(jade)
    for list_ in ("detail", "matrix", "merchants"):
        rows = document[list_]
        for other in (rows[1:], rows[:-1], [rows[0], *rows], [*rows, rows[0]], rows[::-1], []):
            assert other == rows or is_caught({**document, list_: other}), list_
    for name in document:
        without = {key: value for key, value in document.items() if key != name}
        assert is_caught(without), name
    assert is_caught({**document, "further": 1})
    assert is_caught(changed(document, ("detail", 0, "further"), 1))


def test_signed_by_somebody_else_it_is_not_the_hubs(closed: Engine, jade: bytes) -> None:
    other = SealingKeys.from_text(new_sealing_keys())
    faults = check_file(io.BytesIO(jade), list(other.public_keys.values())).faults
    assert len(faults) == 1
    assert "not the hub's" in faults[0]
    alone = check_file(io.BytesIO(jade), ())
    assert (alone.faults, alone.is_trusted) == ([], False)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe",
        b'{"statement": {}, "detail": []}',
        b'{"statement": {}, "matrix": [], "proof": {}, "detail": []}',
        b'{"statement": {}, "statement": {}}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)
def test_what_is_no_statement_is_told_apart(content: bytes) -> None:
    with pytest.raises(Unreadable):
        checked(content)


def test_a_name_that_comes_twice_is_not_read(jade: bytes) -> None:
    twice = jade.replace(b'"points": ', b'"points": 1, "points": ', 1)
    with pytest.raises(Unreadable, match="twice"):
        checked(twice)


def test_a_file_that_ends_early_is_not_read(jade: bytes) -> None:
    for end in (0, len(jade) // 3, len(jade) // 2, len(jade) - 3):
        with pytest.raises(Unreadable, match=r"download it again|no longer"):
            checked(jade[:end])
    with pytest.raises(Unreadable, match="download it again"):
        checked(jade[: jade.index(b",")])


def test_spaces_and_the_order_of_members_do_not_matter(jade: bytes) -> None:
    document = json.loads(jade)
    assert checked(json.dumps(document, indent=3).encode()).faults == []


def test_nothing_of_another_participants_business_is_in_it(closed: Engine) -> None:
    """PINE is not told what else a member did, nor the legs of others, nor the card."""
    with closed.connect() as connection:
        cards = connection.execute(text("SELECT DISTINCT card_number FROM transactions")).scalars().all()
        posted_by = connection.execute(text("SELECT DISTINCT posted_by FROM transactions")).scalars().all()
    content = rendered(closed, "PINE").decode()
    for secret in (*cards, *posted_by):
        assert secret is None or secret not in content
    for line in json.loads(content)["detail"]:
        assert set(line["proof"]) == {
            "leaf", "leg", "legs", "entries", "microseconds", "fee_rule", "other_fee", "original_period",
            "parts", "path",
        }  # fmt: skip


def test_other_formats_and_a_statement_without_a_proof_stay_as_they_were(closed: Engine) -> None:
    header = headers(closed)["JADE"]
    with closed.connect() as connection:
        statement = open_statement(connection, header.id)
        assert statement is not None
        out = io.BytesIO()
        render.render(connection, statement, {"json": out})
    document = json.loads(out.getvalue())
    assert "proof" not in document
    assert "proof" not in document["detail"][0]
