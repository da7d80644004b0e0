"""The hub's pages."""

from flask_babel import lazy_gettext

from api.auth import SEES_ALL
from api.pages.frame import NavigationItem
from api.pages.hub.periods import blueprint

NAVIGATION = (NavigationItem("hub.periods", lazy_gettext("Periods"), tuple(SEES_ALL)),)

__all__ = ["NAVIGATION", "blueprint"]
