"""Making ready what the settings name: the database and the keys."""

from sqlalchemy import Engine, func, select

from api.secret_keys import load_personal_data, load_sealing_keys
from clearing.alliance import found_alliance
from clearing.core.calendar import is_time_zone
from clearing.core.commands import Scope
from clearing.core.rulebook import AllianceSettings
from clearing.directory import read_rulebook
from clearing.keys import accept_bootstrap_key, has_operator_key, make_key
from clearing.periods import open_period_for, read_periods
from clearing.phone_index import rehash_phones
from clearing.upkeep import pay_arrears
from clearing.writer import Writer
from config import Settings, SettingsError
from database import make_engine, migrations


def prepare(settings: Settings, database_url: str) -> str | None:
    """Bring the tables, the phones' hashes and the arrears up to date, found the alliance, admit an operator.

    Returns the text of an operator key if one was made, to be shown this once: at the first start without
    TONGDUI_BOOTSTRAP_KEY. Raises SettingsError for a bootstrap key or other keys that are none.
    """
    migrations.upgrade(database_url)
    personal_data = load_personal_data(settings)
    load_sealing_keys(settings)
    engine = make_engine(database_url, pool_size=2, application_name="tongdui-setup")
    try:
        # No revision: it needs the keys. Before a server compares phones by the rules of now.
        rehash_phones(engine, personal_data)
        operator_key = _prepare(settings, engine)
        # Before anything reads the ledger by the rules of now. The writer connects if there is a need.
        with Writer(engine) as writer:
            pay_arrears(engine, writer)
        return operator_key
    finally:
        engine.dispose()


def _prepare(settings: Settings, engine: Engine) -> str | None:
    with engine.begin() as connection:
        founded = found_alliance(connection, AllianceSettings(time_zone=settings.timezone), made_by="setup")
        if founded and not is_time_zone(settings.timezone.key):
            raise SettingsError(
                f"TONGDUI_TZ is {settings.timezone.key!r}, which means something else on another machine;"
                " name a place, such as Asia/Shanghai."
            )
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
