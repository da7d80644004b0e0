"""API keys of the sample alliance. A key is shown once, so these are kept in a file that only we can read."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from api.sample.members import MADE_BY, MERCHANTS, VISITOR
from clearing.alliance import read_merchant, read_participant
from clearing.core.commands import Scope
from clearing.keys import list_keys, make_key, revoke_key
from config import Settings

SAMPLE_KEYS_FILE = "sample-keys.json"

#: At this desk the visitor's card is to be tried.
VISITED = "LOTUS-HZ"
KEYS_MAX = 10_000


class SampleKey(NamedTuple):
    """`card`: a card worth looking at with this key, if there is one."""

    label: str
    key: str
    card: str | None = None


def read_sample_keys(settings: Settings) -> list[SampleKey]:
    """The keys of the sample alliance; none if it was never loaded."""
    try:
        content = json.loads((settings.data_dir / SAMPLE_KEYS_FILE).read_text(encoding="utf-8"))
        return [SampleKey(**one) for one in content]
    except (OSError, ValueError, TypeError):
        return []


def make_sample_keys(connection: Connection) -> list[SampleKey]:
    """New keys; those that an earlier load made and did not come to write down are revoked."""
    for key in list_keys(connection, None, None, KEYS_MAX):
        if key.name.startswith(f"{MADE_BY}: "):
            revoke_key(connection, key.id)
    found = [SampleKey("operator", _key(connection, Scope.OPERATOR, "operator"))]
    for code, outlets in MERCHANTS.items():
        participant = read_participant(connection, code)
        assert participant is not None, "the sample's participants were admitted before"
        for scope in (Scope.PARTICIPANT, Scope.FINANCE):
            label = f"{code} {scope.value}"
            found.append(SampleKey(label, _key(connection, scope, label, participant.id)))
        desk = outlets[0][0]
        merchant = read_merchant(connection, desk)
        assert merchant is not None, "the sample's merchants were admitted before"
        label = f"{desk} desk"
        text = _key(connection, Scope.MERCHANT, label, participant.id, merchant.id)
        found.append(SampleKey(label, text, VISITOR.card if desk == VISITED else None))
    return found


def write_sample_keys(settings: Settings, keys: list[SampleKey]) -> Path:
    """Write the file of the keys."""
    return write_private(settings, SAMPLE_KEYS_FILE, [key._asdict() for key in keys])


def write_private(settings: Settings, name: str, content: object) -> Path:
    """Write a file of the data folder that only we can read, whole or not at all."""
    path = settings.data_dir / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path


def _key(
    connection: Connection,
    scope: Scope,
    label: str,
    participant_id: int | None = None,
    merchant_id: int | None = None,
) -> str:
    return make_key(
        connection,
        scope,
        f"{MADE_BY}: {label}",
        participant_id=participant_id,
        merchant_id=merchant_id,
        made_by=MADE_BY,
    )[0]
