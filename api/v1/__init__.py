"""The HTTP API v1, one module for each resource."""

from flask_smorest import Api

from api.v1 import (
    adjustments,
    ageing,
    alliance,
    api_keys,
    bank_accounts,
    bank_files,
    cards,
    disputes,
    events,
    fee_rules,
    fee_simulations,
    holds,
    imports,
    jobs,
    links,
    members,
    merchants,
    participants,
    payments,
    periods,
    postings,
    proof,
    quotes,
    reversals,
    settlements,
    statements,
    transactions,
    wallets,
    webhook_endpoints,
)

RESOURCES = (
    alliance,
    participants,
    merchants,
    fee_rules,
    fee_simulations,
    api_keys,
    members,
    cards,
    quotes,
    postings,
    holds,
    reversals,
    adjustments,
    transactions,
    wallets,
    links,
    imports,
    periods,
    settlements,
    payments,
    bank_accounts,
    bank_files,
    ageing,
    statements,
    disputes,
    events,
    webhook_endpoints,
    proof,
    jobs,
)


def register(api: Api) -> None:
    for resource in RESOURCES:
        api.register_blueprint(resource.blueprint, url_prefix="/v1")
