"""The hub's pictures: SVG made by the server, without styles of its own, coloured by the style sheet."""

from collections.abc import Sequence

import svg
from markupsafe import Markup, escape

#: Per cent of a cap at which the colour changes, as participants are warned.
LINES = (70, 85, 95)
LEVELS = ("calm", "raised", "high", "full")

HEIGHT, WIDTH = 48.0, 240.0
BAR_HEIGHT, BAR_WIDTH = 14.0, 200.0


def sparkline(values: Sequence[int], text: str) -> Markup:
    """Bars side by side, the highest as high as the picture; `text` says the same in words."""
    most = max([*values, 1])
    step = WIDTH / max(len(values), 1)
    bars: list[svg.Element] = [
        svg.Rect(
            x=round(place * step + 1, 2),
            y=round(HEIGHT - (height := max(value / most * (HEIGHT - 4), 1.0)), 2),
            width=round(step - 2, 2),
            height=round(height, 2),
            class_=["spark-bar" if value else "spark-none"],
        )
        for place, value in enumerate(values)
    ]
    return _drawn(bars, WIDTH, HEIGHT, "spark", text)


def level_of(debit: int, cap: int) -> str:
    """One of `LEVELS`: how near a debit is to its cap."""
    reached = sum(max(debit, 0) * 100 >= cap * line for line in LINES) if cap else (3 if debit > 0 else 0)
    return LEVELS[reached]


def cap_bar(debit: int, cap: int, text: str) -> Markup:
    """How much of a cap is used, with the lines at 70, 85 and 95 %."""
    part = min(max(debit, 0) / cap, 1) if cap else float(debit > 0)
    drawn: list[svg.Element] = [
        svg.Rect(x=0, y=0, width=BAR_WIDTH, height=BAR_HEIGHT, rx=3, class_=["cap-room"]),
        svg.Rect(
            x=0,
            y=0,
            width=round(part * BAR_WIDTH, 2),
            height=BAR_HEIGHT,
            rx=3,
            class_=[f"cap-{level_of(debit, cap)}"],
        ),
    ]
    drawn += [
        svg.Line(
            x1=BAR_WIDTH * line / 100,
            x2=BAR_WIDTH * line / 100,
            y1=0,
            y2=BAR_HEIGHT,
            class_=[f"cap-line-{line}"],
        )
        for line in LINES
    ]
    return _drawn(drawn, BAR_WIDTH, BAR_HEIGHT, "cap", text)


def progress_bar(done: int, whole: int, text: str) -> Markup:
    """How far something is."""
    part = min(done / whole, 1) if whole else 1.0
    drawn: list[svg.Element] = [
        svg.Rect(x=0, y=0, width=BAR_WIDTH, height=BAR_HEIGHT, rx=3, class_=["cap-room"]),
        svg.Rect(x=0, y=0, width=round(part * BAR_WIDTH, 2), height=BAR_HEIGHT, rx=3, class_=["cap-calm"]),
    ]
    return _drawn(drawn, BAR_WIDTH, BAR_HEIGHT, "progress-picture", text)


def _drawn(elements: list[svg.Element], width: float, height: float, name: str, text: str) -> Markup:
    picture = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, width, height),
        preserveAspectRatio=svg.PreserveAspectRatio("none"),
        class_=[name],
        elements=elements,
        extra={"role": "img", "aria-label": str(escape(text))},
    )
    return Markup(picture.as_str())  # noqa: S704  its one text is escaped
