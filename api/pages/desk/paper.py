"""On which paper receipts are printed; kept for the next one."""

from flask import request, session

PAPERS = ("80", "a4")
CHOSEN = "desk-paper"


def paper() -> str:
    """`?paper=`, else what was chosen before, else the roll of 80 mm."""
    asked = request.args.get("paper")
    if asked in PAPERS and session.get(CHOSEN) != asked:
        session[CHOSEN] = asked
    chosen = session.get(CHOSEN)
    return chosen if chosen in PAPERS else PAPERS[0]
