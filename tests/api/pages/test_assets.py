"""What is vendored is what its package held, at the version that .ci/assets names."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = [ROOT / "api/static/vendor", ROOT / "tests/api/pages/assets"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_vendored_file_is_listed_and_unchanged(folder: Path) -> None:
    listed = json.loads((folder / "files.json").read_text())
    assert {path.name for path in folder.iterdir()} == {*listed, "files.json"}
    assert all(
        sha256((folder / name).read_bytes()).hexdigest() == told["sha256"] for name, told in listed.items()
    )


def test_the_list_is_that_of_the_script() -> None:
    script = (ROOT / ".ci/assets").read_text()
    for folder in FOLDERS:
        for told in json.loads((folder / "files.json").read_text()).values():
            assert re.search(rf'"{re.escape(told["package"])}",\s+"{re.escape(told["version"])}"', script)
            assert f'"{told["integrity"]}"' in script
