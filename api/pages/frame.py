"""What all pages have in common: navigation, filters, and what templates may ask."""

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from flask import Flask, Response, abort, current_app, g, request, send_from_directory, session, url_for
from flask_wtf.csrf import generate_csrf
from jinja2 import pass_context
from jinja2.runtime import Context

from api.auth import public
from api.pages import formats, sentences, words
from api.pages.cells import labelled
from api.pages.guard import next_step
from api.pages.language import language_tag
from clearing import ids
from clearing.core.commands import Scope
from settlement.render import letters

#: Nothing from elsewhere, nothing inline. Tabler's pictures are data in its style sheet.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
THEME_COOKIE = "tongdui-theme"
THEMES = ("auto", "light", "dark")
#: A file under its hash never changes.
FOREVER_SECONDS = 365 * 24 * 3600
#: Fonts are asked for by name, from a style sheet; browsers look again by their hash after a week.
FONT_SECONDS = 7 * 24 * 3600


class NavigationItem(NamedTuple):
    """`label`: a lazy_gettext. Shown to the scopes that the page's guard lets in, less `hidden_from`."""

    endpoint: str
    label: Any
    scopes: tuple[Scope, ...]


def register_frame(app: Flask, items: Sequence[NavigationItem]) -> None:
    versions: dict[str, str] = {}

    def static_url(filename: str) -> str:
        """The address of a file under api/static, with its hash, so that browsers may keep it for good."""
        if filename not in versions:
            content = (Path(str(app.static_folder)) / filename).read_bytes()
            versions[filename] = sha256(content).hexdigest()[:16]
        return url_for("static", filename=filename, v=versions[filename])

    def navigation() -> list[NavigationItem]:
        """What the visitor may see; nothing before a log-in is through."""
        visit = g.get("visit")
        if visit is None or next_step(visit) is not None:
            return []
        return [item for item in items if visit.user.scope in item.scopes]

    def theme() -> str:
        chosen = request.cookies.get(THEME_COOKIE, "auto")
        return chosen if chosen in THEMES else "auto"

    app.jinja_env.filters.update(
        formats.FILTERS,
        word=word_now,
        act_name=words.act_name,
        session_id=partial(ids.encode, "ses"),
        said=sentences.said,
        said_of_row=sentences.said_of_row,
        told=sentences.told,
        labelled=labelled,
        zip=zip,
        legible=letters.legible,
        without_font=letters.without_font,
        code_point=letters.code_point,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        static_url=static_url,
        navigation=navigation,
        theme=theme,
        language_tag=language_tag,
        url_with=url_with,
        csrf=form_token,
        once_key=lambda: str(uuid4()),
        place=place,
        here=here,
        page_policy=POLICY,
        page_zone=formats.page_zone,
    )

    def keep(filename: str | None) -> int | None:
        given = bool(filename) and request.endpoint == "static" and "v" in request.args
        return FOREVER_SECONDS if given else None

    app.get_send_file_max_age = keep  # type: ignore[method-assign]  # Flask's own hook for this
    app.add_url_rule("/fonts/<filename>", "fonts", public(font))


def font(filename: str) -> Response:
    """A font of documents, for browsers that meet a letter which no font of their machine has."""
    if filename not in {one.file for one in letters.fonts()}:
        abort(404)
    return send_from_directory(letters.FONTS, filename, max_age=FONT_SECONDS)


@pass_context
def word_now(_: Context, code: object, family: str) -> Any:
    """`words.word`; with the context, or Jinja would keep the word of a constant in the language of whoever
    was first to see the template.
    """
    return words.word(code, family)


def form_token() -> str:
    """The secret of forms; empty where there is no cookie to hold it, as when the database is away."""
    own = session._get_current_object()  # type: ignore[attr-defined]  # it is a proxy
    return "" if current_app.session_interface.is_null_session(own) else generate_csrf()


def url_with(**changes: Any) -> str:
    """This page's address with other parameters; None takes one out."""
    values: dict[str, Any] = dict(request.args)
    values.update(request.view_args or {})
    values.update(changes)
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return url_for(str(request.endpoint), **given)


def place() -> str:
    """Where the visitor works: the merchant, or else the participant; empty for the hub's people."""
    user, directory = g.visit.user, g.directory
    if user.merchant_id is not None:
        return str(directory.merchant(user.merchant_id).name)
    if user.participant_id is not None:
        return str(directory.participants[user.participant_id].name)
    return ""


def here() -> str:
    """This page's address, to come back to; a page that answers a form is shown anew by what it is for."""
    return request.full_path.rstrip("?") if request.method == "GET" else request.path
