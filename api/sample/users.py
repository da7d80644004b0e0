"""People of the sample alliance who may log in; only we can read the file of their passwords."""

import json
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from api.sample.keys import write_private
from api.sample.members import MADE_BY
from clearing.alliance import read_merchant, read_participant
from clearing.core.commands import Scope
from config import Settings
from users.accounts import add_user, read_user, set_password
from users.passwords import hashed, temporary_password

SAMPLE_USERS_FILE = "sample-users.json"

#: Name, full name, scope, participant, merchant.
PEOPLE = [
    ("desk", "前台 李娜", Scope.MERCHANT, "LOTUS", "LOTUS-HZ"),
    ("finance", "财务 周敏", Scope.FINANCE, "LOTUS", None),
    ("admin", "管理员 吴刚", Scope.PARTICIPANT, "LOTUS", None),
    ("operator", "平台 陈静", Scope.OPERATOR, None, None),
    ("operator2", "平台 赵磊", Scope.OPERATOR, None, None),
    ("auditor", "审计 孙悦", Scope.AUDITOR, None, None),
]


class SampleUser(NamedTuple):
    label: str
    name: str
    password: str


def read_sample_users(settings: Settings) -> list[SampleUser]:
    """The people of the sample alliance; none if they were never made."""
    try:
        content = json.loads((settings.data_dir / SAMPLE_USERS_FILE).read_text(encoding="utf-8"))
        return [SampleUser(**one) for one in content]
    except (OSError, ValueError, TypeError):
        return []


def make_sample_users(engine: Engine, settings: Settings) -> None:
    """Make them, if the file is not there; who was made by a start that was cut off gets a new password."""
    if (settings.data_dir / SAMPLE_USERS_FILE).exists():
        return
    with engine.begin() as connection:
        made = [_make(connection, *person) for person in PEOPLE]
    write_private(settings, SAMPLE_USERS_FILE, [user._asdict() for user in made if user is not None])


def _make(
    connection: Connection, name: str, full_name: str, scope: Scope, code: str | None, desk: str | None
) -> SampleUser | None:
    """None if somebody else has the name."""
    participant = read_participant(connection, code) if code else None
    merchant = read_merchant(connection, desk) if desk else None
    password = temporary_password()
    added = add_user(
        connection,
        name,
        full_name,
        scope,
        hashed(password),
        made_by=MADE_BY,
        participant_id=participant.id if participant else None,
        merchant_id=merchant.id if merchant else None,
        temporary=False,
    )
    if added is None:
        user = read_user(connection, name)
        if user is None or user.made_by != MADE_BY:
            return None
        set_password(connection, user.id, hashed(password), temporary=False)
    return SampleUser(f"{scope.value}{f' {desk or code}' if code else ''}", name, password)
