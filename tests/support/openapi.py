"""Whether an answer is what the OpenAPI document says."""

from typing import Any

from openapi_schema_validator import OAS31Validator


def faults(document: dict[str, Any], schema: dict[str, Any], answer: Any) -> list[Any]:
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    root["components"] = document["components"]
    return list(OAS31Validator(root).iter_errors(answer))


def undocumented(document: dict[str, Any], schema: dict[str, Any], answer: Any, at: str = "") -> list[str]:
    """Names in the answer that the schema does not know."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(answer, list):
        return [found for item in answer for found in undocumented(document, schema["items"], item, at)]
    if not isinstance(answer, dict) or "properties" not in schema:
        return []
    found = []
    for name, value in answer.items():
        if name not in schema["properties"]:
            found.append(f"{at}/{name}")
        else:
            found += undocumented(document, schema["properties"][name], value, f"{at}/{name}")
    return found
