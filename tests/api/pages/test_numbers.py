"""Numbers as people type them: read where they can mean one thing only, else who typed them is asked."""

from collections.abc import Iterator

import pytest

from api.pages import numbers
from api.pages.hub import inputs
from api.pages.numbers import NotRead
from support.alliance import Alliance

A_COMMA = "A comma groups three digits, and decimals stand after a point: write %s."
GROUPS = "Commas and spaces group three digits, as in 12,345; write it without them."
NO_COMMAS = "Write it without commas and spaces; decimals stand after a point: 1.5."


@pytest.fixture(autouse=True)
def in_english(shared: Alliance) -> Iterator[None]:
    with shared.app.test_request_context("/", headers={"Accept-Language": "en"}):
        yield


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("680", 68_000),
        ("1234.5", 123_450),
        ("1,234.50", 123_450),
        ("1,234,567", 123_456_700),
        ("12 345.67", 1_234_567),
        ("12\u00a0345", 1_234_500),
        ("¥1,234.50", 123_450),
        ("¥ 12", 1_200),
        ("12元", 1_200),
        ("12.50 元", 1_250),
        ("0.07", 7),
        ("007", 700),
        ("０.０５", 5),
        ("１２。５０", 1_250),
        ("12．5", 1_250),
        ("12｡5", 1_250),
        ("\uffe51\uff0c000", 100_000),
        ("\u200b680\ufeff\t", 68_000),
        ("9999999999999.99", 999_999_999_999_999),
    ],
)
def test_money_is_read_to_the_fen(text: str, fen: int) -> None:
    assert numbers.fen(text) == fen


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("12,50", A_COMMA % "12.50"),
        ("12，50", A_COMMA % "12.50"),
        ("0,6", A_COMMA % "0.6"),
        ("0,600", A_COMMA % "0.600"),
        ("1,2345", GROUPS),
        ("1,23,456", GROUPS),
        ("1234,567", GROUPS),
        ("12,345 678", GROUPS),
        ("12 50", GROUPS),
        ("1,234,5.00", GROUPS),
        ("1,", GROUPS),
        ("1.234", "Yuan have at most two decimals; write it as 1234.50."),
        ("0.005", "Yuan have at most two decimals; write it as 1234.50."),
        *(
            (text, "Write an amount in yuan, such as 1234.50.")
            for text in (
                "", "¥", "元", "-1", "+1", "−1", "1e5", "ten", "1.2.3", "1.234,56", ".5", "12.", "12。",
                "1_000", "٣", "৩", "½", "²", "1²", "①", "一百", "1万", "¥¥1", "12元元", "$5", "0x10",
                "12345678901234",
                "5 元 5", ",5", "1'000", "10\x001",
            )
        ),
    ],
)  # fmt: skip
def test_what_may_mean_two_things_or_none_is_refused_with_what_to_write(text: str, told: str) -> None:
    with pytest.raises(NotRead) as refused:
        numbers.fen(text)
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("text", "number"),
    [("4,000", 4000), ("４０", 40), ("-500", -500), ("\u2212500", -500), ("–5", -5), ("－5", -5), ("+7", 7),
     ("1，000，000", 1_000_000), ("0", 0), ("00012", 12)],
)  # fmt: skip
def test_whole_numbers_are_read(text: str, number: int) -> None:
    assert numbers.whole(text) == number


@pytest.mark.parametrize("text", ["", "4.5", "4.0", "4,5", "٣", "1e3", "--5", "5-", "- 5", "4。5", "1" * 16])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(NotRead, match=r"Write a whole number\."):
        numbers.whole(text)


@pytest.mark.parametrize(("text", "told"), [("4,00", GROUPS), ("-4,0000", GROUPS), ("40 00", GROUPS)])
def test_a_whole_number_that_is_grouped_oddly_is_refused(text: str, told: str) -> None:
    with pytest.raises(NotRead) as refused:
        numbers.whole(text)
    assert str(refused.value) in (told, "Write a whole number.")


def test_what_cannot_be_below_zero_is_not() -> None:
    assert numbers.whole("5", signed=False) == 5
    with pytest.raises(NotRead):
        numbers.whole("-5", signed=False)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("0.6", "0.006"),
        ("2%", "0.02"),
        ("2 %", "0.02"),
        ("100", "1"),
        ("0.0001", "0.000001"),
        ("０。６％", "0.006"),
    ],
)
def test_percentages_are_read_exactly(text: str, rate: str) -> None:
    assert numbers.percentage(text) == rate


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0,6", A_COMMA % "0.6"),
        ("0，6", A_COMMA % "0.6"),
        ("0,006", A_COMMA % "0.006"),
        ("1,500", NO_COMMAS),
        ("1 500", NO_COMMAS),
        ("-1", "Write a percentage, such as 0.6."),
        ("0.6%%", "Write a percentage, such as 0.6."),
        ("6‰", "Write a percentage, such as 0.6."),
        ("1e-3", "Write a percentage, such as 0.6."),
    ],
)
def test_a_rate_has_a_point_and_no_comma(text: str, told: str) -> None:
    with pytest.raises(NotRead) as refused:
        numbers.percentage(text)
    assert str(refused.value) == told


def test_decimals_are_what_the_api_takes() -> None:
    assert [numbers.decimal(text) for text in ("1.5", "１．５", "1。5", "10")] == ["1.5", "1.5", "1.5", "10"]
    for text in ("1,5", "1,500", "", "1.5.2", "٣"):
        with pytest.raises(NotRead):
            numbers.decimal(text)


def test_tiers_are_amounts_and_rates() -> None:
    assert inputs.tiers("100,000 0.5\n１０００００００：０。４%") == [
        {"above": 10_000_000, "rate": "0.005"},
        {"above": 1_000_000_000, "rate": "0.004"},
    ]
    for text in ("100,00 0.5", "100000 0,5", "100 000 0.5"):
        with pytest.raises(NotRead):
            inputs.tiers(text)
