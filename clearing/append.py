"""Apply: one set-based statement writes all that a decision contains."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from clearing.arrays import flags, numbers, times
from clearing.core.batch import Decision

# Rows that another transaction may hold are written in key order, so that no two wait in a ring.
_APPLY = """
WITH new_lots AS (
  INSERT INTO lots (wallet_id, id, issuer_id, asset, expires_on, available)
  SELECT * FROM unnest(%(nl_wallet)s::bigint[], %(nl_id)s::bigint[], %(nl_issuer)s::int[], %(nl_asset)s::smallint[],
                       %(nl_expires)s::date[], %(nl_available)s::bigint[])
), changed_lots AS (
  UPDATE lots SET available = c.available
    FROM unnest(%(cl_wallet)s::bigint[], %(cl_id)s::bigint[], %(cl_available)s::bigint[]) AS c (wallet_id, id, available)
   WHERE lots.wallet_id = c.wallet_id AND lots.id = c.id
), new_transactions AS (
  INSERT INTO transactions (period, wallet_id, id, kind, card_number, merchant_id, acceptor_id, occurred_at, booked_at,
                            late, points, amount, rule_version, posted_by, reference, purpose, metadata)
  SELECT * FROM unnest(%(t_period)s::int[], %(t_wallet)s::bigint[], %(t_id)s::bigint[], %(t_kind)s::smallint[],
                       %(t_card)s::text[], %(t_merchant)s::int[], %(t_acceptor)s::int[], %(t_occurred)s::timestamptz[],
                       %(t_booked)s::timestamptz[], %(t_late)s::bool[], %(t_points)s::bigint[], %(t_amount)s::bigint[],
                       %(t_rules)s::int[], %(t_by)s::text[], %(t_reference)s::text[], %(t_purpose)s::text[],
                       %(t_metadata)s::jsonb[])
), new_legs AS (
  INSERT INTO legs (period, wallet_id, transaction_id, number, kind, issuer_id, acceptor_id, points, amount, obligation,
                    acceptor_fee, issuer_fee, fee_rule_id, reason)
  SELECT * FROM unnest(%(l_period)s::int[], %(l_wallet)s::bigint[], %(l_transaction)s::bigint[], %(l_number)s::smallint[],
                       %(l_kind)s::smallint[], %(l_issuer)s::int[], %(l_acceptor)s::int[], %(l_points)s::bigint[],
                       %(l_amount)s::bigint[], %(l_obligation)s::bigint[], %(l_acceptor_fee)s::bigint[],
                       %(l_issuer_fee)s::bigint[], %(l_rule)s::int[], %(l_reason)s::smallint[])
), new_entries AS (
  INSERT INTO entries (period, wallet_id, transaction_id, number, kind, debit, credit, quantity)
  SELECT * FROM unnest(%(e_period)s::int[], %(e_wallet)s::bigint[], %(e_transaction)s::bigint[], %(e_number)s::smallint[],
                       %(e_kind)s::smallint[], %(e_debit)s::bigint[], %(e_credit)s::bigint[], %(e_quantity)s::bigint[])
), new_outcomes AS (
  INSERT INTO outcomes (key, request_hash, recorded_at, wallet_id, transaction_id, refusal_code, refusal_detail, refusal_field)
  SELECT o.key, o.request_hash, %(at)s, o.wallet_id, o.transaction_id, o.code, o.detail, o.field
    FROM unnest(%(o_key)s::uuid[], %(o_request)s::uuid[], %(o_wallet)s::bigint[], %(o_transaction)s::bigint[],
                %(o_code)s::text[], %(o_detail)s::text[], %(o_field)s::text[])
      AS o (key, request_hash, wallet_id, transaction_id, code, detail, field)
), new_references AS (
  INSERT INTO merchant_references (merchant_id, kind, reference, wallet_id, transaction_id)
  SELECT * FROM unnest(%(r_merchant)s::int[], %(r_kind)s::smallint[], %(r_reference)s::text[], %(r_wallet)s::bigint[],
                       %(r_transaction)s::bigint[])
)
INSERT INTO positions AS p (period, issuer_id, acceptor_id, kind, stripe, exchanges, points, amount, obligation,
                            acceptor_fee, issuer_fee)
SELECT n.period, n.issuer_id, n.acceptor_id, n.kind, %(stripe)s, n.exchanges, n.points, n.amount, n.obligation,
       n.acceptor_fee, n.issuer_fee
  FROM unnest(%(p_period)s::int[], %(p_issuer)s::int[], %(p_acceptor)s::int[], %(p_kind)s::smallint[],
              %(p_exchanges)s::bigint[], %(p_points)s::bigint[], %(p_amount)s::bigint[], %(p_obligation)s::bigint[],
              %(p_acceptor_fee)s::bigint[], %(p_issuer_fee)s::bigint[])
    AS n (period, issuer_id, acceptor_id, kind, exchanges, points, amount, obligation, acceptor_fee, issuer_fee)
    ON CONFLICT (period, issuer_id, acceptor_id, kind, stripe) DO UPDATE
   SET exchanges = p.exchanges + excluded.exchanges, points = p.points + excluded.points,
       amount = p.amount + excluded.amount, obligation = p.obligation + excluded.obligation,
       acceptor_fee = p.acceptor_fee + excluded.acceptor_fee, issuer_fee = p.issuer_fee + excluded.issuer_fee
"""


def apply(connection: Connection, decision: Decision, stripe: int, at: datetime) -> None:
    """Write the decision in the connection's transaction. `stripe`: the writer's own running totals."""
    if not decision.recorded:
        return  # every command was a replay or not entitled: nothing to write, not even an outcome
    parameters: dict[str, Any] = {"stripe": stripe, "at": at}
    for part in (_lots, _transactions, _legs, _entries, _outcomes, _references, _positions):
        parameters.update(part(decision))
    connection.exec_driver_sql(_APPLY, parameters)


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[tuple[Any, ...]]:
    """Rows turned into columns, also when there are no rows."""
    return list(zip(*rows, strict=True)) or [()] * width


def _lots(decision: Decision) -> dict[str, Any]:
    wallet, lot, issuer, asset, expires, available = _columns(decision.new_lots.values(), 6)
    changed = list(decision.changed_lots.values())
    return {
        "nl_wallet": numbers(wallet),
        "nl_id": numbers(lot),
        "nl_issuer": numbers(issuer),
        "nl_asset": numbers(asset),
        "nl_expires": times(expires),
        "nl_available": numbers(available),
        "cl_wallet": numbers(row.wallet_id for row in changed),
        "cl_id": numbers(row.id for row in changed),
        "cl_available": numbers(row.available for row in changed),
    }


def _transactions(decision: Decision) -> dict[str, Any]:
    (period, wallet, id_, kind, card, merchant, acceptor, occurred, booked, late, points, amount, rules, by,
     reference, purpose, metadata) = _columns(decision.transactions, 17)  # fmt: skip
    return {
        "t_period": numbers(period),
        "t_wallet": numbers(wallet),
        "t_id": numbers(id_),
        "t_kind": numbers(kind),
        "t_card": list(card),
        "t_merchant": numbers(merchant),
        "t_acceptor": numbers(acceptor),
        "t_occurred": times(occurred),
        "t_booked": times(booked),
        "t_late": flags(late),
        "t_points": numbers(points),
        "t_amount": numbers(amount),
        "t_rules": numbers(rules),
        "t_by": list(by),
        "t_reference": list(reference),
        "t_purpose": list(purpose),
        "t_metadata": [_json(value) for value in metadata],
    }


def _legs(decision: Decision) -> dict[str, Any]:
    (period, wallet, transaction, number, kind, issuer, acceptor, points, amount, obligation, acceptor_fee,
     issuer_fee, rule, reason) = _columns(decision.legs, 14)  # fmt: skip
    return {
        "l_period": numbers(period),
        "l_wallet": numbers(wallet),
        "l_transaction": numbers(transaction),
        "l_number": numbers(number),
        "l_kind": numbers(kind),
        "l_issuer": numbers(issuer),
        "l_acceptor": numbers(acceptor),
        "l_points": numbers(points),
        "l_amount": numbers(amount),
        "l_obligation": numbers(obligation),
        "l_acceptor_fee": numbers(acceptor_fee),
        "l_issuer_fee": numbers(issuer_fee),
        "l_rule": numbers(rule),
        "l_reason": numbers(reason),
    }


def _entries(decision: Decision) -> dict[str, Any]:
    period, wallet, transaction, number, kind, debit, credit, quantity = _columns(decision.entries, 8)
    return {
        "e_period": numbers(period),
        "e_wallet": numbers(wallet),
        "e_transaction": numbers(transaction),
        "e_number": numbers(number),
        "e_kind": numbers(kind),
        "e_debit": numbers(debit),
        "e_credit": numbers(credit),
        "e_quantity": numbers(quantity),
    }


def _outcomes(decision: Decision) -> dict[str, Any]:
    recorded = sorted(decision.recorded.items())
    refusals = [outcome.refusal for _, outcome in recorded]
    return {
        "o_key": [key for key, _ in recorded],
        "o_request": [outcome.request_hash for _, outcome in recorded],
        "o_wallet": numbers(outcome.wallet_id for _, outcome in recorded),
        "o_transaction": numbers(outcome.transaction_id for _, outcome in recorded),
        "o_code": [refusal.code.value if refusal else None for refusal in refusals],
        "o_detail": [refusal.detail if refusal else None for refusal in refusals],
        "o_field": [refusal.field if refusal else None for refusal in refusals],
    }


def _references(decision: Decision) -> dict[str, Any]:
    references = sorted(decision.references.items())
    return {
        "r_merchant": numbers(key.merchant_id for key, _ in references),
        "r_kind": numbers(key.kind for key, _ in references),
        "r_reference": [key.reference for key, _ in references],
        "r_wallet": numbers(transaction.wallet_id for _, transaction in references),
        "r_transaction": numbers(transaction.id for _, transaction in references),
    }


def _positions(decision: Decision) -> dict[str, Any]:
    positions = sorted(decision.positions.items())
    return {
        "p_period": numbers(key.period for key, _ in positions),
        "p_issuer": numbers(key.issuer_id for key, _ in positions),
        "p_acceptor": numbers(key.acceptor_id for key, _ in positions),
        "p_kind": numbers(key.kind for key, _ in positions),
        "p_exchanges": numbers(change.exchanges for _, change in positions),
        "p_points": numbers(change.points for _, change in positions),
        "p_amount": numbers(change.amount for _, change in positions),
        "p_obligation": numbers(change.obligation for _, change in positions),
        "p_acceptor_fee": numbers(change.acceptor_fee for _, change in positions),
        "p_issuer_fee": numbers(change.issuer_fee for _, change in positions),
    }


def _json(value: Mapping[str, str] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
