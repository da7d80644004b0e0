"""The language of a page: what the reader chose, else what the browser asks for, else Chinese."""

from pathlib import Path

from flask import Flask, request
from flask_babel import Babel, get_locale

from api.pages.cookies import is_secure

#: By the tag of the document.
LANGUAGES = {"zh": "zh-CN", "en": "en"}
COOKIE = "tongdui-language"

HERE = Path(__file__).parent


def register(app: Flask) -> None:
    directories = ";".join(str(path) for path in translation_folders())
    Babel(
        app,
        default_locale="zh",
        default_translation_directories=directories,
        locale_selector=choose,
    )


def translation_folders() -> list[Path]:
    """Of the frame, and of each room that has one."""
    rooms = sorted(path.parent for path in HERE.glob("*/__init__.py"))
    return [folder for home in (HERE, *rooms) if (folder := home / "translations").is_dir()]


def choose() -> str:
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    # `zh-TW`, `en-GB` and the like are best served by what we have of the language.
    asked = [tag.lower().partition("-")[0] for tag in request.accept_languages.values()]
    return next((tag for tag in asked if tag in LANGUAGES), "zh")


def language_tag() -> str:
    """What the document says of itself."""
    locale = get_locale()
    return LANGUAGES.get(locale.language if locale else "zh", "zh-CN")


def cookie_options() -> dict[str, object]:
    """Of the two cookies that keep a reader's taste: language and theme."""
    return {
        "max_age": 365 * 24 * 3600,
        "path": "/",
        "secure": is_secure(),
        "httponly": True,
        "samesite": "Lax",
    }
