"""`tongdui verify-statement`."""

import re
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api.cli.context import console, notices, settings_or_fail
from api.secret_keys import sealing_keys_at_hand
from clearing.proof.keys import read_public_key
from settlement.proof.offline import FAULTS_MAX, Verdict, check_file
from settlement.proof.reading import Unreadable

#: At the beginning of the name under which a statement is downloaded.
_NUMBER = re.compile(r"[0-9]{4}-[0-9]{2}-[A-Za-z0-9][A-Za-z0-9_-]*-[0-9]+(?=[. ]|$)")


@click.command("verify-statement")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    "given",
    multiple=True,
    metavar="KEY",
    help="The hub's public key: a file, or the key itself, as PEM or base64. May be given several times.",
)
def verify_statement(file: Path, given: tuple[str, ...]) -> None:
    """Check FILE, a statement as JSON, by itself: no database and no network are needed.

    Its totals are added up again, each line is followed to the signed tree, and the hub's signature is
    checked with the hub's public key (`GET /v1/proof/keys`). Exit 1 if anything was changed. Without
    --public-key the keys of the data folder are taken, if there are any, or else the key in the file itself.
    """
    trusted = _read_keys(given) or _own_keys()
    try:
        with file.open("rb") as content, _progress() as bar:
            task = bar.add_task("", total=None)
            verdict = check_file(content, trusted, lambda lines: bar.advance(task, lines))
    except Unreadable as error:
        raise click.ClickException(f"{file}: {error}.") from error
    if (named := _NUMBER.match(file.name)) and named[0] != verdict.number:
        verdict.add(f"The file has the name of {named[0]}, and holds the statement {verdict.number}.")
    _show(verdict)
    if verdict.faults:
        raise SystemExit(1)


def _read_keys(given: tuple[str, ...]) -> list[Ed25519PublicKey]:
    keys = []
    for one in given:
        try:
            path = Path(one)
            text = path.read_text(encoding="utf-8") if len(one) < 4_096 and path.is_file() else one
            keys.append(read_public_key(text))
        except (ValueError, OSError) as error:
            raise click.BadParameter(f"{error}.", param_hint="--public-key") from error
    return keys


def _own_keys() -> list[Ed25519PublicKey]:
    """Those of this installation, if it has any; a reader elsewhere has none."""
    keys = sealing_keys_at_hand(settings_or_fail())
    return list(keys().public_keys.values()) if keys else []


def _show(verdict: Verdict) -> None:
    for sentence in verdict.faults:
        console.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    if len(verdict.faults) == FAULTS_MAX:
        console.print("… and maybe more.")
    if not verdict.faults:
        console.print(
            f"Statement {verdict.number}: {verdict.lines:,} lines, all as they were sealed in a journal of"
            f" {verdict.tree_size:,} transactions; the totals are theirs, and the hub has signed it.",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
        if not verdict.is_trusted:
            console.print(
                "That it is the hub who signed, the file says itself. Compare the fingerprint of its key with"
                " the one that the hub publishes, or give the key with --public-key.",
                style="yellow", soft_wrap=True,
            )  # fmt: skip
        console.print(f"Fingerprint of the key: {verdict.fingerprint}", highlight=False, soft_wrap=True)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.completed:,.0f} lines"), TimeElapsedColumn(),
        console=notices, transient=True, disable=not notices.is_terminal,
    )  # fmt: skip
