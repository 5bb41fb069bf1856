"""What somebody, or a tool, may have done to a document: in its structure, then in its bytes."""

import random
from collections.abc import Callable
from typing import Any

from tests.fuzz.corpus import DOCUMENTS, versions
from tests.fuzz.writing import Raw

Rng = random.Random
Document = dict[str, Any]

SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 65535, 65536, 2**31, 2**63 - 1, 2**63, 10**40, -(10**400)),
    *(0.5, -0.0, 1e300, 1.0, 80.0, float("nan"), float("inf"), float("-inf")),
    *("", " ", "a", "8080", "500m", "1k", "1e3", "1n", "9E", "-1", "+5", ".5", "\n", "\t", "\x00"),
    *("ä", "🂡", "\u2028", "\ufeff", "*", "~", "null", "yes", "[", "(", "a)(b", ".*", "30s", "-1h"),
    *("spiffe://cluster.local/ns/shop/sa/web", "web.shop.svc", "ServiceAccount", "IdentityBinding"),
    *("UDPRoute", "x" * 300, "9" * 5000, "(a{900}){9}", "to", "2026-02-30T00:00:00Z", "{}", "[]"),
)
RAW = tuple(
    Raw(text)
    for text in (
        *(
            ".nan",
            "-.inf",
            ".INF",
            "0x1F",
            "0o17",
            "017",
            "1_000",
            "12:30:45",
            "1:30",
            "2026-01-01",
        ),
        *("2026-01-01T00:00:00Z", "!!binary aGk=", "!!str 5", "!!int x", "!!float ''", "!!null x"),
        *(
            "!!set {a}",
            "!!omap [a: 1]",
            "!!python/object:os.system x",
            "!<tag:x> y",
            "! z",
            "!e!x y",
        ),
        *("*a", "&a b", "&a [*a]", "'", '"', '"\\ud800"', '"\\x00"', '"\\ud83c\\udca1"', "`", "@"),
        *("|\n x", ">-\n x", "? [a]", "{? [a]: 1}", "{a: 1, a: 2}", "{<<: *a}", "{<<: {a: 1}}"),
        *("{<<: 5}", "{1: 2}", "{null: 1}", "{true: 1}", "{1.5: 2}", "=", "<<", "%", "9" * 5000),
        *("0x" + "f" * 5000, "-" + "9" * 400, "1e999", "1e-999", "+.5e+3", "0b11", "- -", "---"),
    )
)
FIELDS = (
    *("apiVersion", "kind", "metadata", "name", "namespace", "annotations", "spec", "matches"),
    *("headers", "ports", "port", "methods", "pathRegex", "rules", "specs", "sources", "status"),
    *("destination", "schemes", "podLabelSelector", "matchLabels", "matchExpressions", "backends"),
    *("serviceAccount", "spiffeIdentities", "service", "weight", "apiGroup", "group", "items"),
    *("resource", "edge", "side", "selector", "window", "value", "unit", "x-odd", "", "a.b", "[0]"),
)
STASHES = ("conversion.smi-mesh.io/v1alpha4", "conversion.smi-mesh.io/destination-port")
KEPT = (*STASHES, "conversion.smi-mesh.io/weights")
TEXTS = ("", "{}", "[]", "5", "{", "null", '{"matches": [{}]}', '{"rules": [[0, {}]]}', "[" * 999)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Where something stands: a path of keys and indexes for each."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in pairs:
            found += places(child, (*path, key))
    return found


def copied(value: Any) -> Any:  # noqa: ANN401
    """The value, whose lists and maps may be changed."""
    if isinstance(value, dict):
        return {key: copied(child) for key, child in value.items()}
    return [copied(child) for child in value] if isinstance(value, list) else value


def mutated(rng: Rng, document: Document, times: int) -> Document:
    """A copy with so many mutations."""
    document = copied(document)
    for _ in range(times):
        there = places(document)
        if not there:
            break
        *path, last = rng.choice(there)
        holder: Any = document
        for step in path:
            holder = holder[step]
        rng.choice(_CHANGES)(rng, document, holder, last)
    return document


def any_value(rng: Rng) -> Any:  # noqa: ANN401
    """A scalar, something raw, or a little of both in a list or a map."""
    match rng.randrange(8):
        case 0 | 1 | 2 | 3:
            return rng.choice(SCALARS)
        case 4 | 5:
            return rng.choice(RAW)
        case 6:
            return [any_value(rng) for _ in range(rng.randrange(3))]
        case _:
            return {rng.choice(FIELDS): any_value(rng) for _ in range(rng.randrange(3))}


def _delete(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    del holder[last]


def _retype(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    holder[last] = any_value(rng)


def _repeat(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    if isinstance(holder, list):
        holder += copied(holder) if len(holder) < 64 else []
    else:
        holder[rng.choice(FIELDS)] = copied(holder[last])


def _rename(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    if isinstance(holder, dict):
        key = rng.choice((*FIELDS, 5, None, True, 1.5, "\ud800"))
        holder[key] = holder.pop(last)


def _wrap(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    for _ in range(rng.choice((1, 1, 1, 2, 50, 99, 110))):
        holder[last] = [holder[last]] if rng.random() < 0.5 else {"a": holder[last]}


def _unwrap(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    value = holder[last]
    if isinstance(value, list) and value:
        holder[last] = value[0]
    elif isinstance(value, dict) and isinstance(holder, dict):
        holder.update(copied(value))


def _graft(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    other: Any = rng.choice(DOCUMENTS)
    for step in rng.choice(places(other)):
        other = other[step]
    holder[last] = copied(other)


def _annotate(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        text = rng.choice((*TEXTS, any_value(rng), "8080", "0", '["500m", 1]'))
        metadata["annotations"] = {rng.choice(KEPT): text}


def _relabel(rng: Rng, document: Document, holder: Any, last: Any) -> None:  # noqa: ANN401
    known = versions(str(document.get("kind")))
    document["apiVersion"] = rng.choice((*known, "v1alpha2", "split.smi-spec.io/v9"))


_Change = Callable[[Rng, Document, Any, Any], None]
_CHANGES: tuple[_Change, ...] = (
    *(_retype, _retype, _retype, _delete, _delete, _repeat, _rename, _rename, _wrap, _unwrap),
    *(_graft, _graft, _annotate, _relabel),
)


def garbled(rng: Rng, data: bytes) -> bytes:
    """The bytes after an accident."""
    at = rng.randrange(len(data) + 1)
    match rng.randrange(9):
        case 0:
            return b"\xef\xbb\xbf" + data
        case 1:
            return data.replace(b"\n", b"\r\n")
        case 2:
            return data.replace(b"  ", b"\t", rng.randrange(1, 4))
        case 3:
            return data[:at] + rng.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00")) + data[at:]
        case 4:
            return data[:at]
        case 5:
            end = at + rng.randrange(40)
            return data[:at] + data[end:]
        case 6:
            end = at + rng.randrange(40)
            return data[:end] + data[at:]
        case 7:
            return data.decode("utf-8", "replace").encode(
                rng.choice(("utf-16", "latin-1")), "replace"
            )
        case _:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
