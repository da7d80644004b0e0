"""The keys that guard names and phones, and those that sign the journal: where the settings say they are."""

from collections.abc import Callable

from api.key_file import make_key_file, read_key_file
from clearing.privacy import PersonalData
from clearing.proof.keys import SealingKeys, new_sealing_keys
from config import Settings, SettingsError

KEYS_FILE = "keys/personal-data.json"
SEALING_KEYS_FILE = "keys/sealing.json"


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
