"""People and what they did: users, a participant's members, and the audit log."""

from flask_babel import lazy_gettext

from api.pages.frame import NavigationItem
from api.pages.people import audit, members, users
from api.pages.people.users import blueprint
from api.v1.users import READERS

NAVIGATION = (
    NavigationItem("people.users", lazy_gettext("Users"), READERS),
    NavigationItem("people.members", lazy_gettext("Members"), members.OWNERS),
    NavigationItem("people.audit", lazy_gettext("Audit log"), READERS),
)

__all__ = ["NAVIGATION", "audit", "blueprint", "members", "users"]
