"""The part of OpenAPI v3 that structural schemas use, as an API server judges objects by it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: type(v) is int,
}
_RULES: dict[str, Callable[[Any], bool]] = {
    "has(self.matches) || has(self.spec) && has(self.spec.matches)": lambda v: (
        "matches" in v or "matches" in v.get("spec", {})
    ),
}


def accepts(schema: Schema, value: Any) -> bool:  # noqa: ANN401
    """Whether `value` is as `schema` says."""
    rules = schema.get("x-kubernetes-validations", ())
    # As by an API server, rules are judged only of what is sound otherwise.
    return all(_judgements(schema, value)) and all(_RULES[one["rule"]](value) for one in rules)


def _judgements(schema: Schema, value: Any) -> Iterator[bool]:  # noqa: ANN401
    if "type" in schema:
        yield _TYPES[schema["type"]](value)
    if schema.get("x-kubernetes-int-or-string"):
        yield type(value) is int or isinstance(value, str)
    if "enum" in schema:
        yield value in schema["enum"]
    if "anyOf" in schema:
        yield any(accepts(one, value) for one in schema["anyOf"])
    if "not" in schema:
        yield not accepts(schema["not"], value)
    yield from _of_its_type(schema, value)


def _of_its_type(schema: Schema, value: Any) -> Iterator[bool]:  # noqa: ANN401
    if isinstance(value, dict):
        yield from _of_object(schema, value)
    elif isinstance(value, list):
        yield len(value) >= schema.get("minItems", 0)
        yield all(accepts(schema.get("items", {}), item) for item in value)
    elif isinstance(value, str):
        yield schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        yield bool(re.search(schema.get("pattern", ""), value))
    elif type(value) is int:
        yield schema.get("minimum", value) <= value <= schema.get("maximum", value)
        yield schema.get("format") != "int64" or abs(value) < 2**63


def _of_object(schema: Schema, value: dict[str, Any]) -> Iterator[bool]:
    yield set(schema.get("required", ())) <= value.keys()
    yield len(value) >= schema.get("minProperties", 0)
    known = schema.get("properties", {})
    yield all(accepts(known[name], value[name]) for name in known.keys() & value.keys())
    others = schema.get("additionalProperties", {})
    yield all(accepts(others, value[name]) for name in value.keys() - known.keys())
