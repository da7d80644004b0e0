"""Settings and logging. Entry points read them here and pass values on; nothing below imports them."""

from config.logs import configure_logging
from config.settings import Settings, SettingsError, load_settings

__all__ = ["Settings", "SettingsError", "configure_logging", "load_settings"]
