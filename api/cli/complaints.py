"""What commands say of wrong settings and of the database's commonest complaints."""

from sqlalchemy.exc import OperationalError, ProgrammingError

from config import SettingsError


def sentence_of(error: Exception) -> str | None:
    """What a person is told; None for a bug."""
    match error:
        case SettingsError():
            return str(error)
        case OperationalError():
            reason = str(error.orig).strip().splitlines()[0]
            return f"The database cannot be reached: {reason}. Check DATABASE_URL, or run `tongdui doctor`."
        case ProgrammingError() if "does not exist" in str(error.orig):
            return "The database has no tables yet, or old ones. Run `tongdui db upgrade` first."
    return None
