"""The program's table of error codes as a page: `.venv/bin/python docs/make_errors.py > docs/errors.md`."""

import sys
from pathlib import Path

HEAD = """\
# Error codes

Every error is a problem document with one of these codes. Those that the ledger gives come in their order of
precedence: of two faults the earlier one is told. A running program shows this list at `/docs/errors`.

| code | status | meaning | what to do |
|---|---|---|---|
"""


def page() -> str:
    from api.problems import MEANINGS  # after the project's folder is on the path

    lines = [
        f"| `{code}` | {meaning.status} | {meaning.title} | {meaning.remedy} |\n"
        for code, meaning in MEANINGS.items()
    ]
    return HEAD + "".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.stdout.write(page())
