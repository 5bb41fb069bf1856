"""Where a field of the hub stands in an object as it was written, at its own version.

What waits in an annotation, because the version has no field for it, stands in that annotation.
"""

import re

from smi.access import destination_port
from smi.access.conversion import rule_places
from smi.k8s import stash
from smi.k8s.resource import Resource

_OLD = ("v1alpha1", "v1alpha2")
_RULE = re.compile(r"spec\.rules\[(\d+)\](.*)")


def as_written(resource: Resource, field: str) -> str:
    """The path in `resource`, as it was written, of what is at `field` of its hub."""
    group, _, version = resource.api_version.rpartition("/")
    match group, resource.kind:
        case "access.smi-spec.io", "TrafficTarget":
            return _of_target(resource, version, field)
        case "specs.smi-spec.io", "HTTPRouteGroup" if version in _OLD:
            at_root = field.removeprefix("spec.")
            waits = version == "v1alpha1" and ".headers" in field
            return _waiting(resource, at_root) if waits else at_root
        case "specs.smi-spec.io", "TCPRoute" if version != "v1alpha4":
            return _waiting(resource, field) if field.startswith("spec.matches") else field
        case "split.smi-spec.io", "TrafficSplit" if version in _OLD:
            return _waiting(resource, field) if field.startswith("spec.matches") else field
        case _:
            return field


def _of_target(target: Resource, version: str, field: str) -> str:
    if version not in _OLD:
        waits = field == "spec.destination.port"
        return f"metadata.annotations.{destination_port.ANNOTATION}" if waits else field
    rule = _RULE.fullmatch(field)
    if rule:
        place = rule_places(target.metadata.annotations, _rules(target)).get(int(rule[1]))
        if place is None:
            return _waiting(target, field)
        field = f"spec.rules[{place}]{rule[2]}"
    if version != "v1alpha1":
        return field
    at_root = field.removeprefix("spec.")
    return f"specs{at_root.removeprefix('rules')}" if at_root.startswith("rules") else at_root


def _waiting(resource: Resource, field: str) -> str:
    """The stash, if there is one; else somebody wrote the field though the version has none."""
    there = stash.ANNOTATION in resource.metadata.annotations
    return f"metadata.annotations.{stash.ANNOTATION}" if there else field


def _rules(target: Resource) -> int:
    """How many rules are written."""
    spec = getattr(target, "spec", None)
    return len(getattr(target, "specs", ()) if spec is None else spec.rules)
