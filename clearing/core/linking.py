"""Linking: the cards of one person come to share a wallet, and are parted again.

Everything that the newer wallet has goes to the older one: cards, members, lots, arrears and open holds.
A member that leaves takes its cards and what its own participant owes. What moves is booked issuer by issuer
as two transfers, one out of a wallet and one into the other; nothing is owed or charged for it.
"""

from clearing.core import arrears
from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import multiply_half_up
from clearing.core.batch import Batch
from clearing.core.cards import not_good
from clearing.core.commands import Command, Link, Unlink
from clearing.core.fees import OWN_SYSTEM
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.lots import Draw
from clearing.core.outcomes import Code, Moved, Refusal
from clearing.core.plan import Credit, Move, Plan, PlannedLeg, Relocation, Setting
from clearing.core.snapshot import Card, Lot

_ENTRIES = {
    Asset.POINTS: (EntryKind.POINTS_MOVED_OUT, EntryKind.POINTS_MOVED_IN),
    Asset.STORED_VALUE: (EntryKind.VALUE_MOVED_OUT, EntryKind.VALUE_MOVED_IN),
}


def check(batch: Batch, command: Link | Unlink, setting: Setting) -> Refusal | None:
    if isinstance(command, Unlink):
        return _cannot_part(batch, command, setting)
    other = batch.snapshot.cards.get(command.other_card)
    if other is None:
        return Refusal(
            Code.CARD_UNKNOWN, f"No participant has issued a card {command.other_card!r}.", "other_card"
        )
    refusal = not_good(other, setting.times.on, "other_card")
    if refusal:
        return refusal
    if other.wallet_id == setting.wallet_id:
        return Refusal(Code.ALREADY_EXISTS, "The two cards share a wallet already.", "other_card")
    ours, theirs = (_issuers(batch, wallet_id) for wallet_id in (setting.wallet_id, other.wallet_id))
    codes = {one.id: one.code for one in batch.snapshot.directory.participants.values()}
    for issuer_id in sorted(ours & theirs):
        return Refusal(
            Code.NOT_LINKABLE,
            f"{codes[issuer_id]} has a member behind either card; it must first make them one itself.",
            "other_card",
        )
    for issuer_id in sorted((ours | theirs) - command.consents):
        return Refusal(Code.NOT_LINKABLE, f"{codes[issuer_id]} has not agreed to it yet.", "other_card")
    return None


def plan(batch: Batch, command: Link | Unlink, setting: Setting) -> Relocation:
    if isinstance(command, Unlink):
        issuer_id = setting.acceptor_id
        return _relocation(batch, setting.wallet_id, batch.new_id(), issuer_id, "unlink")
    other = batch.snapshot.cards[command.other_card].wallet_id
    # Ids are ordered by time: the older wallet stays.
    target_id, source_id = sorted((setting.wallet_id, other))
    return _relocation(batch, source_id, target_id, None, "link")


def book(batch: Batch, command: Command, setting: Setting, planned: Relocation) -> Moved:
    """Move it. Nothing in here can fail."""
    for issuer_id in sorted({lot.issuer_id for lot in planned.lots} | set(planned.arrears)):
        for asset in Asset:
            lots = [lot for lot in planned.lots if lot.issuer_id == issuer_id and lot.asset is asset]
            if lots:
                _move_lots(batch, command, setting, planned, lots)
        if issuer_id in planned.arrears:
            _move_arrears(batch, command, setting, planned, issuer_id)
    held_in: dict[int, int] = {}
    for lot in planned.lots:
        if lot.held:
            there = _lot_in_target(batch, planned, lot)
            batch.hold_back(there, lot.held)
            held_in[lot.id] = there.id
    arrears.settle(batch, command, _setting(setting, planned.target_id, setting.acceptor_id))
    return batch.move(command, Move(planned.source_id, planned.target_id, planned.issuer_id, held_in))


def _cannot_part(batch: Batch, command: Unlink, setting: Setting) -> Refusal | None:
    if not command.caller.may_issue_for(setting.acceptor_id):
        return Refusal(Code.CARD_UNKNOWN, f"There is no card {command.card!r} of yours.", "card")
    if _issuers(batch, setting.wallet_id) == {setting.acceptor_id}:
        return Refusal(Code.NOT_LINKABLE, "The card shares its wallet with nobody.", "card")
    for hold in batch.snapshot.open_holds:
        if hold.wallet_id != setting.wallet_id:
            continue
        placed_with = batch.snapshot.cards[hold.card_number].issuer_id
        if setting.acceptor_id in {placed_with, *(draw.issuer_id for draw in hold.draws)}:
            return Refusal(
                Code.HOLD_OPEN,
                "A hold with this card, or on what its participant owes, is open. Part them when it was"
                " captured or voided, or has ended.",
                "card",
            )
    return None


def _cards(batch: Batch, wallet_id: int) -> list[Card]:
    return [card for card in batch.snapshot.cards.values() if card.wallet_id == wallet_id]


def _issuers(batch: Batch, wallet_id: int) -> set[int]:
    """The participants with a member in the wallet: each has one at most."""
    return {card.issuer_id for card in _cards(batch, wallet_id)}


def _relocation(
    batch: Batch, source_id: int, target_id: int, issuer_id: int | None, purpose: str
) -> Relocation:
    def goes(owner_id: int) -> bool:
        return issuer_id in (None, owner_id)

    # In the order of their ids, in whatever order they were read: the same books give the same entries.
    lots = sorted(
        (
            lot
            for asset in Asset
            for lot in batch.lots(source_id, asset)
            if goes(lot.issuer_id) and lot.available + lot.held
        ),
        key=lambda lot: lot.id,
    )
    owed = {
        key.issuer_id: points
        for key, points in batch.snapshot.arrears.items()
        if key.wallet_id == source_id and points and goes(key.issuer_id)
    }
    return Relocation(source_id, target_id, issuer_id, lots, owed, purpose)


def _move_lots(
    batch: Batch, command: Command, setting: Setting, planned: Relocation, lots: list[Lot]
) -> None:
    """All of one issuer and asset: out of the one wallet, into the other, what is held too."""
    issuer_id, asset = lots[0].issuer_id, lots[0].asset
    out, into = _ENTRIES[asset]
    whole = [lot.with_balance(lot.available + lot.held, 0) for lot in lots]
    quantity = sum(lot.available for lot in whole)
    points = quantity if asset is Asset.POINTS else 0
    amount = _worth(batch, points) if asset is Asset.POINTS else quantity
    draws = [Draw(lot, lot.available) for lot in whole]
    leaving = _plan(issuer_id, -points, -amount, planned)._replace(draws=draws, draw_entry=out)
    batch.book_beside(command, _setting(setting, planned.source_id, issuer_id), leaving)
    credits_ = [Credit(issuer_id, asset, lot.expires_on, lot.available, into) for lot in whole]
    coming = _plan(issuer_id, points, amount, planned)._replace(credits=credits_)
    batch.book_beside(command, _setting(setting, planned.target_id, issuer_id), coming)


def _move_arrears(
    batch: Batch, command: Command, setting: Setting, planned: Relocation, issuer_id: int
) -> None:
    """What a wallet owes is points below nothing: so many more leave than come."""
    points = planned.arrears[issuer_id]
    worth = _worth(batch, points)
    for wallet_id, sign in ((planned.source_id, 1), (planned.target_id, -1)):
        moved = _plan(issuer_id, sign * points, sign * worth, planned)._replace(arrears=-sign * points)
        batch.book_beside(command, _setting(setting, wallet_id, issuer_id), moved)


def _plan(issuer_id: int, points: int, amount: int, planned: Relocation) -> Plan:
    leg = PlannedLeg(LegKind.TRANSFER, issuer_id, points, amount, 0, OWN_SYSTEM)
    kind, nothing = TransactionKind.TRANSFER, EntryKind.POINTS_MOVED_OUT
    return Plan(kind, points, amount, [leg], [], nothing, [], planned.purpose)


def _setting(setting: Setting, wallet_id: int, issuer_id: int) -> Setting:
    """An act of the issuer's. No card: whose points are moved is not told the number of another's card."""
    return Setting(wallet_id, None, None, None, issuer_id, setting.times)


def _worth(batch: Batch, points: int) -> int:
    return multiply_half_up(points, batch.snapshot.directory.rulebook.settings.point_value)


def _lot_in_target(batch: Batch, planned: Relocation, lot: Lot) -> Lot:
    found = batch.lot_ending(planned.target_id, lot.issuer_id, lot.asset, lot.expires_on)
    assert found is not None, "all lots have been moved"
    return found
