"""One of several things that fails does not stop the others."""

from collections.abc import Sequence

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from clearing.one_by_one import TOLD_MAX, Failures, NotAllDone, together_or_each


def cut_off() -> DBAPIError:
    return OperationalError("SELECT 1", None, Exception("gone"), connection_invalidated=True)


def test_what_failed_is_told_by_name_with_its_reason_and_what_was_done() -> None:
    failures = Failures()
    done = 0
    for number in (1, 0, 2):
        with failures.of(f"thing {number}"):
            done += 2 // number
    with pytest.raises(NotAllDone) as told:
        failures.tell({"done": done})
    assert str(told.value).startswith("thing 0: ZeroDivisionError: ")
    assert told.value.counts == {"done": 3}
    Failures().tell({"done": 3})


def test_failures_of_parts_are_told_each_and_of_very_many_the_first() -> None:
    failures = Failures()
    with failures.of("all"):
        raise NotAllDone({f"part {number}": ValueError("bad\nmore") for number in range(TOLD_MAX + 2)}, {})
    with pytest.raises(NotAllDone, match=r"^part 0: ValueError: bad; .*; and 2 more, which the log names$"):
        failures.tell({})


def test_that_the_database_is_gone_stops_all() -> None:
    with pytest.raises(OperationalError), Failures().of("the first"):
        raise cut_off()

    def carry_out(_: Sequence[int]) -> list[int]:
        raise cut_off()

    with pytest.raises(OperationalError):
        together_or_each(carry_out, [1, 2], str, Failures())


def test_each_is_tried_alone_only_if_they_fail_together() -> None:
    asked: list[list[int]] = []

    def carry_out(numbers: Sequence[int]) -> list[int]:
        asked.append(list(numbers))
        return [6 // number for number in numbers]

    failures = Failures()
    assert together_or_each(carry_out, [], str, failures) == []
    assert together_or_each(carry_out, [1, 2], str, failures) == [6, 3]
    assert asked == [[1, 2]]
    assert together_or_each(carry_out, [1, 0, 3], str, failures) == [6, 2]
    assert asked[1:] == [[1, 0, 3], [1], [0], [3]]
    assert len(failures) == 1
