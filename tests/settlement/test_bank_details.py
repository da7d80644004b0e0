"""Bank accounts as they are entered; routes tell the rest (tests/api/test_payment_routes.py)."""

import pytest

from settlement.bank_details import account_faults, canonical

CHINESE = {"holder": "松竹商贸有限公司", "account_number": "6222020200112233445", "country": "CN"}
#: Published by the banks, and by those who pay through them: head offices, branches, credit unions.
CNAPS_CODES = (
    "102100099996", "103100000026", "104100000004", "105100000017", "301290000007", "302100011000",
    "303100000006", "304521041448", "305100000013", "307584007998", "308584000013", "309391000011",
    "310290000013", "313100000013", "402584009991", "403100000004", "105290061081", "301290050828",
)  # fmt: skip


@pytest.mark.parametrize("code", CNAPS_CODES)
def test_cnaps_codes_of_banks_are_good_and_one_wrong_digit_is_noticed(code: str) -> None:
    assert account_faults(CHINESE | {"clearing_code": code}) == []
    for place in range(len(code)):
        wrong = f"{code[:place]}{(int(code[place]) + 1) % 10}{code[place + 1 :]}"
        [fault] = account_faults(CHINESE | {"clearing_code": wrong})
        assert fault.field == "clearing_code"


def test_codes_of_other_countries_are_not_held_to_the_chinese_rule() -> None:
    assert account_faults(CHINESE | {"country": "US", "clearing_code": "021000021"}) == []


def test_names_in_many_letters_are_good() -> None:
    for holder in ("𠮷田商会", "O'Hara & Söhne", "Zoë", "株式会社 松", "شركة النور", "酒店（上海）·一店"):
        assert account_faults(CHINESE | {"clearing_code": CNAPS_CODES[0], "holder": holder}) == []


@pytest.mark.parametrize("hidden", ["\ufffe", "\u202e", "\u3164", "\u2800", "\ufe0f", "\U000e0041", "\t"])
def test_what_cannot_be_seen_is_known_here_as_in_any_other_text(hidden: str) -> None:
    [fault] = account_faults(CHINESE | {"clearing_code": CNAPS_CODES[0], "holder": f"松{hidden}竹"})
    assert fault.field == "holder"
    assert f"U+{ord(hidden):04X}" in fault.detail


@pytest.mark.parametrize(
    "wrong", [{"iban": "DE89370400440532013001"}, {"iban": "DE8937"}, {"bic": "DEUTZZFF"}]
)
def test_a_wrong_iban_or_bic_is_told_in_one_plain_sentence(wrong: dict[str, str]) -> None:
    account = {"holder": "Pine", "country": "DE", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX"}
    [fault] = account_faults(account | wrong)
    assert fault.detail.count(".") == 1


def test_an_account_is_kept_without_blanks() -> None:
    given = {
        "holder": " Pine\u3000",
        "iban": "de89 3704 0044 0532 0130 00",
        "bic": "cobadeff xxx",
        "country": "DE",
    }
    assert canonical(given) == given | {
        "holder": "Pine",
        "iban": "DE89370400440532013000",
        "bic": "COBADEFFXXX",
    }
