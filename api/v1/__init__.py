"""The HTTP API v1, one module for each resource."""

from flask_smorest import Api

from api.v1 import (
    alliance,
    api_keys,
    cards,
    fee_rules,
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
    api_keys,
    members,
    cards,
    quotes,
    postings,
    holds,
    reversals,
    transactions,
    wallets,
    imports,
    periods,
    settlements,
    statements,
)


def register(api: Api) -> None:
    for resource in RESOURCES:
        api.register_blueprint(resource.blueprint, url_prefix="/v1")
