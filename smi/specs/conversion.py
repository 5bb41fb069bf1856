"""Routes at other versions. On documents: what is stored converts, whatever it is."""

from collections.abc import Mapping
from typing import Any

from smi.k8s import stash
from smi.k8s.document import Document, items, part, without
from smi.specs.matches import is_stashed, restored, stashed

_GROUP = "specs.smi-spec.io"
_ALL_PORTS: Document = {"ports": []}
_PORTS: stash.Shape = {"matches": lambda value: value is None or isinstance(value, dict)}
_HEADERS: stash.Shape = {
    "matches": lambda value: isinstance(value, list) and all(map(is_stashed, value))
}


def v1alpha1_to_hub(document: Mapping[str, Any]) -> Document:
    """The same route; a match has again the headers that it had at the hub."""
    if document.get("kind") == "TCPRoute":
        return v1alpha2_to_hub(document)
    newer, content = stash.take(_at("v1alpha2", document), _HEADERS)
    if "matches" in content:
        newer["matches"] = restored(items(newer, "matches"), content["matches"])
    return v1alpha2_to_hub(newer)


def v1alpha2_to_hub(document: Mapping[str, Any]) -> Document:
    """The same route; what stands at the root of a group is in its spec."""
    if "matches" not in document or document.get("kind") == "TCPRoute":
        return v1alpha3_to_hub(document)
    spec = part(document, "spec") | {"matches": document["matches"]}
    return v1alpha3_to_hub({**without(document, "matches"), "spec": spec})


def v1alpha3_to_hub(document: Mapping[str, Any]) -> Document:
    """The same route; a TCPRoute is of the ports in its stash, or else of all."""
    hub = _at("v1alpha4", document)
    if hub.get("kind") != "TCPRoute":
        return hub
    hub, content = stash.take(hub, _PORTS)
    spec: Document = {"matches": _ALL_PORTS} | part(hub, "spec") | content
    return {**hub, "spec": without(spec, "matches") if spec["matches"] is None else spec}


def hub_to_v1alpha3(document: Mapping[str, Any]) -> Document:
    """The same route; the ports of a TCPRoute are in the stash."""
    older = _at("v1alpha3", document)
    if older.get("kind") != "TCPRoute":
        return older
    spec = part(older, "spec")
    matches = spec.get("matches")
    content = {} if matches == _ALL_PORTS else {"matches": matches}
    return stash.put({**older, "spec": without(spec, "matches")}, content, _PORTS)


def hub_to_v1alpha2(document: Mapping[str, Any]) -> Document:
    """The same route; what is in the spec of a group stands at the root."""
    older = {**hub_to_v1alpha3(document), "apiVersion": f"{_GROUP}/v1alpha2"}
    spec = part(older, "spec")
    rest = without(spec, "matches")
    moved = {"matches": spec["matches"]} if "matches" in spec else {}
    return without(older, "spec") | ({"spec": rest} if rest else {}) | moved


def hub_to_v1alpha1(document: Mapping[str, Any]) -> Document:
    """The same route; the headers of its matches are in the stash."""
    older = {**hub_to_v1alpha2(document), "apiVersion": f"{_GROUP}/v1alpha1"}
    if older.get("kind") == "TCPRoute":
        return older
    matches = items(older, "matches")
    content = stashed(matches)
    if not content:
        return stash.put(older, {}, _HEADERS)
    seen = [without(match, "headers") if _is_match(match) else match for match in matches]
    return stash.put({**older, "matches": seen}, {"matches": content}, _HEADERS)


def _at(version: str, document: Mapping[str, Any]) -> Document:
    return {**document, "apiVersion": f"{_GROUP}/{version}"}


def _is_match(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("name"), str)
