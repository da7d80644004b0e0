"""Changes of who takes part and by which rules. Each counts the directory's version up, and changes of
settings and fee rules make a new rulebook; nothing already booked is touched.

Every function works in the caller's transaction. Values have been checked by the caller; a code that is
already taken is answered with None.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from clearing.core.accounts import HUB_CODE
from clearing.core.amounts import rate_text
from clearing.core.calendar import ExpiryPolicy
from clearing.core.rulebook import AllianceSettings, FeeRule
from clearing.directory import hold_for_change, read_rulebook, rule_of
from clearing.tables import directory_versions, fee_rules, merchants, participants, rulebooks


def found_alliance(connection: Connection, settings: AllianceSettings, made_by: str) -> bool:
    """Write the first rulebook, unless there is one. True if this call wrote it."""
    connection.execute(upsert(directory_versions).values(id=1, version=0).on_conflict_do_nothing())
    hold_for_change(connection)
    if connection.execute(select(rulebooks.c.version).limit(1)).first() is not None:
        return False
    _write_rulebook(connection, 1, settings, made_by)
    return True


def change_settings(connection: Connection, changes: Mapping[str, Any], made_by: str) -> int:
    """A new rulebook with these settings changed; returns its version. `changes`: AllianceSettings fields."""
    hold_for_change(connection)
    rulebook = read_rulebook(connection)
    version = rulebook.version + 1
    _write_rulebook(connection, version, rulebook.settings._replace(**changes), made_by)
    return version


def add_fee_rule(connection: Connection, rule: FeeRule, made_by: str) -> tuple[FeeRule, int]:
    """A new rulebook with one more rule (its `id` is given here); returns the rule and the version."""
    version = change_settings(connection, {}, made_by)
    values = rule._asdict()
    del values["id"]
    values |= {"issuer_id": values.pop("issuer"), "acceptor_id": values.pop("acceptor")}
    values["tiers"] = [{"above": tier.above, "rate": rate_text(tier.rate)} for tier in rule.tiers]
    row = connection.execute(
        insert(fee_rules).values(since_version=version, **values).returning(fee_rules)
    ).one()
    return rule_of(row), version


def list_fee_rules(connection: Connection, after: int, limit: int) -> list[tuple[FeeRule, int]]:
    """Rules in the order in which they were made, with the rulebook version that brought each."""
    rows = connection.execute(
        select(fee_rules).where(fee_rules.c.id > after).order_by(fee_rules.c.id).limit(limit)
    )
    return [(rule_of(row), row.since_version) for row in rows]


def list_rulebooks(connection: Connection, before: int | None, limit: int) -> list[Row]:
    """The history of settings, newest first."""
    query = select(rulebooks).order_by(rulebooks.c.version.desc()).limit(limit)
    if before is not None:
        query = query.where(rulebooks.c.version < before)
    return list(connection.execute(query))


def admit_participant(connection: Connection, values: Mapping[str, Any]) -> Row | None:
    """`values`: code, name and any other column of `participants`; what is absent has its default."""
    if values["code"] == HUB_CODE:
        return None
    policy = ExpiryPolicy()
    defaults = {
        "earn_rate": 1,
        "expiry_kind": policy.kind.value,
        "expiry_months": policy.months,
        "expiry_month": policy.month,
        "expiry_day": policy.day,
    }
    return _admit(connection, participants, {**defaults, **values})


def admit_merchant(connection: Connection, participant_id: int, values: Mapping[str, Any]) -> Row | None:
    """`values`: code, name and any other column of `merchants`."""
    return _admit(connection, merchants, {"participant_id": participant_id, **values})


def change_participant(connection: Connection, code: str, changes: Mapping[str, Any]) -> Row | None:
    """The participant after the change; None if there is none with this code."""
    return _change(connection, participants, code, changes)


def change_merchant(connection: Connection, code: str, changes: Mapping[str, Any]) -> Row | None:
    return _change(connection, merchants, code, changes)


def read_participant(connection: Connection, code: str) -> Row | None:
    return connection.execute(select(participants).where(participants.c.code == code)).one_or_none()


def read_merchant(connection: Connection, code: str) -> Row | None:
    return connection.execute(select(merchants).where(merchants.c.code == code)).one_or_none()


def list_participants(connection: Connection, after: str, limit: int, status: str | None = None) -> list[Row]:
    """By code; those with this status, or all."""
    query = select(participants).where(participants.c.code > after).order_by(participants.c.code)
    if status is not None:
        query = query.where(participants.c.status == status)
    return list(connection.execute(query.limit(limit)))


def list_merchants(connection: Connection, participant_id: int, after: str, limit: int) -> list[Row]:
    query = select(merchants).where(merchants.c.participant_id == participant_id, merchants.c.code > after)
    return list(connection.execute(query.order_by(merchants.c.code).limit(limit)))


def _admit(connection: Connection, table: Table, values: Mapping[str, Any]) -> Row | None:
    hold_for_change(connection)
    row = upsert(table).values(admitted_at=func.clock_timestamp(), **values).on_conflict_do_nothing()
    return connection.execute(row.returning(table)).one_or_none()


def _change(connection: Connection, table: Table, code: str, changes: Mapping[str, Any]) -> Row | None:
    hold_for_change(connection)
    if not changes:
        return connection.execute(select(table).where(table.c.code == code)).one_or_none()
    changed = update(table).where(table.c.code == code).values(**changes).returning(table)
    return connection.execute(changed).one_or_none()


def _write_rulebook(connection: Connection, version: int, settings: AllianceSettings, made_by: str) -> None:
    values = settings._asdict() | {
        "time_zone": settings.time_zone.key,
        "draw_order": settings.draw_order.value,
    }
    connection.execute(
        insert(rulebooks).values(version=version, made_at=func.clock_timestamp(), made_by=made_by, **values)
    )
