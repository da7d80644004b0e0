"""`tongdui keys`: the keys of names, phones and secrets, and those that seal the journal."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine

from api.cli.context import console, notices, settings_or_fail
from api.cli.opened import opened_engine
from api.key_file import add_key
from api.secret_keys import KEYS_FILE, SEALING_KEYS_FILE, load_personal_data, load_sealing_keys
from clearing import ids
from clearing.privacy import PersonalData, with_new_key
from clearing.proof.keys import SealingKeys, fingerprint, pem, with_new_sealing_key
from clearing.rotation import KeyUse, Rotated, count_old, read_key_use, rotate
from config import Settings
from users import totp
from webhooks import signing

VARIABLE = "TONGDUI_PERSONAL_DATA_KEYS"
SEALING_VARIABLE = "TONGDUI_SEALING_KEYS"
UNREADABLE_SHOWN = 10


@click.group("keys")
def keys() -> None:
    """Look after the keys of names, phones and secrets, and those that seal the journal."""


@keys.command()
@click.option("--sealing", is_flag=True, help="Of the keys that seal the journal.")
def add(sealing: bool) -> None:
    """Make a new key, which encrypts from now on; the older ones go on decrypting.

    With --sealing it signs from now on; what the older ones have signed stays good.
    """
    settings = settings_or_fail()
    if sealing:
        _add_sealing_key(settings)
        return
    if settings.personal_data_keys is not None:
        current = load_personal_data(settings)
        raise click.ClickException(
            f"The keys come from {VARIABLE}, which only you can change. In its text give `keys` one more"
            f' entry, "{max(current.key_ids) + 1}": 64 hexadecimal digits, as `openssl rand -hex 32` makes'
            " them, and let `current` name it. Keep all older entries, and `index` as it is. Restart every"
            " server with the new text, then run `tongdui keys rotate` with it."
        )
    _add(_key_file(settings), with_new_key)
    console.print(
        "Copy the file to your backup, and to every other server of this alliance. Restart the servers; then"
        " `tongdui keys rotate` takes over what older keys encrypted."
    )


@keys.command()
@click.option("--sealing", is_flag=True, help="Show the public halves of the keys that seal the journal.")
def status(sealing: bool) -> None:
    """Show how many names, phones and secrets each key guards; exit 1 if one they need is missing."""
    settings = settings_or_fail()
    if sealing:
        _show_sealing(load_sealing_keys(settings)())
        return
    personal_data = _personal_data(settings)
    with opened_engine() as engine:
        used, secrets = _key_use(engine)
    _show(used, secrets, personal_data)
    _fail_if_missing(used, secrets, personal_data)


@keys.command("rotate")
def rotate_keys() -> None:
    """Encrypt all names, phones and secrets with the newest key.

    Safe to stop and to run again, and beside running servers; they must know the newest key.
    """
    personal_data = _personal_data(settings_or_fail())
    with opened_engine() as engine:
        done = _rotate(engine, personal_data)
        endpoints = sum(signing.rotate_secrets(engine, personal_data))
        factors = sum(totp.rotate_secrets(engine, personal_data))
        used, secrets = _key_use(engine)
    console.print(
        f"{done.members:,} members: {done.names:,} names and {done.phones:,} phones are now under key"
        f" {personal_data.current}.",
        highlight=False,
    )
    if endpoints:
        console.print(f"{endpoints:,} webhook endpoints: their secrets, too.", highlight=False)
    if factors:
        console.print(f"{factors:,} users: their second factors, too.", highlight=False)
    if done.unreadable:
        shown = ", ".join(map(ids.member_id, done.unreadable[:UNREADABLE_SHOWN]))
        raise click.ClickException(
            f"{len(done.unreadable):,} members were left: their key does not open what is stored. Either it"
            f" is another key of the same number, or the data was changed. The first: {shown}."
        )
    _fail_if_missing(used, secrets, personal_data)


def _add(path: Path, extend: Callable[[str], tuple[str, int]]) -> None:
    try:
        key_id = add_key(path, extend)
    except ValueError as error:
        raise click.ClickException(f"{path}: {error}.") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be changed: {error.strerror}.") from error
    console.print(f"Key {key_id} was added to {path}.", markup=False, highlight=False, soft_wrap=True)


def _add_sealing_key(settings: Settings) -> None:
    keys_now = load_sealing_keys(settings)()
    if settings.sealing_keys is not None:
        raise click.ClickException(
            f"The keys come from {SEALING_VARIABLE}, which only you can change. In its text give `sealing`"
            f' one more entry, "{max(keys_now.public_keys) + 1}": 64 hexadecimal digits, as'
            " `openssl rand -hex 32` makes them, and let `current` name it. Keep all older entries. Restart"
            " every server with it."
        )
    _add(settings.data_dir / SEALING_KEYS_FILE, with_new_sealing_key)
    console.print(
        "It signs from the next seal on. Copy the file to your backup, and to every other server of this"
        " alliance; tell the participants that there is a new public key (`tongdui keys status --sealing`,"
        " `GET /v1/proof/keys`). Keep the older keys: statements of closed months are signed with them."
    )


def _rotate(engine: Engine, personal_data: PersonalData) -> Rotated:
    """All portions, added up."""
    done = Rotated(0, 0, 0, [])
    with engine.connect() as connection:
        total = count_old(connection, personal_data)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=notices, disable=not notices.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("Members", total=total)
        for portion in rotate(engine, personal_data):
            done = Rotated(
                done.members + portion.members,
                done.names + portion.names,
                done.phones + portion.phones,
                done.unreadable + portion.unreadable,
            )
            bar.update(task, advance=portion.members + len(portion.unreadable))
    return done


def _personal_data(settings: Settings) -> PersonalData:
    if settings.personal_data_keys is None:
        _key_file(settings)
    return load_personal_data(settings)


def _key_file(settings: Settings) -> Path:
    """The file of the keys; that of a mistyped folder must not be made."""
    path = settings.data_dir / KEYS_FILE
    if not path.is_file():
        raise click.ClickException(
            f"There are no keys in {path}. Set TONGDUI_DATA to the folder that the server uses, or"
            f" {VARIABLE}; the first start makes the keys."
        )
    return path


def _key_use(engine: Engine) -> tuple[list[KeyUse], dict[int, int]]:
    """Of names and phones, and how many secrets of webhooks and second factors by key."""
    with engine.connect() as connection:
        secrets = Counter(signing.count_secrets(connection))
        secrets.update(totp.count_secrets(connection))
        return read_key_use(connection), dict(secrets)


def _show(used: list[KeyUse], secrets: dict[int, int], personal_data: PersonalData) -> None:
    unused = (personal_data.key_ids | secrets.keys()) - {one.key_id for one in used}
    table = Table("key")
    for name in ("names", "phones", "secrets"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in sorted([*used, *(KeyUse(key_id, 0, 0) for key_id in unused)]):
        if one.key_id == personal_data.current:
            note = Text("encrypts")
        else:
            note = Text("decrypts") if one.key_id in personal_data.key_ids else Text("missing", "red")
        count = secrets.get(one.key_id, 0)
        table.add_row(str(one.key_id), f"{one.names:,}", f"{one.phones:,}", f"{count:,}", note)
    console.print(table)


def _show_sealing(sealing_keys: SealingKeys) -> None:
    for key_id, public_key in sealing_keys.public_keys.items():
        note = "signs" if key_id == sealing_keys.current else "has signed"
        heading = f"Key {key_id} {note}. Fingerprint: {fingerprint(public_key)}"
        console.print(f"{heading}\n{pem(public_key)}", markup=False, highlight=False, soft_wrap=True)


def _fail_if_missing(used: list[KeyUse], secrets: dict[int, int], personal_data: PersonalData) -> None:
    missing = sorted(({one.key_id for one in used} | secrets.keys()) - personal_data.key_ids)
    if missing:
        raise click.ClickException(
            f"Nobody can read what is under key {', '.join(map(str, missing))}: it is not among the keys at"
            " hand. Restore it from your backup."
        )
