"""Documents as bytes: JSON or YAML, one or several, and whatever stands in them as it is."""

import json
import random
from typing import Any

Rng = random.Random


class Raw(str):
    """Text that stands in YAML without quotes, whatever it may mean there."""

    __slots__ = ()


def written(rng: Rng, documents: list[Any]) -> bytes:
    """The documents in one of the ways in which a file may hold them."""
    if rng.random() < 0.4:
        text = "\n---\n".join(_json(document) for document in documents)
    else:
        marks = ("---\n", "\n---\n", "--- # next\n", "\n...\n---\n")
        text = rng.choice(marks).join(_block(document, 0) + "\n" for document in documents)
    return text.encode("utf-8", "surrogatepass")


def _json(value: Any) -> str:  # noqa: ANN401
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return _flow(value)


def _block(value: Any, depth: int) -> str:  # noqa: ANN401
    """YAML in blocks, its deeper parts in one line."""
    if depth > 6 or not value:
        return _flow(value)
    pad = "\n" + "  " * depth
    if isinstance(value, dict):
        return pad + pad.join(f"{_flow(k)}: {_block(v, depth + 1)}" for k, v in value.items())
    if isinstance(value, list):
        return pad + pad.join(f"- {_block(item, depth + 1)}" for item in value)
    return _flow(value)


def _flow(value: Any) -> str:  # noqa: ANN401
    """YAML in one line, without recursion: it may be deep."""
    out: list[str] = []
    stack: list[Any] = [(value,)]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            out.append(top)
            continue
        (inner,) = top
        if isinstance(inner, dict):
            pairs = [[(key,), ": ", (item,)] for key, item in inner.items()]
            stack += ["}", *_reversed(pairs), "{"]
        elif isinstance(inner, list):
            stack += ["]", *_reversed([[(item,)] for item in inner]), "["]
        else:
            out.append(_scalar(inner))
    return "".join(out)


def _reversed(groups: list[list[Any]]) -> list[Any]:
    found: list[Any] = []
    for number, group in enumerate(groups):
        found += ([", "] if number else []) + group
    return found[::-1]


def _scalar(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, float):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(repr(value), repr(value))
    return json.dumps(value, ensure_ascii=False)
