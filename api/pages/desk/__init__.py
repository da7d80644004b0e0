"""The front desk's pages: a card is read, looked at, and used; what was booked is printed and undone."""

from flask_babel import lazy_gettext

from api.auth import DESKS
from api.pages.desk import acts, card, holds, scan, transactions
from api.pages.desk.room import blueprint
from api.pages.frame import NavigationItem

NAVIGATION = (
    NavigationItem("desk.card", lazy_gettext("Card check"), DESKS),
    NavigationItem("desk.today", lazy_gettext("Transactions"), DESKS),
    NavigationItem("desk.open_holds", lazy_gettext("Open holds"), DESKS),
)

__all__ = ["NAVIGATION", "acts", "blueprint", "card", "holds", "scan", "transactions"]
