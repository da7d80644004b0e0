"""Making ready what the settings name: the database and the keys."""

from collections.abc import Callable

from sqlalchemy import Engine, func, select

from api.key_file import make_key_file, read_key_file
from clearing.alliance import found_alliance
from clearing.core.commands import Scope
from clearing.core.rulebook import AllianceSettings
from clearing.directory import read_rulebook
from clearing.keys import accept_bootstrap_key, has_operator_key, make_key
from clearing.periods import open_period_for, read_periods
from clearing.privacy import PersonalData
from clearing.proof.keys import SealingKeys, new_sealing_keys
from config import Settings, SettingsError
from database import make_engine, migrations

KEYS_FILE = "keys/personal-data.json"
SEALING_KEYS_FILE = "keys/sealing.json"


def prepare(settings: Settings, database_url: str) -> str | None:
    """Bring the tables up to date, found the alliance, let an operator in.

    Returns the text of an operator key if one was made, to be shown this once: at the first start without
    TONGDUI_BOOTSTRAP_KEY. Raises SettingsError for a bootstrap key or other keys that are none.
    """
    migrations.upgrade(database_url)
    load_personal_data(settings)
    load_sealing_keys(settings)
    engine = make_engine(database_url, pool_size=1, application_name="tongdui-setup")
    try:
        return _prepare(settings, engine)
    finally:
        engine.dispose()


def load_personal_data(settings: Settings) -> PersonalData:
    """The keys of names and phones: from the settings, or from a file of the data folder, made if absent.

    Raises SettingsError if they are none.
    """
    path = settings.data_dir / KEYS_FILE
    try:
        if settings.personal_data_keys is not None:
            return PersonalData.from_text(settings.personal_data_keys)
        if not path.exists():
            make_key_file(path)
        return PersonalData.from_text(read_key_file(path), reread=lambda: read_key_file(path))
    except ValueError as error:
        place = path if settings.personal_data_keys is None else "TONGDUI_PERSONAL_DATA_KEYS"
        raise SettingsError(
            f"{place}: {error}. Restore what was there; without it no name is readable."
        ) from error


def sealing_keys_at_hand(settings: Settings) -> Callable[[], SealingKeys] | None:
    """As `load_sealing_keys`, but where there are none it makes none: a folder may be mistyped."""
    if settings.sealing_keys is None and not (settings.data_dir / SEALING_KEYS_FILE).exists():
        return None
    return load_sealing_keys(settings)


def load_sealing_keys(settings: Settings) -> Callable[[], SealingKeys]:
    """The keys that seal the journal, read anew at each call.

    They come from the settings, or from a file of the data folder, made if absent. A key that is added is
    used by the next seal. Raises SettingsError if they are none, now or at a call.
    """
    path = settings.data_dir / SEALING_KEYS_FILE
    given = settings.sealing_keys

    def read() -> SealingKeys:
        try:
            return SealingKeys.from_text(read_key_file(path) if given is None else given)
        except ValueError as error:
            place = path if given is None else "TONGDUI_SEALING_KEYS"
            raise SettingsError(
                f"{place}: {error}. Restore what was there; heads and statements are signed with it."
            ) from error

    if given is None and not path.exists():
        make_key_file(path, new_sealing_keys)
    read()
    return read


def _prepare(settings: Settings, engine: Engine) -> str | None:
    with engine.begin() as connection:
        found_alliance(connection, AllianceSettings(time_zone=settings.timezone), made_by="setup")
        if not read_periods(connection):
            zone = read_rulebook(connection).settings.time_zone
            open_period_for(connection, connection.execute(select(func.now())).scalar_one(), zone)
        if settings.bootstrap_key is not None:
            try:
                accept_bootstrap_key(connection, settings.bootstrap_key)
            except ValueError as error:
                raise SettingsError(f"TONGDUI_BOOTSTRAP_KEY: {error}.") from error
        elif not has_operator_key(connection):
            return make_key(connection, Scope.OPERATOR, "first operator", made_by="setup")[0]
    return None
