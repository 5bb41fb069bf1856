import json
from typing import Any

import pytest

from smi import scheme
from smi.fields import as_written
from smi.k8s import stash

STASH = f"metadata.annotations.{stash.ANNOTATION}"
PORT = "metadata.annotations.conversion.smi-mesh.io/destination-port"
TCP = {"kind": "TCPRoute", "name": "tcp"}
UDP = {"kind": "UDPRoute", "name": "udp"}
API = {"kind": "ServiceAccount", "name": "api"}
SPECS: dict[str, dict[str, Any]] = {
    "access/v1alpha1 TrafficTarget": {"destination": API, "specs": [TCP], "sources": [API]},
    "access/v1alpha2 TrafficTarget": {"spec": {"destination": API, "rules": [TCP]}},
    "access/v1alpha3 TrafficTarget": {
        "spec": {"destination": API, "rules": [TCP], "sources": [API]}
    },
    "access/v1alpha4 IdentityBinding": {"spec": {"schemes": {"serviceAccount": "a"}}},
    "specs/v1alpha1 HTTPRouteGroup": {"matches": []},
    "specs/v1alpha2 HTTPRouteGroup": {"matches": []},
    "specs/v1alpha3 HTTPRouteGroup": {"spec": {"matches": []}},
    "specs/v1alpha2 TCPRoute": {},
    "specs/v1alpha4 TCPRoute": {"spec": {"matches": {}}},
    "split/v1alpha2 TrafficSplit": {"spec": {"service": "a", "backends": []}},
    "split/v1alpha3 TrafficSplit": {"spec": {"service": "a", "backends": []}},
}


def written(said: str, field: str, annotations: dict[str, str] | None = None) -> str:
    at, kind = said.split()
    group, version = at.split("/")
    document = {
        "apiVersion": f"{group}.smi-spec.io/{version}",
        "kind": kind,
        "metadata": {"name": "a", "annotations": annotations or {}},
        **SPECS[said],
    }
    resource = scheme.decode(document)
    assert resource is not None
    return as_written(resource, field)


@pytest.mark.parametrize(
    ("said", "field", "expected"),
    [
        ("access/v1alpha1 TrafficTarget", "spec.sources[0].name", "sources[0].name"),
        ("access/v1alpha1 TrafficTarget", "spec.rules[0].matches[1]", "specs[0].matches[1]"),
        ("access/v1alpha1 TrafficTarget", "spec.rules", "specs"),
        ("access/v1alpha1 TrafficTarget", "spec.destination.port", "destination.port"),
        ("access/v1alpha1 TrafficTarget", "metadata.name", "metadata.name"),
        ("access/v1alpha2 TrafficTarget", "spec.rules[0].name", "spec.rules[0].name"),
        ("access/v1alpha2 TrafficTarget", "spec.rules[1].name", STASH),
        ("access/v1alpha2 TrafficTarget", "spec.destination.port", "spec.destination.port"),
        ("access/v1alpha3 TrafficTarget", "spec.rules[0].name", "spec.rules[0].name"),
        ("access/v1alpha3 TrafficTarget", "spec.destination.port", PORT),
        ("access/v1alpha4 IdentityBinding", "spec.schemes", "spec.schemes"),
        ("specs/v1alpha1 HTTPRouteGroup", "spec.matches[2].name", "matches[2].name"),
        ("specs/v1alpha1 HTTPRouteGroup", "spec.matches[2].headers.cookie", STASH),
        ("specs/v1alpha2 HTTPRouteGroup", "spec.matches[2].headers.x", "matches[2].headers.x"),
        ("specs/v1alpha3 HTTPRouteGroup", "spec.matches[2].name", "spec.matches[2].name"),
        ("specs/v1alpha2 TCPRoute", "spec.matches.ports[0]", STASH),
        ("specs/v1alpha2 TCPRoute", "spec.matches", "spec.matches"),
        ("specs/v1alpha2 TCPRoute", "metadata.name", "metadata.name"),
        ("specs/v1alpha4 TCPRoute", "spec.matches.ports[0]", "spec.matches.ports[0]"),
        ("split/v1alpha2 TrafficSplit", "spec.matches[0]", STASH),
        ("split/v1alpha2 TrafficSplit", "spec.backends[0]", "spec.backends[0]"),
        ("split/v1alpha3 TrafficSplit", "spec.matches[0]", "spec.matches[0]"),
    ],
)
def test_field_of_the_hub_is_named_as_its_version_has_it(
    said: str, field: str, expected: str
) -> None:
    annotations = {stash.ANNOTATION: "{}"} if expected == STASH else {}
    assert written(said, field, annotations) == expected


@pytest.mark.parametrize(
    ("said", "rules"),
    [("access/v1alpha1 TrafficTarget", "specs"), ("access/v1alpha2 TrafficTarget", "spec.rules")],
)
def test_rule_behind_one_that_waits_keeps_its_own_number(said: str, rules: str) -> None:
    waiting = {stash.ANNOTATION: json.dumps({"rules": [[0, UDP], [9, UDP]]})}
    assert written(said, "spec.rules[0].name", waiting) == STASH
    assert written(said, "spec.rules[1].name", waiting) == f"{rules}[0].name"
    assert written(said, "spec.rules[2].name", waiting) == STASH
