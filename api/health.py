"""Whether the process lives, and whether it can serve."""

from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.auth import public
from api.problems import HttpCode, problem_response
from api.services import services
from api.web import answer

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
@public
def livez() -> Response:
    """This process answers."""
    return answer({"status": "ok"})


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    """This process reaches its database."""
    try:
        with services().engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM rulebooks LIMIT 1"))
    except SQLAlchemyError:
        return problem_response(HttpCode.UNAVAILABLE, "The database cannot be reached, or has no tables yet.")
    return answer({"status": "ok"})
