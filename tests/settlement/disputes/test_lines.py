"""The lines that disputes find are those that statements show, under the same numbers."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from clearing.ids import decode
from settlement.close import close_period
from settlement.disputes.lines import key_at_line, key_by_issuer, line_of, read_line
from settlement.query import list_statements, read_participant_codes
from settlement.statement_lines import read_lines
from support.ledger import Ledger, shanghai


@pytest.fixture
def closed(engine: Engine) -> Iterator[Engine]:
    """The worked example and more, closed."""
    with Ledger(engine) as ledger:
        wang = ledger.worked_example()
        redeemed = ledger.book(ledger.redeems(wang, "PINE", 500))[0]
        ledger.book(ledger.reverses(redeemed, 200))
        # Several at one instant: the numbers follow ids then.
        ledger.book(*(ledger.spends(wang, "LOTUS", amount) for amount in (100, 200, 300)))
        with engine.begin() as connection:
            close_period(connection, 202611, at=shanghai("2026-12-01 00:10"), closed_by="tests")
        yield engine


def test_every_line_of_every_statement_is_found_by_its_number_and_by_its_issuer(closed: Engine) -> None:
    seen = 0
    with closed.connect() as connection:
        ids = {code: id_ for id_, code in read_participant_codes(connection).items()}
        for header in list_statements(connection):
            for shown in list(read_lines(connection, header, 0)):
                key = key_at_line(connection, header, shown.line)
                assert key is not None
                assert (key.wallet_id, key.transaction_id) == decode("txn", shown.transaction, 2)
                line = read_line(connection, key)
                assert line.leg.issuer_id == ids[shown.issuer]
                assert (line.leg.kind.label, line.leg.obligation) == (shown.kind, shown.obligation)
                assert line_of(connection, header.period, header.participant_id, line) == shown.line
                named = (key.wallet_id, key.transaction_id, ids[shown.issuer])
                assert key_by_issuer(connection, header, *named) == key
                seen += 1
            assert key_at_line(connection, header, seen + 1) is None
    assert seen > 15
