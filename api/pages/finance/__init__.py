"""Finance's pages."""

from flask_babel import lazy_gettext

from api.auth import FINANCE
from api.pages.finance import disputes, flows, liability, lines, payments, search, statements
from api.pages.finance.room import blueprint
from api.pages.frame import NavigationItem

NAVIGATION = (
    NavigationItem("finance.statements", lazy_gettext("Months and statements"), FINANCE),
    NavigationItem("finance.payments", lazy_gettext("Payments"), FINANCE),
    NavigationItem("finance.disputes", lazy_gettext("Disputes"), FINANCE),
    NavigationItem("finance.flows", lazy_gettext("Who owes whom"), FINANCE),
    NavigationItem("finance.liability", lazy_gettext("Points owed to members"), FINANCE),
    NavigationItem("finance.search", lazy_gettext("Find a transaction"), FINANCE),
)

__all__ = [
    "NAVIGATION",
    "blueprint",
    "disputes",
    "flows",
    "liability",
    "lines",
    "payments",
    "search",
    "statements",
]
