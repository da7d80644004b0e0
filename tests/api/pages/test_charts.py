"""Charts are plain SVG: no styles or scripts of their own, a name, and a value for each bar."""

from collections.abc import Callable

import pytest
from markupsafe import Markup

from api.pages.charts import bars, spark


@pytest.mark.parametrize("chart", [bars, spark])
def test_a_chart_has_nothing_inline_and_says_what_it_shows(chart: Callable[..., Markup]) -> None:
    drawn = str(chart("<Points> & more", ["2027-01", "2027-02"], [0, 1200], lambda value: f"{value:,}"))
    assert not any(word in drawn for word in ("style", "<script", "javascript", "onload", " id="))
    assert 'role="img"' in drawn and 'aria-label="&lt;Points&gt; &amp; more"' in drawn
    assert "<title>2027-02: 1,200</title>" in drawn
    assert chart("none", ["2027-01"], [0], str)


def test_a_chart_names_its_bars_and_a_spark_only_to_who_points_at_them() -> None:
    labels, values = ["2027-01", "2027-02"], [5, 7]
    assert ">2027-01</text>" in bars("months", labels, values, str)
    drawn = spark("months", labels, values, str)
    assert "</text>" not in drawn and "<title>2027-01: 5</title>" in drawn
    assert 'preserveAspectRatio="none"' in drawn and "viewBox" in drawn
