"""Payments and ageing: what is left to pay, for how long, how to pay it, and what was paid."""

from typing import Any

from flask import g, render_template, request

from api.auth import FINANCE
from api.pages.finance.room import blueprint, books, closed_periods
from api.pages.guard import page
from api.problems import HttpCode, Problem
from api.v1.ageing import ageing_report
from api.v1.bank_accounts import account_of_hub
from api.v1.payments import payments_of
from api.v1.periods import number_of
from settlement.close import statement_id
from settlement.references import reference_of

#: Of so many closed periods payments are listed together; of an earlier one if it is named.
PERIODS = 12
AGES = ("current", "days_1_30", "days_31_60", "days_61_90", "days_over_90")


@blueprint.get("/payments")
@page(*FINANCE)
def payments() -> str:
    whose, names = books(), closed_periods()
    period = request.args.get("period") or None
    report = ageing_report(None, whose.id)
    wanted = [period] if period else names[:PERIODS]
    paid = [one for name in wanted for one in payments_of(name, whose.code)]
    return render_template(
        "finance/payments.html",
        books=whose,
        periods=names,
        period=period,
        report=report,
        nets=[_net(one) for one in report["nets"]],
        ages=AGES,
        paid=sorted(paid, key=lambda one: one["recorded_at"], reverse=True),
        account=_account(),
    )


def _net(one: dict[str, Any]) -> dict[str, Any]:
    """With its reference, and the statement that it stands on."""
    participant_id = g.directory.participant(one["participant"]).id
    number = number_of(one["period"])
    return {
        **one,
        "reference": reference_of(number, participant_id),
        "statement": statement_id(number, participant_id),
    }


def _account() -> dict[str, Any] | None:
    """The hub's bank account, None if it is not on record."""
    try:
        return account_of_hub()
    except Problem as problem:
        if problem.code != HttpCode.NOT_FOUND:
            raise
        return None
