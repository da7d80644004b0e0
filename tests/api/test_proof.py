"""Proofs over HTTP: they hold, and show nobody more than it may see."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from api.cli import main
from clearing.core import leaf, merkle
from clearing.core.leaf import FORMS
from clearing.proof.heads import signed_bytes
from clearing.proof.keys import fingerprint, is_signed, read_public_key
from clearing.proof.seal import seal
from settlement.proof.lines import unpacked
from support import rfc6962
from support.alliance import LI, SEALING_KEYS, WANG, Alliance
from support.api import Caller, code, detail, good
from support.sealing import leaf_data


class Acts(NamedTuple):
    redemption: dict[str, Any]
    data: list[bytes]


@pytest.fixture(scope="module")
def acts(shared: Alliance) -> Acts:
    """One redemption of Wang's (JADE and LOTUS points) at LOTUS-1 among others, sealed at two times."""
    desk = shared.merchant("LOTUS-1")
    good(desk.post("/v1/accruals", {"card": LI, "merchant": "LOTUS-1", "amount": 10_000}))
    seal(shared.services.engine, shared.services.sealing_keys)
    body = {"card": WANG, "merchant": "LOTUS-1", "points": 4000, "metadata": {"till": "7", "早餐": "是"}}
    redemption = good(desk.post("/v1/redemptions", body))
    refused = desk.get(f"/v1/transactions/{redemption['id']}/proof")
    assert code(refused) == "not_found"
    assert "not sealed yet" in detail(refused)
    seal(shared.services.engine, shared.services.sealing_keys)
    with shared.services.engine.connect() as connection:
        return Acts(redemption, leaf_data(connection))


def proof(caller: Caller, acts: Acts) -> Any:
    return good(caller.get(f"/v1/transactions/{acts.redemption['id']}/proof"))


def test_the_public_keys_are_there_for_anybody(shared: Alliance) -> None:
    [key] = good(shared.app.test_client().get("/v1/proof/keys"))["data"]
    assert (key["id"], key["algorithm"], key["current"]) == (1, "Ed25519", True)
    assert fingerprint(read_public_key(key["public_key"])) == key["fingerprint"]


def test_heads_are_signed_and_are_those_of_the_rfc(shared: Alliance, acts: Acts) -> None:
    [key] = good(shared.app.test_client().get("/v1/proof/keys"))["data"]
    heads = good(shared.merchant("JADE-1").get("/v1/proof/heads"))["data"]
    assert [head["size"] for head in heads] == sorted((head["size"] for head in heads), reverse=True)
    assert heads[0]["size"] == len(acts.data)
    for head in heads:
        assert head["root"] == rfc6962.tree_hash(acts.data[: head["size"]]).hex()
        message = signed_bytes(head["size"], bytes.fromhex(head["root"]), head["timestamp"])
        assert is_signed(read_public_key(key["public_key"]), unpacked(head["signature"]), message)
        assert good(shared.auditor.get(f"/v1/proof/heads/{head['size']}")) == head
    first_page = good(shared.auditor.get("/v1/proof/heads?limit=1"))
    second_page = good(shared.auditor.get(f"/v1/proof/heads?limit=1&cursor={first_page['next_cursor']}"))
    assert [first_page["data"][0], second_page["data"][0]] == heads[:2]


def test_a_later_head_begins_with_an_earlier_one(shared: Alliance, acts: Acts) -> None:
    newest, *earlier = good(shared.auditor.get("/v1/proof/heads"))["data"]
    assert earlier
    for head in earlier:
        found = good(shared.finance("PINE").get(f"/v1/proof/consistency?first={head['size']}"))
        assert (found["first"], found["second"]) == (head, newest)
        path = [bytes.fromhex(one) for one in found["path"]]
        assert path == rfc6962.proof(head["size"], acts.data)
        assert merkle.is_consistent(
            head["size"], newest["size"], bytes.fromhex(head["root"]), bytes.fromhex(newest["root"]), path
        )


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/proof/heads/77777", "not_found"),
        ("/v1/proof/heads/x", "not_found"),
        ("/v1/proof/heads/-1", "not_found"),
        (f"/v1/proof/heads/{'9' * 30}", "not_found"),
        ("/v1/proof/consistency", "malformed"),
        ("/v1/proof/consistency?first=77777", "not_found"),
        ("/v1/proof/consistency?first=x", "not_found"),
        ("/v1/transactions/txn_none/proof", "transaction_unknown"),
    ],
)
def test_what_is_not_there_has_no_proof(shared: Alliance, acts: Acts, path: str, found: str) -> None:
    assert code(shared.operator.get(path)) == found


def test_heads_the_wrong_way_round_are_told(shared: Alliance, acts: Acts) -> None:
    newest, earlier = good(shared.auditor.get("/v1/proof/heads"))["data"][:2]
    path = f"/v1/proof/consistency?first={newest['size']}&second={earlier['size']}"
    assert code(shared.operator.get(path)) == "malformed"


def test_a_proof_of_a_transaction_leads_to_the_head(shared: Alliance, acts: Acts) -> None:
    for caller in (shared.operator, shared.auditor, shared.participant("LOTUS"), shared.finance("JADE")):
        found = proof(caller, acts)
        data = b"".join(_commitment(part) for part in found["parts"])
        assert data == acts.data[found["leaf"]]
        assert merkle.leaf_hash(data).hex() == found["leaf_hash"]
        path = [bytes.fromhex(one) for one in found["path"]]
        assert path == rfc6962.path(found["leaf"], acts.data)
        assert found["head"]["root"] == rfc6962.tree_hash(acts.data).hex()


def _commitment(part: dict[str, Any]) -> bytes:
    """Of a row that is shown, from what is shown of it."""
    if part["values"] is None:
        return bytes.fromhex(part["hash"])
    form = next(one for one in FORMS if one.name == part["form"])
    times = {column.name for column in form.columns if column.type == "timestamptz"}
    values = {
        name: datetime.fromisoformat(value) if name in times else value
        for name, value in part["values"].items()
    }
    made = leaf.commitment(bytes.fromhex(part["salt"]), leaf.row_bytes(form, values))
    assert made.hex() == part["hash"]
    return made


def test_everybody_is_shown_its_own_rows_and_of_others_a_hash(shared: Alliance, acts: Acts) -> None:
    whole = proof(shared.operator, acts)
    names = [part["form"].split(".")[1] for part in whole["parts"]]
    assert names[:4] == ["transaction", "private", "leg", "leg"]
    assert set(names[4:]) == {"entry"}
    assert all(part["values"] for part in whole["parts"])
    assert whole["parts"][1]["values"]["metadata"] == {"till": "7", "早餐": "是"}

    acceptor = proof(shared.merchant("LOTUS-1"), acts)
    hidden = [part["form"] for part in acceptor["parts"] if part["values"] is None]
    assert hidden == ["tongdui.private.1"]

    issuer = proof(shared.participant("JADE"), acts)
    shown = [part for part in issuer["parts"] if part["values"] is not None]
    hidden_parts = [part for part in issuer["parts"] if part["values"] is None]
    jade = next(part["values"]["issuer_id"] for part in shown if part["form"] == "tongdui.leg.1")
    assert [part["form"] for part in shown].count("tongdui.leg.1") == 1
    assert "tongdui.private.1" in {part["form"] for part in hidden_parts}
    assert all(part["salt"] is None for part in hidden_parts)
    for part in shown:
        if part["form"] == "tongdui.entry.1":
            assert jade in (part["values"]["debit"], part["values"]["credit"])
    assert WANG not in json.dumps(issuer)


def test_who_does_not_see_a_transaction_gets_no_proof_of_it(shared: Alliance, acts: Acts) -> None:
    path = f"/v1/transactions/{acts.redemption['id']}/proof"
    for caller in (shared.participant("PINE"), shared.merchant("LOTUS-2"), shared.finance("PINE")):
        assert code(caller.get(path)) == "transaction_unknown"


def test_a_statement_downloaded_verifies_on_the_command_line_without_a_database(
    alliance: Alliance, tmp_path: Path
) -> None:
    body = {"card": WANG, "merchant": "LOTUS-1", "points": 4000}
    posted = good(alliance.operator.post("/v1/redemptions", body))
    good(alliance.operator.post(f"/v1/periods/{posted['period']}/close", {"early": True}))
    found = good(alliance.finance("JADE").get("/v1/statements"))["data"][0]
    response = alliance.finance("JADE").get(f"/v1/statements/{found['id']}.json")
    assert response.data == alliance.operator.get(f"/v1/statements/{found['id']}.json").data
    file, key_file = tmp_path / "statement.json", tmp_path / "hub.pem"
    file.write_bytes(response.data)
    [key] = good(alliance.app.test_client().get("/v1/proof/keys"))["data"]
    key_file.write_text(key["public_key"])

    def verified(*arguments: object, **environment: str) -> tuple[int, str]:
        variables = {"TONGDUI_DATA": str(tmp_path / "nowhere"), "DATABASE_URL": "", **environment}
        result = CliRunner().invoke(main, ["verify-statement", *map(str, arguments)], env=variables)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.output

    status, output = verified(file, "--public-key", key_file)
    assert (status, "as they were sealed" in output, key["fingerprint"] in output) == (0, True, True)
    assert "the file says itself" not in output
    assert verified(file, "--public-key", key["public_key"])[0] == 0
    assert verified(file, TONGDUI_SEALING_KEYS=SEALING_KEYS)[0] == 0
    status, output = verified(file)
    assert (status, "the file says itself" in output) == (0, True)
    assert verified(file, "--public-key", "none")[0] == 2

    # Two files that were swapped are each as good as before, but not what their names say.
    for name, expected in (
        ("2026-10-LOTUS-1.json", 1), (f"{found['number']}.json", 0), (f"{found['number']} (1).json", 0)
    ):  # fmt: skip
        (tmp_path / name).write_bytes(response.data)
        status, output = verified(tmp_path / name, "--public-key", key_file)
        assert status == expected, name
        told = f"The file has the name of 2026-10-LOTUS-1, and holds the statement {found['number']}."
        assert (told in output) == bool(expected)

    file.write_bytes(b"\xef\xbb\xbfline,transaction")
    status, output = verified(file)
    assert (status, "the statement's file that ends in .json" in output) == (1, True)

    document = json.loads(response.data)
    document["detail"][0]["points"] += 1
    file.write_text(json.dumps(document, ensure_ascii=False))
    status, output = verified(file, "--public-key", key_file)
    assert status == 1
    assert "Line 1" in output
    file.write_text("{}")
    assert verified(file)[0] == 1
    assert not (tmp_path / "nowhere").exists()
