"""A JSON document of any size, piece by piece: no more of it is in memory than one member, or one line."""

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import ijson

Event = tuple[str, Any]

NESTED_MAX = 20
_BEHIND = (
    "something stands behind the end of the statement, which nobody has signed; download the statement again"
)
_NOT_JSON = "this is not JSON, or no longer; what can be checked is the statement's file that ends in .json"


class Unreadable(ValueError):
    """The file is not the JSON that is expected; the text says why."""


class Piece(NamedTuple):
    """A member of the document, or (`is_item`) an item of the member that is read item by item."""

    name: str
    value: Any
    is_item: bool


def pieces(file: BinaryIO, by_item: str) -> Iterator[Piece]:
    """The members of the document in their order; of the list named `by_item` each item by itself.

    Raises Unreadable for what is no JSON object, for a name that comes twice, as two readers could take
    different ones of its values, and for whatever stands behind the object: nothing of that was checked.
    """
    events = ijson.basic_parse(file)
    try:
        yield from _pieces(events, by_item)
    except ijson.IncompleteJSONError as error:
        if "premature EOF" in str(error):
            raise Unreadable("it ends before the statement does; download it again") from error
        raise Unreadable(_NOT_JSON) from error
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise Unreadable(_NOT_JSON) from error
    _require_end(events)


def _require_end(events: Iterator[Event]) -> None:
    """Raises Unreadable if there is anything but white space behind the document."""
    try:
        behind = next(events, None)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise Unreadable(_BEHIND) from error
    if behind is not None:
        raise Unreadable(_BEHIND)


def _pieces(events: Iterator[Event], by_item: str) -> Iterator[Piece]:
    if _next(events)[0] != "start_map":
        raise Unreadable("the document is not a JSON object")
    seen = set()
    while (event := _next(events))[0] != "end_map":
        name = event[1]
        if name in seen:
            raise Unreadable(f"{name!r} comes twice")
        seen.add(name)
        event = _next(events)
        if name != by_item or event[0] != "start_array":
            yield Piece(name, _value(event, events, 0), False)
            continue
        while (event := _next(events))[0] != "end_array":
            yield Piece(name, _value(event, events, 0), True)


def _next(events: Iterator[Event]) -> Event:
    event = next(events, None)
    if event is None:
        raise Unreadable("it ends before the statement does; download it again")
    return event


def _value(event: Event, events: Iterator[Event], depth: int) -> Any:
    kind, value = event
    if depth > NESTED_MAX:
        raise Unreadable("the document is nested too deeply")
    if kind == "start_map":
        members: dict[str, Any] = {}
        while (event := _next(events))[0] != "end_map":
            if event[1] in members:
                raise Unreadable(f"{event[1]!r} comes twice in one object")
            members[event[1]] = _value(_next(events), events, depth + 1)
        return members
    if kind == "start_array":
        items = []
        while (event := _next(events))[0] != "end_array":
            items.append(_value(event, events, depth + 1))
        return items
    return value
