"""Payment references are found again in what banks make of them."""

import pytest
from stdnum import iso11649

from settlement.references import NetReference, reference_of, references_in

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
    ],
)
def test_it_is_found_in_the_remittance_text(text: str) -> None:
    reference = reference_of(*NOVEMBER_OF_17)
    spaced = " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))
    assert references_in(text.format(reference, spaced, reference.lower())) == {NOVEMBER_OF_17}


def test_a_mistyped_one_is_passed_over() -> None:
    reference = reference_of(*NOVEMBER_OF_17)
    assert references_in(reference[:-1] + "8") == set()
    assert references_in("RF20261100017") == set()
    assert references_in("") == set()


def test_all_that_are_named_are_found() -> None:
    named = {NetReference(202611, 17), NetReference(202612, 100_003)}
    assert references_in(", ".join(reference_of(*one) for one in named)) == named
