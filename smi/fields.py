"""Where a field of the hub stands in an object as it was written, at its own version.

What waits in an annotation, because the version has no field for it, stands in that annotation.
"""

import re

from smi.access import destination_port, v1alpha1, v1alpha2
from smi.access.conversion import rule_places
from smi.k8s import stash
from smi.k8s.resource import Resource

_OLD = ("v1alpha1", "v1alpha2")
_RULE = re.compile(r"spec\.rules\[(\d+)\](.*)")


def as_written(resource: Resource, field: str) -> str:
    """The path in `resource`, as it was written, of what is at `field` of its hub."""
    match resource:
        case v1alpha1.TrafficTarget():
            return _at_root(_in_rules(resource, len(resource.specs), field))
        case v1alpha2.TrafficTarget():
            return _in_rules(resource, len(resource.spec.rules), field)
        case _:
            return _of_other(resource, field)


def _of_other(resource: Resource, field: str) -> str:
    group, _, version = resource.api_version.rpartition("/")
    match group, resource.kind:
        case "access.smi-spec.io", "TrafficTarget":
            waits = field == "spec.destination.port"
            return f"metadata.annotations.{destination_port.ANNOTATION}" if waits else field
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


def _in_rules(target: Resource, written: int, field: str) -> str:
    """`field`, a rule by its place among the `written` ones if it is one of them."""
    rule = _RULE.fullmatch(field)
    if rule is None:
        return field
    place = rule_places(target.metadata.annotations, written).get(int(rule[1]))
    return _waiting(target, field) if place is None else f"spec.rules[{place}]{rule[2]}"


def _at_root(field: str) -> str:
    """`field` of v1alpha2 as v1alpha1 has it, which knows no `spec` and calls rules `specs`."""
    at_root = field.removeprefix("spec.")
    return f"specs{at_root.removeprefix('rules')}" if at_root.startswith("rules") else at_root


def _waiting(resource: Resource, field: str) -> str:
    """The stash, if there is one; else somebody wrote the field though the version has none."""
    there = stash.ANNOTATION in resource.metadata.annotations
    return f"metadata.annotations.{stash.ANNOTATION}" if there else field
