"""The HTTP API v1, one module for each resource."""

from flask_smorest import Api

from api.v1 import (
    adjustments,
    alliance,
    api_keys,
    cards,
    disputes,
    events,
    fee_rules,
    fee_simulations,
    holds,
    imports,
    members,
    merchants,
    participants,
    periods,
    postings,
    quotes,
    reversals,
    settlements,
    statements,
    transactions,
    wallets,
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
    imports,
    periods,
    settlements,
    statements,
    disputes,
    events,
)


def register(api: Api) -> None:
    for resource in RESOURCES:
        api.register_blueprint(resource.blueprint, url_prefix="/v1")
