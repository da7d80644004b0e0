"""The second factor: codes of an authenticator app (RFC 6238). A code opens once, and only once.

The secret is kept encrypted with the keys of personal data, bound to its user, as it must be read to check a
code. It counts when a first code of it was given: until then nobody is asked for one.
"""

from collections.abc import Iterator
from datetime import datetime

from pyotp import TOTP, random_base32
from pyotp.utils import strings_equal
from sqlalchemy import Connection, Engine, func, select, update

from clearing.privacy import PersonalData
from users.tables import users

ISSUER = "Tongdui"
STEP_SECONDS = 30
#: Clocks go wrong, and people type slowly: so many steps before and after count, too.
STEPS_ASIDE = 1
PORTION = 500


def uri(secret: str, name: str) -> str:
    """What an authenticator app reads from a QR code."""
    return TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def code_at(secret: str, at: datetime) -> str:
    return TOTP(secret).at(at)


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """The step of the clock whose code this is; None for a code that is wrong or too old."""
    typed = "".join(code.split())
    now = int(at.timestamp()) // STEP_SECONDS
    found = None
    for step in range(now - STEPS_ASIDE, now + STEPS_ASIDE + 1):
        if strings_equal(typed, TOTP(secret).at(step * STEP_SECONDS)):
            found = step
    return found


def begin_enrolment(connection: Connection, personal_data: PersonalData, user_id: int) -> str:
    """The secret to be enrolled: the one begun before, or a new one. There must not be a confirmed one."""
    query = select(users.c.totp_cipher, users.c.totp_confirmed_at).where(users.c.id == user_id)
    row = connection.execute(query.with_for_update()).one()
    assert row.totp_confirmed_at is None, "there is a second factor already"
    if row.totp_cipher is not None:
        return personal_data.decrypt(_field(user_id), bytes(row.totp_cipher))
    secret = random_base32()
    cipher = personal_data.encrypt(_field(user_id), secret)
    connection.execute(update(users).where(users.c.id == user_id).values(totp_cipher=cipher))
    return secret


def accept_code(connection: Connection, personal_data: PersonalData, user_id: int, code: str) -> bool:
    """Whether the code is right and was not used before; the first one confirms the enrolment."""
    now = func.clock_timestamp()
    query = select(users.c.totp_cipher, users.c.totp_step, now.label("now")).where(users.c.id == user_id)
    row = connection.execute(query.with_for_update()).one()
    if row.totp_cipher is None:
        return False
    secret = personal_data.decrypt(_field(user_id), bytes(row.totp_cipher))
    step = step_of(secret, code, row.now)
    if step is None or (row.totp_step is not None and step <= row.totp_step):
        return False
    confirmed = func.coalesce(users.c.totp_confirmed_at, now)
    connection.execute(
        update(users).where(users.c.id == user_id).values(totp_step=step, totp_confirmed_at=confirmed)
    )
    return True


def remove(connection: Connection, user_id: int) -> None:
    """From now on no code is asked for; whoever needs one must enrol anew."""
    connection.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(totp_cipher=None, totp_confirmed_at=None, totp_step=None)
    )


def count_secrets(connection: Connection) -> dict[int, int]:
    """How many secrets each key of personal data guards."""
    key_id = func.get_byte(users.c.totp_cipher, 0)
    query = select(key_id, func.count()).where(users.c.totp_cipher.is_not(None)).group_by(key_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def rotate_secrets(engine: Engine, personal_data: PersonalData, portion: int = PORTION) -> Iterator[int]:
    """Encrypt secrets under an older key with the newest one; how many each portion had.

    Secrets under a key that is not at hand are left as they are.
    """
    last, key_id = -1, func.get_byte(users.c.totp_cipher, 0)
    older = sorted(personal_data.key_ids - {personal_data.current})
    while True:
        with engine.begin() as connection:
            query = (
                select(users.c.id, users.c.totp_cipher)
                .where(users.c.id > last, key_id.in_(older))
                .order_by(users.c.id)
                .limit(portion)
                .with_for_update()
            )
            rows = connection.execute(query).all()
            for row in rows:
                secret = personal_data.decrypt(_field(row.id), bytes(row.totp_cipher))
                cipher = personal_data.encrypt(_field(row.id), secret)
                connection.execute(update(users).where(users.c.id == row.id).values(totp_cipher=cipher))
        if not rows:
            return
        last = rows[-1].id
        yield len(rows)


def _field(user_id: int) -> str:
    return f"totp {user_id}"
