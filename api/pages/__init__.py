"""The pages for people: server-rendered, by cookie only. The JSON API beside them knows no cookies.

The frame is here: log-in, guard, cookies, language, formats, words, macros, errors. Each room (`desk`,
`finance`, `hub`, `people`) has its views, templates and translations in a package of its own.
"""

from flask import Flask

from api.pages import account, desk, errors, finance, home, hub, language, login, people
from api.pages.cookies import PageCookies
from api.pages.frame import register_frame
from api.services import Services

#: The rooms, in the order of the navigation.
ROOMS = (desk, finance, hub, people)
BLUEPRINTS = (home.blueprint, login.blueprint, account.blueprint, *(room.blueprint for room in ROOMS))

# Once, as blueprints are shared by all applications of a process.
for _blueprint in BLUEPRINTS:
    errors.register(_blueprint)


def register(app: Flask, services: Services) -> None:
    """Put the pages into the application."""
    app.session_interface = PageCookies(services)
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form is good as long as the session it was made in
    language.register(app)
    register_frame(app, [item for room in ROOMS for item in room.NAVIGATION])
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
