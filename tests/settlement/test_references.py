"""Payment references are found again in what banks make of them."""

import pytest
from stdnum import iso11649

from settlement.references import (
    NetReference,
    has_foreign_reference,
    messages_in,
    reference_of,
    references_in,
)

NOVEMBER_OF_17 = NetReference(202611, 17)


def test_a_reference_is_a_creditor_reference_with_check_digits() -> None:
    reference = reference_of(202611, 17)
    assert iso11649.is_valid(reference)
    assert len(reference) <= 25
    assert reference.endswith("20261100017")


@pytest.mark.parametrize(
    "text",
    [
        "{0}",
        "settlement 2026-11, ref {0}, thank you",
        "转账 {1} 结算款",
        "{2}",
        "{0} 20261105",  # another number behind it
        "/ROC/{0}//URI/123",
        "{3}",
        "ref {4} 20261105",
        "{5}",
        "{0}CNY",
    ],
)
def test_it_is_found_in_the_remittance_text(text: str) -> None:
    reference = reference_of(*NOVEMBER_OF_17)
    spaced = " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))
    others = (
        "".join(chr(ord(letter) + 0xFEE0) for letter in reference),
        spaced.replace(" ", "-"),
        spaced.replace(" ", " \N{EN DASH}\n"),
    )
    assert references_in(text.format(reference, spaced, reference.lower(), *others)) == {NOVEMBER_OF_17}


def test_a_mistyped_one_is_passed_over() -> None:
    reference = reference_of(*NOVEMBER_OF_17)
    assert references_in(reference[:-1] + "8") == set()
    assert references_in("RF20261100017") == set()
    assert references_in("") == set()
    assert references_in(f"{reference}8") == set(), "there is one digit too many"
    assert references_in(f"{reference[:4]}X{reference[4:]}") == set()


def test_creditor_references_of_others_are_told_from_ours() -> None:
    assert has_foreign_reference("Invoice RF18539007547034")
    assert has_foreign_reference("ＲＦ１８ ５３９０ ０７５４ ７０３４")
    assert has_foreign_reference("RF18-5390-0754-7034 / thanks")
    for text in ("", reference_of(202611, 17), "RF18539007547035", "PERF18539007547034"):
        assert not has_foreign_reference(text)


def test_message_ids_of_payment_files_are_found() -> None:
    message_id = "TD202611-0123456789abcdef"
    for text in (message_id, f"批量 {message_id.upper()}/2", message_id.replace("-", ""), f"({message_id})"):
        assert messages_in(text) == {message_id}
    assert messages_in("TD202611-0123456789abcde") == set()
    assert messages_in(f"{message_id}0") == set()


def test_all_that_are_named_are_found() -> None:
    named = {NetReference(202611, 17), NetReference(202612, 100_003)}
    assert references_in(", ".join(reference_of(*one) for one in named)) == named
