"""What pydantic finds wrong, in the words of somebody who writes manifests."""

import json

from pydantic_core import ErrorDetails

# By pydantic's error type; braces are filled from the error's context.
_EXPECTED = {
    "string_type": "text",
    "string_unicode": "text in Unicode",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a whole number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "literal_error": "{expected}",
    "port_or_name": "a port from 1 to 65535 or the name of one",
    "tuple_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
}
_ABSENT = {"missing": "missing", "too_short": "empty", "string_too_short": "empty"}
_LONGEST_SHOWN = 40  # what is quoted must not hide what is said


def field_path(detail: ErrorDetails) -> str:
    """Where the error is, as it is written in manifests: `spec.backends[1].weight`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
    below: str = detail.get("ctx", {}).get("at", "")  # our validators may know the place better
    return ("".join(parts) + below).removeprefix(".").removesuffix(".[key]")


def wording(detail: ErrorDetails, example: str | None) -> str:
    """What is wrong and what to write instead; continues a sentence that starts with the field."""
    error = detail["type"]
    if error in _ABSENT:
        return f"is {_ABSENT[error]}; write {example or 'one'}"
    if error == "extra_forbidden":
        return "is not known here"
    if error not in _EXPECTED:
        return detail["msg"]
    shown = _shown(detail["input"])
    expected = _EXPECTED[error].format_map(detail.get("ctx", {}))
    if error == "string_type" and isinstance(detail["input"], bool | int | float):
        return f"should be text, not {shown}{_quotes(detail['input'])}"
    return f"should be {expected}, not {shown}" + (f"; write {example}" if example else "")


def _quotes(value: float) -> str:
    """How to write as text what YAML reads as a number or a boolean, however it is written."""
    if isinstance(value, bool):
        said = "y, yes or on" if value else "n, no or off"
        return f" (which YAML also reads in {said}); put it in quotes"
    return f'; put it in quotes: "{value}"' if isinstance(value, int) else "; put it in quotes"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    try:
        text = json.dumps(value, default=repr, ensure_ascii=False)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number that is too large"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
