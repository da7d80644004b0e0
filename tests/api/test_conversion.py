"""Balances of an older programme become points of the alliance, rounded down, and the rest is reported."""

from support.alliance import LI, WANG, Alliance
from support.api import good, wait_for_import

ROWS = f"""\
card,issuer,asset,quantity,expires_on
{WANG},PINE,points,1001,2037-12-31
{LI},PINE,points,3,2037-12-31
{LI},PINE,points,1,2037-11-30
{LI},PINE,stored_value,777,
{LI},LOTUS,points,9,2037-12-31
"""


def test_points_are_converted_with_the_issuers_ratio_and_money_is_not(alliance: Alliance) -> None:
    changed = good(alliance.operator.patch("/v1/participants/PINE", {"conversion_ratio": "0.35"}))
    assert changed["conversion_ratio"] == "0.35"
    done = wait_for_import(alliance.operator, "balances", ROWS)
    assert (done["accepted"], done["refused"], done["residue"]) == (4, 1, "0.4")  # 350.35 and 1.05
    lots = good(alliance.operator.get(f"/v1/wallets/{alliance.wallet(LI)}/lots"))["data"]
    assert sorted((lot["issuer"], lot["asset"], lot["available"]) for lot in lots) == [
        ("LOTUS", "points", 9),
        ("PINE", "points", 1),
        ("PINE", "stored_value", 777),
    ]
    errors = alliance.operator.get(f"/v1/imports/{done['id']}/errors.csv").get_data(as_text=True)
    assert "less than one point" in errors
    again = wait_for_import(alliance.operator, "balances", ROWS)
    assert (again["replayed"], again["residue"]) == (4, "0")
