"""A small alliance in a database, and posting to it: what tests of the shell start from.

`Ledger(engine)` founds the alliance of the worked example: participants JADE, LOTUS and PINE, each with a
merchant `CODE-1` and stored value enabled; fees visit 1 %, redemption 2 %, spend 0.6 %, all paid by the
acceptor. Commands are given by the operator. Time stands at `ledger.now` until a test moves it.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, insert, select

from clearing.adjustments import HUB_WALLET
from clearing.core.accounts import HUB, HUB_CODE, Asset
from clearing.core.commands import (
    Accrual,
    Caller,
    Capture,
    Command,
    Expiry,
    Link,
    Load,
    MoneyAdjustment,
    Opening,
    Redemption,
    Reversal,
    Scope,
    Spend,
    Unlink,
    Void,
)
from clearing.core.holds import Hold
from clearing.core.journal import Booking
from clearing.core.outcomes import Held, Outcome, Posted
from clearing.core.rulebook import ExchangeKind
from clearing.tables import (
    cards,
    directory_versions,
    fee_rules,
    members,
    merchants,
    participants,
    rulebooks,
    wallets,
)
from clearing.writer import Alongside, Writer

SHANGHAI = ZoneInfo("Asia/Shanghai")
OPERATOR = Caller("key_operator", Scope.OPERATOR)
CODES = ("JADE", "LOTUS", "PINE")
FEES = {ExchangeKind.VISIT: "0.01", ExchangeKind.REDEMPTION: "0.02", ExchangeKind.SPEND: "0.006"}


def shanghai(text: str) -> datetime:
    """`2026-11-30 23:59` as an instant in the alliance's time zone."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


class Ledger:
    """One alliance and one writer. Each booking happens a second after the one before."""

    def __init__(self, engine: Engine, now: str = "2026-11-15 10:00") -> None:
        self.engine = engine
        self.now = shanghai(now)
        self.participant_ids: dict[str, int] = {}
        self._keys = count(1)
        self._wallets = count(1001)
        self._found()
        self.writer = Writer(engine, fixed_time=self._tick)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()

    def enrol(self, *issuer_codes: str) -> str:
        """A new person with one card of each issuer in one wallet; returns the first card's number."""
        wallet_id = next(self._wallets)
        with self.engine.begin() as connection:
            connection.execute(insert(wallets).values(id=wallet_id, opened_at=self.now))
            for index, code in enumerate(issuer_codes):
                issuer_id, member_id = self.participant_ids[code], wallet_id * 10 + index
                connection.execute(
                    insert(members).values(
                        id=member_id, wallet_id=wallet_id, participant_id=issuer_id, enrolled_at=self.now
                    )
                )
                connection.execute(
                    insert(cards).values(
                        number=f"{code}-{wallet_id}",
                        wallet_id=wallet_id,
                        member_id=member_id,
                        issuer_id=issuer_id,
                        issued_at=self.now,
                    )
                )
        return f"{issuer_codes[0]}-{wallet_id}"

    def post(self, *commands: Command, alongside: Alongside | None = None) -> list[Outcome]:
        return self.writer.post(commands, alongside)

    def book(self, *commands: Command) -> list[Booking]:
        """Post what must not be refused."""
        outcomes = self.post(*commands)
        bookings = [outcome.booking for outcome in outcomes if isinstance(outcome, Posted)]
        assert len(bookings) == len(commands), outcomes
        return bookings

    # Commands, by what a till would say.

    def opens(self, card: str, issuer: str, quantity: int, expires: str | None = None) -> Opening:
        """`quantity` points that end on a date; without one, fen of stored value."""
        return Opening(
            **self._command(card),
            issuer=issuer,
            asset=Asset.POINTS if expires else Asset.STORED_VALUE,
            quantity=quantity,
            expires_on=date.fromisoformat(expires) if expires else None,
        )

    def pays_cash(
        self, card: str, at: str, amount: int, occurred: str | None = None, reference: str | None = None
    ) -> Accrual:
        occurred_at = shanghai(occurred) if occurred else None
        common = self._command(card) | {"occurred_at": occurred_at, "reference": reference}
        return Accrual(**common, merchant=f"{at}-1", amount=amount)

    def redeems(
        self, card: str, at: str, points: int, occurred: str | None = None, reference: str | None = None
    ) -> Redemption:
        occurred_at = shanghai(occurred) if occurred else None
        common = self._command(card) | {"occurred_at": occurred_at, "reference": reference}
        return Redemption(**common, merchant=f"{at}-1", points=points)

    def spends(self, card: str, at: str, amount: int) -> Spend:
        return Spend(**self._command(card), merchant=f"{at}-1", amount=amount)

    def holds(self, card: str, at: str, points: int) -> Hold:
        """Set points aside."""
        [outcome] = self.post(replace(self.redeems(card, at, points), capture=False))
        assert isinstance(outcome, Held), outcome
        return outcome.hold

    def captures(self, hold: Hold, points: int | None = None) -> Capture:
        return Capture(**self._act(), wallet_id=hold.wallet_id, hold_id=hold.id, points=points)

    def voids(self, hold: Hold) -> Void:
        return Void(**self._act(), wallet_id=hold.wallet_id, hold_id=hold.id)

    def reverses(self, booking: Booking, points: int | None = None) -> Reversal:
        row = booking.transaction
        return Reversal(
            **self._act(), wallet_id=row.wallet_id, transaction_id=row.id, points=points, reason="tests"
        )

    def expires(self, wallet_id: int, lot_id: int) -> Expiry:
        return Expiry(**self._act(), wallet_id=wallet_id, lot_id=lot_id)

    def links(self, card: str, other_card: str) -> Link:
        """With everybody's consent."""
        consents = frozenset(self.participant_ids.values())
        return Link(**self._command(card), other_card=other_card, consents=consents)

    def unlinks(self, card: str) -> Unlink:
        return Unlink(**self._command(card))

    def adjusts(self, debtor: str | int, creditor: str | int, amount: int) -> MoneyAdjustment:
        """Let one owe the other so much, by code (`HUB` is the hub) or id."""
        ids = {**self.participant_ids, HUB_CODE: HUB}
        debtor_id, creditor_id = (ids[one] if isinstance(one, str) else one for one in (debtor, creditor))
        return MoneyAdjustment(
            **self._act(),
            wallet_id=HUB_WALLET,
            debtor_id=debtor_id,
            creditor_id=creditor_id,
            amount=amount,
            reason="tests",
        )

    def loads(self, card: str, at: str, amount: int, issuer: str | None = None) -> Load:
        return Load(**self._command(card), merchant=f"{at}-1", amount=amount, issuer=issuer)

    def worked_example(self) -> str:
        """Post the worked example of the domain; returns Wang's card."""
        wang = self.enrol("JADE")
        self.book(
            self.opens(wang, "JADE", 3_000, "2027-01-31"),
            self.opens(wang, "JADE", 2_000, "2027-06-30"),
            self.opens(wang, "LOTUS", 1_500, "2026-12-31"),
            self.opens(wang, "JADE", 50_000),
        )
        self.book(self.redeems(wang, "LOTUS", 4_000, reference="POS-1"))
        self.book(self.pays_cash(wang, "LOTUS", 68_000, reference="=1+1"))
        self.book(self.spends(wang, "PINE", 30_000))
        self.book(self.redeems(wang, "JADE", 500))
        return wang

    def _command(self, card: str) -> dict[str, Any]:
        return self._act() | {"card": card}

    def _act(self) -> dict[str, Any]:
        key = next(self._keys)
        return {
            "key": str(UUID(int=key)),
            "request_hash": str(UUID(int=key)),
            "caller": OPERATOR,
        }

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def _found(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(insert(directory_versions).values(id=1, version=1))
            connection.execute(
                insert(rulebooks).values(
                    version=1,
                    made_at=self.now,
                    made_by="tests",
                    time_zone=SHANGHAI.key,
                    currency="CNY",
                    point_value=1,
                    reimbursement_rate=1,
                    draw_order="own_first",
                    grace_days=30,
                    vat_rate=Decimal("0.06"),
                    hold_minutes_default=10_080,
                    hold_minutes_max=576_000,
                )
            )
            connection.execute(insert(participants), list(self._participants()))
            rows = connection.execute(select(participants.c.code, participants.c.id))
            self.participant_ids = {row.code: row.id for row in rows}
            connection.execute(insert(merchants), list(self._merchants()))
            connection.execute(insert(fee_rules), list(_fee_rules()))

    def _participants(self) -> Iterable[dict[str, object]]:
        for code in CODES:
            yield {
                "code": code,
                "name": code.title(),
                "earn_rate": 1,
                "expiry_kind": "rolling",
                "expiry_months": 24,
                "expiry_month": 12,
                "expiry_day": 31,
                "stored_value_enabled": True,
                "stored_value_permit": "test permit",
                "admitted_at": self.now,
            }

    def _merchants(self) -> Iterable[dict[str, object]]:
        for code, participant_id in self.participant_ids.items():
            yield {
                "participant_id": participant_id,
                "code": f"{code}-1",
                "name": f"{code.title()} 1",
                "admitted_at": self.now,
            }


def _fee_rules() -> Iterable[dict[str, object]]:
    for kind, rate in FEES.items():
        yield {
            "since_version": 1,
            "kind": int(kind),
            "acceptor_share": 1,
            "rate": Decimal(rate),
            "flat": 0,
        }
