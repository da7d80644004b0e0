"""Drill: back up under load, go on, and restore to a moment between.

All that was acknowledged before the moment is there under its id, nothing that began after it is; what is
sent again is posted once, and the whole agrees with the model and with `tongdui verify`.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from drills.alliance import found
from drills.installation import Installation
from drills.load import Load, differences, model_in, model_of, outcome

#: Around the moment nothing is sent, so that it is clear what came before and what after.
PAUSE_SECONDS = 1.0


def run(folder: Path, seed: int, seconds: float) -> list[str]:
    """One round, with load for `seconds` on each side of the moment; what was wrong."""
    backups = folder / "backups"
    settings = {"TONGDUI_BACKUPS": str(backups), "TONGDUI_BACKUP_PASSPHRASE": "drill"}
    first = Installation(folder / "data", folder / "tongdui.log", settings)
    first.start()
    try:
        alliance = found(first)
        load = Load(first, alliance, seed)
        load.start()
        made = first.command("db", "backup")
        time.sleep(seconds)
        before = load.stop()
        time.sleep(PAUSE_SECONDS)
        moment = datetime.now(UTC)
        time.sleep(PAUSE_SECONDS)
        load = Load(first, alliance, seed + 500)
        load.start()
        time.sleep(seconds)
        after = load.stop()
        # The moment must lie in the archive, as it does a minute later at the latest.
        first.command("db", "psql", "-c", "SELECT pg_switch_wal()")
        _wait_until_archived(first)
    finally:
        first.stop()
    faults = [] if made.returncode == 0 else [f"db backup: {made.stdout}"]

    began = time.monotonic()
    again = Installation(folder / "restored", folder / "tongdui.log", settings)
    done = again.command("db", "restore", str(backups), "--at", moment.isoformat())
    took = time.monotonic() - began
    if done.returncode:
        return [*faults, f"db restore: {done.stdout}"]
    again.start()
    try:
        outcomes = []
        for one in [*before, *after]:
            answer = outcome(again, one.act)
            assert answer is not None, "nobody stops it"
            outcomes.append((one.act, answer))
            is_old = one.at < moment
            if one.answer.status < 300 and answer.replayed is not is_old:
                told = "is lost" if is_old else "is there, though it came later"
                faults.append(f"{one.act.key}, acknowledged at {one.at}, {told}")
            elif is_old and answer.body.get("id") != one.answer.body.get("id"):
                faults.append(f"{one.act.key} has another id")
        faults += differences(model_of(outcomes), model_in(again, alliance))
        verified = again.command("verify")
        if verified.returncode:
            faults.append(f"verify: {verified.stdout}")
    finally:
        again.stop()
    print(
        f"{len(before)} acts before and {len(after)} after the moment, restored and verified in {took:.1f} s"
    )
    return faults


def _wait_until_archived(installation: Installation) -> None:
    query = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
    for _ in range(600):
        if installation.command("db", "psql", "-At", "-c", query).stdout.strip() == "0":
            return
        time.sleep(0.1)
    raise RuntimeError("the log was not archived within a minute")
