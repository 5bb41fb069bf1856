"""What is wrong with a document, in words that say what to write instead."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from smi.errors import Problem
from smi.k8s.wording import field_path, wording

# What to write, by field: `Kind path` where the name alone would not tell which is meant.
EXAMPLES = {
    "apiVersion": "apiVersion: access.smi-spec.io/v1alpha4",
    "kind": "kind: TrafficTarget",
    "metadata": "metadata: {name: web}",
    "name": "name: web",
    "spec": "spec: and the fields of the object below it",
    "destination": "destination: {kind: ServiceAccount, name: api}",
    "sources": "sources: [{kind: ServiceAccount, name: web}]",
    "rules": "rules: [{kind: HTTPRouteGroup, name: api}]",
    "schemes": "schemes: {serviceAccount: web}",
    "matchLabels": "matchLabels: {app: web}",
    "spiffeIdentities": "spiffeIdentities: [spiffe://cluster.local/ns/shop/sa/web]",
    "specs": "specs: [{kind: HTTPRouteGroup, name: api}]",
    "TrafficTarget destination.port": "port: 8080",
    "TrafficTarget spec.destination.port": "port: 8080",
    "HTTPRouteGroup matches": "matches: [{name: api, pathRegex: /api}]",
    "HTTPRouteGroup spec.matches": "matches: [{name: api, pathRegex: /api}]",
    "TCPRoute spec.matches": "matches: {ports: [8080]}, or matches: {ports: []} for all ports",
    "UDPRoute spec.matches": "matches: {ports: [5353]}, or matches: {ports: []} for all ports",
    "ports": "ports: [8080]",
    "methods": "methods: [GET, HEAD]",
    "service": "service: web",
    "backends": "backends: [{service: web-v1, weight: 90}, {service: web-v2, weight: 10}]",
    "resource": "resource: {kind: Pod, namespace: shop, name: web-0}",
    "direction": "direction: to",
    "apex": "apex: web",
    "timestamp": "timestamp: 2019-04-08T22:25:55Z",
    "window": "window: 30s",
    "metrics": "metrics: [{name: success_count, value: 100}]",
    "value": "value: 100",
    "items": "items: []",
    "weight": "weight: 90 (weights are shares: 1 and 3 say what 0.5 and 1.5 do)",
}


def finding(document: Mapping[str, Any], detail: ErrorDetails) -> Problem:
    """What the shape of a document's kind found wrong with it."""
    field = field_path(detail)
    example = EXAMPLES.get(f"{document['kind']} {field}") or EXAMPLES.get(field.rpartition(".")[2])
    return problem(document, field, wording(detail, example))


def problem(document: Mapping[str, Any], field: str, message: str) -> Problem:
    """Something that is wrong at `field` of a document, which may be no object at all."""
    kind, metadata = document.get("kind"), document.get("metadata")
    if kind in ("TrafficMetrics", "TrafficMetricsList"):  # they have no name but their resource's
        metadata = document.get("resource")
    name = namespace = None
    if isinstance(metadata, Mapping):
        name, namespace = metadata.get("name"), metadata.get("namespace")
    return Problem(
        file=None,
        line=None,
        kind=kind if isinstance(kind, str) else "",
        name=f"{namespace or 'default'}/{name}" if isinstance(name, str) else "",
        field=field,
        message=message,
    )
