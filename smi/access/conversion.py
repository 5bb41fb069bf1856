"""Access objects at other versions. On documents: what is stored converts, whatever it is.

The hub has no slot for a destination's port: it travels in an annotation, and narrows the grant.
Older versions have no slot for the group of an identity, and v1alpha1 and v1alpha2 none for a
UDPRoute: they wait in the stash. IdentityBindings keep their kind, which no older version knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smi.access import identities
from smi.access.destination_port import ANNOTATION, UNREADABLE, as_annotation, destination_port
from smi.access.places import AT_ROOT
from smi.k8s import stash
from smi.k8s.document import Document, annotated, annotation, items, part, without

_GROUP = "access.smi-spec.io"
_EMPTY: Document = {"rules": [], "sources": []}  # the hub demands both fields
_SHAPE: stash.Shape = {
    "rules": lambda value: isinstance(value, list) and all(map(_is_placed, value)),
    **identities.SHAPE,
}


def v1alpha1_to_hub(document: Mapping[str, Any]) -> Document:
    """The same target; the fields of v1alpha1 stand at the root."""
    moved = {name: document[at] for name, at in AT_ROOT.items() if at in document}
    rest = without(document, *AT_ROOT.values())
    return v1alpha2_to_hub({**rest, "spec": part(document, "spec") | moved})


def v1alpha2_to_hub(document: Mapping[str, Any]) -> Document:
    """The same target; its port is in the annotation, and lists that it leaves out are empty."""
    newer, content = stash.take(_at("v1alpha3", document), _SHAPE)
    written = {name: value for name, value in part(newer, "spec").items() if value is not None}
    spec = _EMPTY | written
    if "rules" in content:
        spec["rules"] = _placed(items(spec, "rules"), content["rules"])
    destination = part(spec, "destination")
    if "port" in destination:
        spec["destination"] = without(destination, "port")
    hub = _with_groups(_at("v1alpha4", {**newer, "spec": spec}), content)
    port = destination.get("port")
    return hub if port is None else annotated(hub, ANNOTATION, as_annotation(port))


def v1alpha3_to_hub(document: Mapping[str, Any]) -> Document:
    """The same target; an identity has again the group that it had at the hub."""
    return _with_groups(*stash.take(_at("v1alpha4", document), identities.SHAPE))


def hub_to_v1alpha3(document: Mapping[str, Any]) -> Document:
    """The same target; the groups of its identities are in the stash."""
    return stash.put(*_without_groups(document), identities.SHAPE)


def hub_to_v1alpha2(document: Mapping[str, Any]) -> Document:
    """The same target with its port; UDPRoutes are in the stash beside the identities' groups."""
    older, content = _without_groups(_with_port(document))
    spec = part(older, "spec")
    rules = items(spec, "rules")
    udp = [[index, rule] for index, rule in enumerate(rules) if _is_udp(rule)]
    if udp:
        content["rules"] = udp
        spec["rules"] = [rule for rule in rules if not _is_udp(rule)]
    kept = {name: value for name, value in spec.items() if name not in _EMPTY or value != []}
    return stash.put({**_at("v1alpha2", older), "spec": kept}, content, _SHAPE)


def hub_to_v1alpha1(document: Mapping[str, Any]) -> Document:
    """The same target as at v1alpha2, its fields at the root."""
    older = _at("v1alpha1", hub_to_v1alpha2(document))
    spec = part(older, "spec")
    rest = without(spec, *AT_ROOT)
    moved = {at: spec[name] for name, at in AT_ROOT.items() if name in spec}
    return without(older, "spec") | ({"spec": rest} if rest else {}) | moved


def rule_places(annotations: Mapping[str, str], written: int) -> dict[int, int]:
    """For each rule of the hub that is `written` at v1alpha2, which of those it is there."""
    _, content = stash.take({"metadata": {"annotations": dict(annotations)}}, _SHAPE)
    placed = _placed(list(range(written)), [(at, None) for at, _ in content.get("rules", ())])
    return {index: rule for index, rule in enumerate(placed) if rule is not None}


def _placed(rules: list[Any], waiting: Iterable[Sequence[Any]]) -> list[Any]:
    """`rules` with those that waited, each at the place that it had."""
    for index, rule in waiting:
        rules = [*rules[:index], rule, *rules[index:]]
    return rules


def _at(version: str, document: Mapping[str, Any]) -> Document:
    return {**document, "apiVersion": f"{_GROUP}/{version}"}


def _with_port(document: Mapping[str, Any]) -> Document:
    """A hub target with its port in the field of older versions; a damaged one stays."""
    text = annotation(document, ANNOTATION)
    port = None if text is None else destination_port({ANNOTATION: text})
    if port is None or port == UNREADABLE:
        return dict(document)
    spec = part(document, "spec")
    spec["destination"] = part(spec, "destination") | {"port": port}
    return annotated({**document, "spec": spec}, ANNOTATION, None)


def _with_groups(document: Document, content: Document) -> Document:
    if "identities" not in content:
        return document
    spec = identities.with_groups(part(document, "spec"), content["identities"])
    return {**document, "spec": spec}


def _without_groups(document: Mapping[str, Any]) -> tuple[Document, Document]:
    spec = part(document, "spec")
    lossy = identities.stashed(spec)
    if not lossy:
        return _at("v1alpha3", document), {}
    older = {**document, "spec": identities.without_groups(spec)}
    return _at("v1alpha3", older), {"identities": lossy}


def _is_udp(rule: object) -> bool:
    return isinstance(rule, Mapping) and rule.get("kind") == "UDPRoute"


def _is_placed(value: object) -> bool:
    """Whether `value` is a rule with the place that it had among the others."""
    return isinstance(value, list) and len(value) == 2 and type(value[0]) is int and value[0] >= 0
