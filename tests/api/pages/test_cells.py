"""Cells of tables that name their column."""

import re

from markupsafe import Markup

from api.pages.cells import labelled
from support.alliance import Alliance
from support.people import reader

COLUMNS = [("Month", ""), ('"Net" <¥>', "num"), ("State", "")]


def test_each_cell_has_the_heading_of_its_column() -> None:
    rows = Markup(
        '<tr>\n<th scope="row">May</th><td class="num">1</td><td>open</td></tr><tr><th>June</th></tr>'
    )
    assert labelled(rows, COLUMNS) == (
        '<tr>\n<th scope="row" data-label="Month">May</th>'
        '<td class="num" data-label="&#34;Net&#34; &lt;¥&gt;">1</td><td data-label="State">open</td></tr>'
        '<tr><th data-label="Month">June</th></tr>'
    )


def test_a_cell_over_several_columns_has_none_and_the_next_one_its_own() -> None:
    rows = Markup('<tr><th colspan="2">Sum</th><td>x</td><td>more than there are</td></tr>')
    assert re.findall('data-label="([^"]*)"', labelled(rows, COLUMNS)) == ["", "State", ""]


def test_what_stands_in_a_cell_is_left_alone() -> None:
    inside = Markup(
        '<div class="td"><tdx>&lt;td&gt;</tdx><details><summary>1 &gt; 0</summary></details></div>'
    )
    assert inside in labelled(Markup("<tr><td>{}</td></tr>").format(inside), COLUMNS)


def test_a_page_names_the_columns_in_the_language_of_the_reader(shared: Alliance) -> None:
    assert 'data-label="Second factor"' in reader(shared, "operator").get("/users/").text
    assert 'data-label="二次验证"' in reader(shared, "operator", "zh").get("/users/").text
