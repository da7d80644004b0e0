"""The API keeps to its own OpenAPI document, whatever a generator of requests thinks of."""

from collections.abc import Iterator
from typing import cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.services import Services
from support.alliance import Alliance

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 8

# The document needs no services; `served` gives them to the application for the requests.
APP = create_app(cast(Services, None))
SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", APP)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]  # it is valid


#: It takes nothing, not even a key, so there is nothing to get wrong.
NEVER_WRONG = "GET /v1/proof/keys"
CASES = [
    pytest.param(operation, mode, id=f"{operation.label}-{mode.value}")
    for operation in OPERATIONS
    for mode in GenerationMode
    if (operation.label, mode) != (NEVER_WRONG, GenerationMode.NEGATIVE)
]


@pytest.fixture(scope="module")
def served(shared: Alliance) -> Iterator[Alliance]:
    APP.extensions["tongdui"] = shared.services
    yield shared
    APP.extensions["tongdui"] = None


@pytest.mark.parametrize(("operation", "mode"), CASES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_answers_are_as_documented(
    served: Alliance, operation: APIOperation, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(operation.as_strategy(generation_mode=mode))
    headers = {"Authorization": f"Bearer {served.operator.key}"}
    case.call_and_validate(checks=CHECKS, headers=headers)
