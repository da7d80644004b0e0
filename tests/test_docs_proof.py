"""The recipes of docs/proof.md, followed to the letter by other people's tools."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from clearing.core import merkle
from clearing.proof.heads import read_head
from clearing.proof.shown import read_parts
from clearing.proof.tree import Tree
from settlement import render
from settlement.close import close_period
from settlement.proof.made import head_json, prove
from settlement.query import list_statements
from settlement.statement import open_statement
from support.ledger import Ledger, shanghai
from support.sealing import keys, seal_all

PAGE = (Path(__file__).parents[1] / "docs" / "proof.md").read_text(encoding="utf-8")


def recipe(language: str) -> str:
    """The last block of that language on the page."""
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[-1])


@pytest.mark.parametrize("number", [0, 5, 8])
def test_the_proof_of_a_transaction_with_the_standard_library_alone(engine: Engine, number: int) -> None:
    with Ledger(engine) as ledger:
        card = ledger.enrol("JADE")
        booked = ledger.book(*(ledger.pays_cash(card, "JADE", 1_000) for _ in range(9)))
    seal_all(engine)
    row = booked[number].transaction
    with engine.connect() as connection:
        head = read_head(connection)
        assert head is not None
        parts = read_parts(connection, row.wallet_id, row.id)
        path = Tree(connection).inclusion(number, head.size)
    proof = {
        "leaf": number,
        "parts": [{"hash": part.commitment.hex()} for part in parts],
        "path": [one.hex() for one in path],
        "head": head_json(head),
    }
    assert _run(proof) == 0
    assert merkle.inclusion_spans(number, head.size)
    proof["leaf"] = (number + 1) % 9
    assert _run(proof) != 0


def _run(proof: dict[str, object]) -> int:
    command = [sys.executable, "-I", "-c", recipe("python")]
    return subprocess.run(
        command, input=json.dumps(proof), text=True, capture_output=True, check=False
    ).returncode


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "openssl", "jq", "xxd", "base64"))), reason="needs openssl, jq and xxd"
)
def test_the_signature_of_a_head_with_openssl(engine: Engine, tmp_path: Path) -> None:
    with Ledger(engine) as ledger:
        ledger.worked_example()
        with engine.begin() as connection:
            close_period(connection, 202611, at=shanghai("2026-12-01 00:10"), closed_by="tests")
    out = io.BytesIO()
    with engine.connect() as connection:
        header = list_statements(connection)[0]
        statement = open_statement(connection, header.id)
        assert statement is not None
        proof = prove(engine, connection, header, keys)
        render.render(connection, statement._replace(proof=proof), {"json": out})
    (tmp_path / "2026-10-LOTUS-1.json").write_bytes(out.getvalue())
    command = [shutil.which("bash") or "", "-ec", recipe("sh")]
    ran = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert "Verified Successfully" in ran.stdout, ran.stderr
