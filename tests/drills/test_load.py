"""What a drill expects of the ledger, from what was answered."""

from collections import Counter

from drills.installation import Answer
from drills.load import Act, Model, differences, model_of


def accrual(key: str, points: int, fee: int = 0, status: int = 200) -> tuple[Act, Answer]:
    act = Act(key, "/v1/accruals", "tdk", {"card": "88", "merchant": "LOTUS-1"})
    leg = {"issuer": "JADE", "obligation": 0, "fee": fee, "fee_payer": "LOTUS"}
    return act, Answer(status, {"points": points, "acceptor": "LOTUS", "legs": [leg]}, replayed=False)


def redemption(key: str, points: int, obligation: int) -> tuple[Act, Answer]:
    act = Act(key, "/v1/redemptions", "tdk", {"card": "88", "merchant": "LOTUS-1"})
    leg = {"issuer": "JADE", "obligation": obligation, "fee": 1, "fee_payer": "LOTUS"}
    return act, Answer(200, {"points": points, "acceptor": "LOTUS", "legs": [leg]}, replayed=False)


def test_outcomes_add_up_and_refusals_count_for_nothing() -> None:
    refused = accrual("3", 999, status=422)
    model = model_of([accrual("1", 500, fee=7), redemption("2", 120, 120), refused])
    assert model.points == {"88": 380}
    assert model.owed == {("JADE", "LOTUS"): 120}
    assert model.fees == {"LOTUS": 8}


def test_each_figure_that_differs_is_named() -> None:
    expected = model_of([accrual("1", 500)])
    found = Model(Counter({"88": 499}), Counter({("JADE", "LOTUS"): 1}), Counter())
    assert differences(expected, found) == [
        "points of 88: expected 500, found 499",
        "owed of ('JADE', 'LOTUS'): expected 0, found 1",
    ]
    assert differences(expected, expected) == []
