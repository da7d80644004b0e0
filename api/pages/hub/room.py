"""What the hub's pages share: the blueprint, who may act, and the names of codes."""

from typing import Any

from flask import Blueprint
from flask_babel import lazy_gettext

from api.auth import SEES_ALL, current_caller
from api.pages.guard import page
from api.pages.words import add_words
from clearing.core.commands import Scope

blueprint = Blueprint("hub", __name__, url_prefix="/hub", template_folder="templates")

#: Who reads every page of this room; only the operator changes anything.
READERS = tuple(SEES_ALL)
readers = page(*READERS)
operators = page(Scope.OPERATOR)


def is_operator() -> bool:
    """Whether the visitor may do what a page offers; auditors only read."""
    return current_caller().scope is Scope.OPERATOR


@blueprint.context_processor
def _for_templates() -> dict[str, Any]:
    return {"caller_is_operator": is_operator}


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What differs, as `{name: [before, after]}`, for the audit log."""
    return {name: [before.get(name), after[name]] for name in after if before.get(name) != after[name]}


add_words(
    "exchange_kind",
    {
        "visit": lazy_gettext("visit"),
        "redemption": lazy_gettext("redemption of points"),
        "spend": lazy_gettext("stored value spent"),
        "load": lazy_gettext("stored value loaded"),
        "issue": lazy_gettext("points issued"),
        "opening": lazy_gettext("opening balance"),
        "expiry": lazy_gettext("expiry"),
        "adjustment": lazy_gettext("adjustment"),
        "transfer": lazy_gettext("transfer"),
    },
)
add_words(
    "key_scope",
    {
        "merchant": lazy_gettext("one merchant: its till or front desk"),
        "participant": lazy_gettext("a participant: all its merchants and members"),
        "finance": lazy_gettext("a participant's finance: statements only"),
        "operator": lazy_gettext("the hub: everything"),
        "auditor": lazy_gettext("the hub's auditors: reads all"),
    },
)
add_words("place_status", {"active": lazy_gettext("active"), "suspended": lazy_gettext("suspended")})
add_words("payer", {"acceptor": lazy_gettext("acceptor"), "issuer": lazy_gettext("issuer")})
add_words(
    "draw_order",
    {
        "own_first": lazy_gettext("own points first, then the earliest expiry"),
        "earliest_first": lazy_gettext("the earliest expiry first, whoever issued it"),
    },
)
add_words(
    "expiry",
    {
        "rolling": lazy_gettext("so many months after they were earned"),
        "fixed": lazy_gettext("every year on the same day"),
        "never": lazy_gettext("never"),
    },
)
add_words(
    "adjustment_status",
    {
        "proposed": lazy_gettext("waits for approval"),
        "approved": lazy_gettext("approved"),
        "rejected": lazy_gettext("rejected"),
    },
)
add_words(
    "adjustment_kind",
    {"points": lazy_gettext("points of a card"), "money": lazy_gettext("money between parties")},
)
add_words(
    "link_status",
    {
        "proposed": lazy_gettext("proposed"),
        "linked": lazy_gettext("linked"),
        "rejected": lazy_gettext("rejected"),
        "unlinked": lazy_gettext("parted again"),
    },
)
add_words(
    "job",
    {
        "close_periods": lazy_gettext("Close months that have ended"),
        "expire_lots": lazy_gettext("End points and stored value that have expired"),
        "lapse_holds": lazy_gettext("Give back what ended holds still keep"),
        "remind": lazy_gettext("Tell of points that end soon"),
        "suspend_overdue": lazy_gettext("Suspend debtors who are long overdue"),
        "verify": lazy_gettext("Add up the whole journal again"),
        "seal": lazy_gettext("Seal the journal"),
        "deliver_webhooks": lazy_gettext("Deliver events to webhooks"),
        "forget_events": lazy_gettext("Forget old events"),
        "forget_answers": lazy_gettext("Forget old answers to repeated calls"),
        "back_up": lazy_gettext("Back up the database"),
        "restore_drill": lazy_gettext("Restore the newest backup on trial"),
    },
)
add_words(
    "import_kind",
    {
        "members": lazy_gettext("members"),
        "balances": lazy_gettext("opening balances"),
        "accruals": lazy_gettext("points earned"),
        "redemptions": lazy_gettext("points redeemed"),
        "loads": lazy_gettext("stored value loaded"),
        "reversals": lazy_gettext("reversals"),
        "links": lazy_gettext("links of cards"),
        "spends": lazy_gettext("stored value spent"),
    },
)
add_words(
    "import_status",
    {
        "running": lazy_gettext("running"),
        "done": lazy_gettext("done"),
        "failed": lazy_gettext("stopped"),
    },
)
add_words(
    "act",
    {
        "participant.admitted": lazy_gettext("participant admitted"),
        "participant.changed": lazy_gettext("participant changed"),
        "merchant.admitted": lazy_gettext("merchant admitted"),
        "merchant.changed": lazy_gettext("merchant changed"),
        "api_key.made": lazy_gettext("API key made"),
        "api_key.revoked": lazy_gettext("API key revoked"),
        "fee_rule.made": lazy_gettext("fee rule made"),
        "alliance.changed": lazy_gettext("settings changed"),
        "period.closed": lazy_gettext("month closed"),
        "period.approved": lazy_gettext("month approved"),
        "payment_file.made": lazy_gettext("payment file made"),
        "adjustment.proposed": lazy_gettext("adjustment proposed"),
        "adjustment.approved": lazy_gettext("adjustment approved"),
        "adjustment.rejected": lazy_gettext("adjustment rejected"),
        "link.linked": lazy_gettext("link approved"),
        "link.rejected": lazy_gettext("link rejected"),
        "import.started": lazy_gettext("file sent"),
    },
)
