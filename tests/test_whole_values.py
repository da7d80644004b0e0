"""A pattern that guards a value says something of all of it.

`$` and `match` let the end of a line follow: `CN` and a line's end is a country then. So values are judged by
`fullmatch`, with patterns that say nothing of where they begin and end.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("api", "clearing", "settlement", "users", "webhooks", "config", "database")
#: Where a pattern looks for a part of something on purpose: (file, what is called).
PARTS = {
    # A file's name that begins with a statement's number.
    ("api/cli/verify_statement.py", "_NUMBER.match"),
    # One character, and what a scanner puts in front of a number.
    ("clearing/core/texts.py", "_HIDDEN.match"),
    ("clearing/core/texts.py", "_SYMBOLOGY.match"),
    # The zero of an area code, between brackets or not.
    ("clearing/phones.py", "_TRUNK.match"),
    # What the first cell of a row of totals begins with.
    ("settlement/core/bank_columns.py", "_TOTAL.match"),
    # One letter, and the beginning of a place that we have named ourselves.
    ("settlement/render/letters.py", "_SELECTORS.match"),
    ("settlement/render/pdf.py", "re.match"),
}


def calls(path: Path) -> Iterator[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def faults(path: Path, name: str) -> Iterator[str]:
    for call in calls(path):
        called = ast.unparse(call.func)
        if called.endswith(".match") and (name, called) not in PARTS:
            yield f"{name}:{call.lineno}: {called}: use fullmatch"
        if called.split(".")[-1] == "Regexp":
            yield f"{name}:{call.lineno}: {called}: use api.fields.Matches"
        if called in ("re.compile", "re.fullmatch", "Matches") and _ends(call.args[0]).endswith(("$", "$'")):
            yield f"{name}:{call.lineno}: {called}: the pattern ends with $"


def _ends(pattern: ast.expr) -> str:
    """The last text of a pattern, whether it is one text or several joined."""
    match pattern:
        case ast.Constant(str(text)):
            return text
        case ast.JoinedStr(parts) if parts:
            return _ends(parts[-1])
        case ast.BinOp(right=right):
            return _ends(right)
    return ""


def test_no_pattern_of_ours_lets_a_line_end_follow() -> None:
    found = [
        fault
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
        for fault in faults(path, path.relative_to(ROOT).as_posix())
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "validate.Regexp(CODE)",
        "re.match('[a-z]+', text)",
        "CODE.match(text)",
        "re.compile('^[a-z]+$')",
        "re.compile(f'^{CODE}$')",
        "Matches(START + '[a-z]$')",
    ],
)
def test_such_a_pattern_would_be_found(tmp_path: Path, line: str) -> None:
    path = tmp_path / "one.py"
    path.write_text(f"{line}\n", encoding="utf-8")
    assert len(list(faults(path, "one.py"))) == 1


def test_every_exception_is_still_needed() -> None:
    called = {
        (name, ast.unparse(call.func)) for name in {name for name, _ in PARTS} for call in calls(ROOT / name)
    }
    assert called >= PARTS
