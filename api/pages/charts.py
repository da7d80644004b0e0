"""Charts as SVG that stands in the page: made by pygal, without its style sheet and script, which the
policy of the pages forbids; colours are those of the page (`charts.css`). Each says in words what it shows,
and beside a chart of its own size stands a table.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pygal
from lxml import etree
from markupsafe import Markup

SVG = "{http://www.w3.org/2000/svg}"
WIDTH, HEIGHT = 720, 240
SPARK_WIDTH, SPARK_HEIGHT = 240, 48
LABELS_MOST = 13
#: What pygal writes for browsers that may run what stands in a page.
UNWANTED = frozenset({"style", "script", "defs", "desc", "title"})


def bars(title: str, labels: Sequence[str], values: Sequence[int], told: Callable[[int], str]) -> Markup:
    """One bar for each label. `told` writes a value; `title` is read out in place of the picture."""
    chart = _chart(
        width=WIDTH,
        height=HEIGHT,
        margin=8,
        margin_left=16,
        spacing=6,
        max_scale=5,
        min_scale=2,
        truncate_label=-1,
        x_labels_major_every=max(1, -(-len(labels) // LABELS_MOST)),
        show_minor_x_labels=False,
        value_formatter=lambda value: told(round(value)),
    )
    chart.x_labels = list(labels)
    return _drawn(chart, title, labels, values, told)


def spark(title: str, labels: Sequence[str], values: Sequence[int], told: Callable[[int], str]) -> Markup:
    """The same as small as a word and without axes; it takes the width of where it stands."""
    chart = _chart(
        width=SPARK_WIDTH,
        height=SPARK_HEIGHT,
        margin=0,
        spacing=0,
        show_x_labels=False,
        show_y_labels=False,
        show_x_guides=False,
        show_y_guides=False,
    )
    drawn = _drawn(chart, title, labels, values, told)
    return drawn.replace("<svg ", Markup('<svg preserveAspectRatio="none" '), 1)


def _chart(**options: Any) -> pygal.Bar:
    return pygal.Bar(pygal.Config(css=[], js=[], show_legend=False, no_prefix=True, **options))


def _drawn(
    chart: pygal.Bar,
    title: str,
    labels: Sequence[str],
    values: Sequence[int],
    told: Callable[[int], str],
) -> Markup:
    chart.add(None, list(values))
    pairs = zip(labels, values, strict=True)
    return _plain(chart.render_tree(), title, [f"{label}: {told(value)}" for label, value in pairs])


def _plain(root: etree._Element, title: str, bars_told: Sequence[str]) -> Markup:
    """Without what is inline, with a name; each bar tells its value to who points at it."""
    for element in list(root.iter(etree.Element)):
        kind = etree.QName(element).localname
        overlay = "tooltip-overlay" in element.get("class", "").split()
        if kind in UNWANTED or overlay:
            element.getparent().remove(element)
    etree.strip_tags(root, etree.Comment)
    assert not any("style" in element.attrib for element in root.iter()), "the policy forbids inline styles"
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", title)
    rects = [one for one in root.iter(f"{SVG}rect", "rect") if "rect" in one.get("class", "").split()]
    for rect, text in zip(rects, bars_told, strict=False):
        etree.SubElement(rect, f"{SVG}title").text = text
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704  made of numbers and month names
