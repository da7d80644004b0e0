"""A short round of the drill `restore`, as `make drill` runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_what_was_acknowledged_before_the_moment_is_restored() -> None:
    command = [sys.executable, "-m", "drills", "restore", "--seconds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "restore 1/1: good" in done.stdout
