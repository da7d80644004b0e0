"""A statement made up of given lines, and rendered without a database."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from clearing.core.accounts import HUB, HUB_CODE, Asset
from clearing.core.journal import LegKind
from settlement.core.liability import Breakage, RollForward
from settlement.core.statement import CounterpartyRow, DetailLine, Direction, Tally, split_vat
from settlement.liabilities import Liability, MonthlyEnd
from settlement.query import StatementHeader
from settlement.render import FORMATS
from settlement.statement import Statement

JADE, LOTUS = 1, 2
CODES = {HUB: HUB_CODE, JADE: "JADE", LOTUS: "LOTUS"}

LINE = DetailLine(
    line=1, transaction="txn_0", reference="POS-1", occurred_at="2026-11-02T10:00:00.000+08:00",
    booked_at="2026-11-02T10:00:01.000+08:00", merchant="JADE-1", transaction_kind="redemption",
    kind="redemption", issuer="LOTUS", acceptor="JADE", member="M-1", lots="", points=5, amount=5,
    obligation=5, direction=Direction.RECEIVABLE.value, fee_rate="0.02", fee=1, fee_payer="JADE",
    rule_version=1, reason="exchange", prior_period=False, reverses=None,
)  # fmt: skip


class MadeUp(NamedTuple):
    """What a format is made of; the stand-in of `settlement.statement.Detail` has been read to its end."""

    statement: Statement
    lines: Sequence[DetailLine]
    detail: Any

    def file(self, format_: str) -> bytes:
        out = io.BytesIO()
        sink = FORMATS[format_].begin(self.statement, out)
        for line in self.lines:
            sink.line(line, ",".join(str(value) for value in line).encode() + b"\r\n")
        sink.end(self.detail)
        sink.close()
        return out.getvalue()


class _Read(NamedTuple):
    tally: Tally
    data_hash: str


def made_up(
    lines: Sequence[DetailLine] = (LINE,),
    matrix: Sequence[CounterpartyRow] = (),
    header: Callable[[StatementHeader], StatementHeader] = lambda one: one,
    codes: dict[int, str] | None = None,
) -> MadeUp:
    """JADE's statement. Its head is of no more than `matrix`, with what `header` changes of it."""
    tally = Tally("JADE")
    for line in lines:
        tally.add(line)
    exchanged = [row for row in matrix if row.kind is not LegKind.ADJUSTMENT]
    by_hand = [row for row in matrix if row.kind is LegKind.ADJUSTMENT]
    receivable, payable = (sum(getattr(row, name) for row in exchanged) for name in ("receivable", "payable"))
    fees = sum(row.fees for row in matrix)
    adjustments = sum(row.receivable - row.payable for row in by_hand)
    head = header(
        StatementHeader(
            id="stm_1", number="2026-11-JADE-1", period=202611, participant_id=JADE, participant_code="JADE",
            participant_name="Jade", registered_name=None, address=None, tax_number=None,
            issued_at=datetime(2026, 12, 1, tzinfo=UTC), starts_at=datetime(2026, 10, 31, 16, tzinfo=UTC),
            ends_at=datetime(2026, 11, 30, 16, tzinfo=UTC), early=False, rule_version=1,
            zone=ZoneInfo("Asia/Shanghai"), currency="CNY", vat_rate=Decimal("0.06"),
            point_value=Decimal(1), hub_name=None, hub_address=None, hub_tax_number=None,
            receivable=receivable, payable=payable, fees=fees, adjustments=adjustments, rebates=0,
            carried_forward=0, net=receivable - payable - fees + adjustments, opening_balance=0, payments=0,
            due_on=date(2026, 12, 11), dispute_window_days=15,
        )
    )  # fmt: skip
    statement = Statement(
        head,
        split_vat(head.fees_less_rebates, head.vat_rate),
        tuple(matrix),
        (),
        _liability(Asset.POINTS),
        _liability(Asset.STORED_VALUE),
        len(lines),
        codes or CODES,
    )
    return MadeUp(statement, lines, _Read(tally, "0" * 64))


def _liability(asset: Asset) -> Liability:
    return Liability(
        RollForward(JADE, asset, 1_000, 200, 30, 40, 5, 6, 0, 0),
        (MonthlyEnd(202712, 1_179),),
        Breakage(1_230, 6),
    )
