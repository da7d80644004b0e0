"""The hub's pages: what its operators work with, and its auditors read."""

from flask_babel import lazy_gettext

from api.pages.frame import NavigationItem
from api.pages.hub import (
    adjustments,
    disputes,
    fee_rules,
    imports,
    keys,
    links,
    overview,
    participants,
    payment_file,
    periods,
    settings,
)
from api.pages.hub.room import READERS, blueprint

NAVIGATION = (
    NavigationItem("hub.overview", lazy_gettext("Overview"), READERS),
    NavigationItem("hub.periods", lazy_gettext("Months"), READERS),
    NavigationItem("hub.adjustments", lazy_gettext("To decide"), READERS),
    NavigationItem("hub.participants_list", lazy_gettext("Participants"), READERS),
    NavigationItem("hub.keys", lazy_gettext("API keys"), READERS),
    NavigationItem("hub.fee_rules", lazy_gettext("Fee rules"), READERS),
    NavigationItem("hub.settings", lazy_gettext("Settings"), READERS),
    NavigationItem("hub.imports", lazy_gettext("Imports"), READERS),
)

#: Imported for their views.
VIEWS = (
    adjustments,
    disputes,
    fee_rules,
    imports,
    keys,
    links,
    overview,
    participants,
    payment_file,
    periods,
    settings,
)

__all__ = ["NAVIGATION", "blueprint"]
