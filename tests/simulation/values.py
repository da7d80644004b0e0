"""Outcomes in a word, and values with other ids."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from clearing.core.outcomes import Held, Moved, Outcome, Posted, Refusal, Replayed


def summary(outcome: Outcome) -> str:
    """`posted`, `held`, `replayed`, or the code of the refusal."""
    match outcome:
        case Posted():
            return "posted"
        case Held():
            return "held"
        case Moved():
            return "moved"
        case Replayed():
            return "replayed"
        case Refusal():
            return outcome.code.value


def renamed(value: Any, ids: Mapping[int, int]) -> Any:
    """The same value with other ids, wherever they stand in it."""
    if type(value) is int:
        return ids.get(value, value)
    if isinstance(value, tuple):
        parts = [renamed(one, ids) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [renamed(one, ids) for one in value]
    if isinstance(value, dict):
        return {renamed(key, ids): renamed(one, ids) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: renamed(getattr(value, one.name), ids) for one in fields(value)})
    return value
