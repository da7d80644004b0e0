"""The list of refused rows as CSV: each as it was sent, with what is wrong. Mended, it can be sent back."""

import csv
import io
from collections.abc import Iterator

from sqlalchemy import Connection

from api.imports import store
from api.imports.kinds import KINDS
from api.imports.reader import IGNORED_COLUMNS

PERSONAL = ("name", "phone")
HEAD = ("row", "code", "detail", "field")
assert set(HEAD) == IGNORED_COLUMNS, "or the list could not be sent back as it is"


def refused_csv(connection: Connection, found: store.Import, *, in_clear: bool = True) -> Iterator[str]:
    """The lines of the list, streamed; only the first line if nothing was refused.

    Names and phones are left out unless `in_clear`: they are for who sent them.
    """
    hidden = {} if in_clear else dict.fromkeys(PERSONAL)
    columns = sorted(KINDS[found.upload.kind].columns)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*HEAD, *columns], extrasaction="ignore", restval="")

    def take() -> str:
        line = text.getvalue()
        text.seek(0)
        text.truncate()
        return line

    writer.writeheader()
    yield take()
    for refusal in store.refusals(connection, found.id):
        writer.writerow({**refusal["content"], **hidden, **{name: refusal[name] for name in HEAD}})
        yield take()
