"""All that a page may have to tell when something is refused, gathered from the source.

From the modules that the pages call, directly or through others, every text is taken with which a refusal
is made; what an f-string puts in becomes a hole. So a sentence that somebody adds cannot be forgotten.
"""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

#: What a refusal is made with, and the place of its text among the arguments.
MAKERS = {
    "CloseRefusal": 1,
    "DisputeRefusal": 1,
    "Fault": 1,
    "FieldError": 1,
    "NotAPhone": 0,
    "TextLine": 2,
    "NotText": 0,
    "Problem": 1,
    "Record": 3,
    "Refusal": 1,
    "Row": 3,
    "Unreadable": 0,
    "ValidationError": 0,
    "_wrong": 1,
}
#: Where else a text is made that is told: a month that is none, a name that nobody can have.
ELSEWHERE = {"clearing.core.calendar": "ValueError", "users.accounts": "ValueError"}
#: A text that was made before, and is counted there.
PASSED_ON = frozenset({
    "_text(content)", "detail[:1000]", "error.detail", "fault.detail", "faults", "found.detail",
    "line.fault", "on.detail", "outcome.detail", "payouts.detail", "problem.detail", "record.fault",
    "refusal.detail", "row.fault", "self._format_error(value)", "str(error)", "taken.fault",
})  # fmt: skip
#: Texts that only programs see: they come of what pages have none of, keys of the API and bodies in JSON.
OF_PROGRAMS = (
    ("api.auth", "authenticate"),
    ("api.auth", "guarded"),
    ("api.web", "_not_as_documented"),
    ("api.web", "_sent_json"),
    ("api.web", "_query"),
    ("api.bodies", "prepare"),
    ("api.bodies", "_is_zipped"),
    ("api.bodies", "_not_gzip"),
    ("api.bodies", "_too_large"),
    ("api.web", "_json_body"),
    # What is wrong with a text, which is put into words elsewhere.
    ("clearing.core.texts", "read_remark"),
    ("clearing.core.texts", "_fault"),
    # Of payments that only the healing of old wallets asks for.
    ("clearing.core.arrears", "plan"),
)
#: Reads back what was recorded of a refusal.
RECORDED = ("clearing.load", "_recorded")
OURS = ("api", "clearing", "settlement", "tabular", "users")
#: What stands in the place of a value; quoted, where repr() does so.
HOLE = "\N{BLACK SQUARE}"


class Found(NamedTuple):
    """`text`: with holes; None if it cannot be read from the source, which is no way to make one."""

    module: str
    line: int
    text: str | None


def gathered() -> list[Found]:
    found = [one for module in sorted(called_by_pages()) for one in _refusals(module)]
    return [one for one in found if one.text != ""]


def called_by_pages() -> set[str]:
    """The modules that pages import, and those that these import."""
    pages = {_name(path) for path in (ROOT / "api/pages").rglob("*.py")}
    seen: set[str] = set()
    waiting = set(pages)
    while waiting:
        module = waiting.pop()
        seen.add(module)
        waiting |= {found for found in _imported(module) if found not in seen}
    return seen


def _imported(module: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(_tree(module)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # A package's own module only where something of that is asked for: `api.v1` holds all routes.
            whole = [f"{node.module}.{one.name}" for one in node.names]
            names = [name if _path(name) else node.module for name in whole]
        found |= {name for name in names if name.partition(".")[0] in OURS and _path(name)}
    return found


def _refusals(module: str) -> Iterator[Found]:
    tree = _tree(module)
    for function, node in _nodes(tree):
        given: ast.AST | None = None
        if isinstance(node, ast.Call):
            given = _given(module, node)
        elif isinstance(node, ast.Assign) and module == "api.imports.runner":
            # Why an import has stopped is written down, and told from there.
            is_error = ast.unparse(node.targets[0]) == "error" and not isinstance(node.value, ast.Constant)
            given = node.value if is_error and ast.unparse(node.value) != "str(unreadable)" else None
        name = getattr(function, "name", "")
        if given is None or (module, name) in (*OF_PROGRAMS, RECORDED) or ast.unparse(given) in PASSED_ON:
            continue
        for text in _texts(given, function, tree):
            yield Found(module, getattr(node, "lineno", 0), text)


def _given(module: str, call: ast.Call) -> ast.AST | None:
    """The text with which a refusal is made, if that is what is called."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    place = 0 if ELSEWHERE.get(module) == name else MAKERS.get(name)
    if place is None:
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "detail"]
    return next(iter([*named, *call.args[place : place + 1]]), None)


def _nodes(tree: ast.AST, within: ast.AST | None = None) -> Iterator[tuple[ast.AST | None, ast.AST]]:
    """All nodes with the function in which they stand, but those of routes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            if not _is_route(node):
                yield from _nodes(node, node)
            continue
        yield within, node
        yield from _nodes(node, within)


def _is_route(function: ast.FunctionDef) -> bool:
    """Whether it is one of the JSON API, which pages do not call."""
    return any(".route(" in ast.unparse(one) for one in function.decorator_list)


def _texts(node: ast.AST, function: ast.AST | None, tree: ast.Module) -> list[str | None]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr():
            return (
                [
                    text
                    for one in _starts(node, function, tree)
                    for text in ([None] if one is None else [one + _joined(node.values[1:])])
                ]
                if isinstance(node.values[0], ast.FormattedValue)
                else [_joined(node.values)]
            )
        case ast.Subscript(value=value):
            return _texts(value, function, tree)
        case ast.IfExp():
            return _texts(node.body, function, tree) + _texts(node.orelse, function, tree)
        case ast.Call(func=ast.Name(id="InWords")):
            return []
        case ast.Call(func=ast.Name(id=name)):
            return _returned(name, tree)
        case ast.Name(id=name) if isinstance(function, ast.FunctionDef):
            if any(one.arg == name for one in function.args.args):
                return []  # whoever calls it has it
            values = [one.value for one in _assigned(function, name)]
            return [text for one in values for text in _texts(one, function, tree)] or [None]
    return [None]


def _starts(node: ast.JoinedStr, function: ast.AST | None, tree: ast.Module) -> list[str | None]:
    """What an f-string may begin with: a part of the sentence that has a name, or a hole."""
    first = node.values[0]
    if isinstance(first, ast.FormattedValue) and ast.unparse(first.value) == "detail":
        return _texts(first.value, function, tree)
    return [_joined([first])]


def _returned(name: str, tree: ast.Module) -> list[str | None]:
    """What a function of the same module gives."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name == name:
            returns = [one.value for one in ast.walk(function) if isinstance(one, ast.Return)]
            return [text for one in returns if one is not None for text in _texts(one, function, tree)]
    return [None]


def _assigned(function: ast.FunctionDef, name: str) -> list[ast.Assign]:
    return [
        one
        for one in ast.walk(function)
        if isinstance(one, ast.Assign) and any(ast.unparse(to) == name for to in one.targets)
    ]


def _joined(values: Sequence[ast.expr]) -> str:
    parts = []
    for one in values:
        if isinstance(one, ast.Constant):
            parts.append(str(one.value))
        elif isinstance(one, ast.FormattedValue):
            parts.append(f"'{HOLE}'" if one.conversion == ord("r") else HOLE)
    return "".join(parts)


def _tree(module: str) -> ast.Module:
    path = _path(module)
    assert path is not None
    return ast.parse(path.read_text())


def _path(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.exists():
            return path
    return None


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
