"""What a front desk sees before the act: the card check."""

from urllib.parse import quote

import pytest

from support.alliance import LI, NOBODY, WANG, Alliance
from support.api import code, good, pointers, refused


def test_the_card_check_tells_what_a_visited_desk_needs(alliance: Alliance) -> None:
    good(alliance.operator.patch("/v1/participants/JADE", {"tiers": ["Silver", "Gold"]}))
    good(alliance.operator.patch("/v1/participants/PINE", {"tiers": ["Green", "Black"]}))
    good(
        alliance.operator.patch(
            "/v1/participants/PINE/merchants/PINE-1", {"benefits": {"Black": ["Late check-out"]}}
        )
    )
    check = good(alliance.merchant("PINE-1").get(f"/v1/cards/{WANG}"))
    assert (check["number"], check["status"], check["cross_system"]) == ("****0001", "active", True)
    assert check["issuer"] == {"code": "JADE", "name": "Jade"}
    assert check["points"]["available"] == 6500
    assert check["points"]["value"] == 6500
    assert check["points"]["expiring"][0] == {"points": 1500, "expires_on": "2036-12-31"}
    assert check["fee_preview"] == 130  # 2 % of 65 yuan, the two legs rounded each for itself
    assert check["stored_value"] == [{"issuer": "JADE", "available": 50000, "usable_here": True}]
    assert (check["tier"], check["benefits"]) == ({"issuer": None, "level": None, "here": None}, [])
    alliance.enrol("JADE", "62000011", name="Sun Yi", tier="Gold")
    check = good(alliance.merchant("PINE-1").get("/v1/cards/62000011"))
    assert check["tier"] == {"issuer": "Gold", "level": 2, "here": "Black"}
    assert check["benefits"] == ["Late check-out"]


def test_lots_are_listed_in_the_order_in_which_they_would_be_used(alliance: Alliance) -> None:
    def order(merchant: str) -> list[tuple[str, int, bool]]:
        lots = good(alliance.merchant(merchant).get(f"/v1/cards/{WANG}"))["lots"]
        return [(lot["issuer"], lot["points"], lot["cross_system"]) for lot in lots]

    assert order("JADE-1") == [("JADE", 3000, False), ("JADE", 2000, False), ("LOTUS", 1500, True)]
    assert order("LOTUS-1") == [("LOTUS", 1500, False), ("JADE", 3000, True), ("JADE", 2000, True)]
    assert order("PINE-1") == [("LOTUS", 1500, True), ("JADE", 3000, True), ("JADE", 2000, True)]


def test_its_own_desk_pays_nothing_for_its_own_card(shared: Alliance) -> None:
    check = good(shared.merchant("LOTUS-1").get(f"/v1/cards/{LI}"))
    assert (check["cross_system"], check["fee_preview"], check["lots"]) == (False, 0, [])


@pytest.mark.parametrize("number", [NOBODY, "x", "6200000", "62000001x", "卡", "a" * 300])
def test_an_unknown_card_is_answered_as_such(shared: Alliance, number: str) -> None:
    check = good(shared.merchant("JADE-1").get(f"/v1/cards/{number}"))
    assert (check["status"], set(check)) == ("unknown", {"number", "status"})


@pytest.mark.parametrize("number", [f" {WANG} ", f"]C1{WANG}", f"*{WANG}*", f"]A0*{WANG}*"])
def test_what_a_scanner_puts_around_a_number_is_not_part_of_it(shared: Alliance, number: str) -> None:
    client = shared.merchant("JADE-1")
    assert good(client.get(f"/v1/cards/{quote(number)}")) == good(client.get(f"/v1/cards/{WANG}"))


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (f"{WANG[:4]}\u200b{WANG[4:]}", "Character 5 of it cannot be seen (U+200B); write it without that."),
        (f"{WANG}\ufeff", "Character 9 of it cannot be seen (U+FEFF); write it without that."),
        (f"\uff16{WANG[1:]}", "Character 1 of it is U+FF16; write 6."),
    ],
)
def test_a_number_that_only_looks_like_a_card_is_refused_and_says_where(
    shared: Alliance, number: str, told: str
) -> None:
    found = refused(shared.merchant("JADE-1").get(f"/v1/cards/{quote(number)}"))
    assert (found["detail"], pointers(found)) == (told, ["/number"])


def test_the_operator_and_a_participant_name_the_merchant(shared: Alliance) -> None:
    for caller in (shared.operator, shared.participant("JADE")):
        assert code(caller.get(f"/v1/cards/{WANG}")) == "malformed"
        assert code(caller.get(f"/v1/cards/{WANG}?merchant=NOWHERE")) == "merchant_unknown"
        good(caller.get(f"/v1/cards/{WANG}?merchant=JADE-1"))


def test_an_expired_card_is_told_apart(shared: Alliance) -> None:
    shared.enrol("PINE", "62000012", card_expires_on="2026-01-31")
    assert good(shared.merchant("JADE-1").get("/v1/cards/62000012"))["status"] == "expired"
    refused = shared.merchant("JADE-1").post(
        "/v1/accruals", {"card": "62000012", "merchant": "JADE-1", "amount": 1}
    )
    assert code(refused) == "card_expired"


def test_looking_changes_nothing(shared: Alliance) -> None:
    desk = shared.merchant("PINE-1")
    before, sums = shared.row_counts(), shared.sums()
    good(desk.get(f"/v1/cards/{WANG}"))
    good(desk.post("/v1/quotes", {"kind": "redemption", "card": WANG, "merchant": "PINE-1", "points": 500}))
    assert (shared.row_counts(), shared.sums()) == (before, sums)


def test_stored_value_that_is_not_enabled_is_shown_as_not_usable(shared: Alliance) -> None:
    shared.enrol("PINE", "62000013")
    here = {"card": "62000013", "merchant": "PINE-1", "amount": 900}
    good(shared.merchant("PINE-1").post("/v1/loads", here))
    check = good(shared.merchant("JADE-1").get("/v1/cards/62000013"))
    assert check["stored_value"] == [{"issuer": "PINE", "available": 900, "usable_here": False}]
    elsewhere = {"card": "62000013", "merchant": "JADE-1", "amount": 500}
    assert code(shared.merchant("JADE-1").post("/v1/spends", elsewhere)) == "not_enabled"


def test_a_merchant_made_since_the_last_look_is_known(alliance: Alliance) -> None:
    good(alliance.merchant("PINE-1").get(f"/v1/cards/{WANG}"))
    merchant = {"code": "PINE-9", "name": "Pine nine", "category": "hotel"}
    good(alliance.operator.post("/v1/participants/PINE/merchants", merchant))
    good(alliance.operator.get(f"/v1/cards/{WANG}?merchant=PINE-9"))
    good(alliance.merchant("PINE-9").get(f"/v1/cards/{WANG}"))
