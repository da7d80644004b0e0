"""The front desk's pages."""

from flask_babel import lazy_gettext

from api.auth import DESKS
from api.pages.desk.card import blueprint
from api.pages.frame import NavigationItem

NAVIGATION = (NavigationItem("desk.card", lazy_gettext("Card check"), DESKS),)

__all__ = ["NAVIGATION", "blueprint"]
