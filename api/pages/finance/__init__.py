"""Finance's pages."""

from flask_babel import lazy_gettext

from api.auth import FINANCE
from api.pages.finance.statements import blueprint
from api.pages.frame import NavigationItem

NAVIGATION = (NavigationItem("finance.statements", lazy_gettext("Statements"), FINANCE),)

__all__ = ["NAVIGATION", "blueprint"]
