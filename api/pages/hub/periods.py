"""The periods and where each stands."""

from flask import Blueprint, render_template

from api.auth import SEES_ALL
from api.pages.guard import page
from api.v1.periods import all_periods

blueprint = Blueprint("hub", __name__, url_prefix="/hub", template_folder="templates")


@blueprint.get("/")
@page(*SEES_ALL)
def periods() -> str:
    """The newest first."""
    return render_template("hub/periods.html", periods=all_periods()[::-1])
