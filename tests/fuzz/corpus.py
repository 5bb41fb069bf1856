"""Sound documents of every kind and version, among them such as conversion makes."""

import copy
from typing import Any

from smi import scheme
from smi.k8s.document import part

Document = dict[str, Any]

_META: Document = {
    "name": "it",
    "namespace": "shop",
    "labels": {"app": "web"},
    "annotations": {"example.org/note": "kept"},
}
_WEB: Document = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
_BINDING: Document = {"kind": "IdentityBinding", "name": "ids", "group": "access.smi-spec.io"}
_API: Document = {"kind": "ServiceAccount", "name": "api"}
_RULES: list[Document] = [
    {"kind": "UDPRoute", "name": "udp"},
    {"kind": "HTTPRouteGroup", "name": "routes", "matches": ["items", "admin"]},
    {"kind": "TCPRoute", "name": "tcp"},
]
_MATCHES: list[Document] = [
    {
        "name": "items",
        "pathRegex": "/items/.*",
        "methods": ["GET", "HEAD"],
        "headers": [{"x-user": "a|b"}, {"x-user": ".{1}"}],
    },
    {"name": "admin", "pathRegex": "/admin", "methods": ["*"], "headers": {"cookie": "^a=1$"}},
    {"name": "rest"},
]
_BACKENDS: list[Document] = [{"service": "v1", "weight": 90}, {"service": "v2", "weight": 10}]
_EDGE: Document = {
    "resource": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
    "edge": {"direction": "to", "side": "client", "resource": {"kind": "Pod", "name": "api-0"}},
    "backend": {"apex": "web", "name": "v1", "weight": 90},
    "timestamp": "2026-04-08T22:25:55Z",
    "window": "30s",
    "metrics": [
        {"name": "p99_response_latency", "unit": "seconds", "value": "10m"},
        {"name": "p50_response_latency", "unit": "ms", "value": "296875m"},
        {"name": "success_count", "value": 100},
    ],
}


def _at(api_version: str, kind: str, **fields: Any) -> Document:  # noqa: ANN401
    return {"apiVersion": api_version, "kind": kind, "metadata": _META, **fields}


_HUBS = [
    _at(
        "access.smi-spec.io/v1alpha4",
        "TrafficTarget",
        spec={"destination": _API, "rules": _RULES, "sources": [_WEB, _BINDING]},
    ),
    _at(
        "access.smi-spec.io/v1alpha4",
        "IdentityBinding",
        spec={
            "schemes": {
                "podLabelSelector": {"matchLabels": {"app": "web"}},
                "spiffeIdentities": ["spiffe://cluster.local/ns/shop/sa/web"],
            }
        },
    ),
    _at("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", spec={"matches": _MATCHES}),
    _at("specs.smi-spec.io/v1alpha4", "TCPRoute", spec={"matches": {"ports": [8080]}}),
    _at("specs.smi-spec.io/v1alpha4", "UDPRoute", spec={"matches": {"ports": [53, 5353]}}),
    _at(
        "split.smi-spec.io/v1alpha4",
        "TrafficSplit",
        spec={
            "service": "web",
            "backends": _BACKENDS,
            "matches": [{"kind": "HTTPRouteGroup", "name": "routes", "apiGroup": "specs"}],
        },
    ),
    _at("metrics.smi-spec.io/v1alpha2", "TrafficMetrics", **_EDGE),
    _at("metrics.smi-spec.io/v1alpha2", "TrafficMetricsList", resource={}, items=[_EDGE]),
]
_OLDER = [
    _at(
        "access.smi-spec.io/v1alpha1",
        "TrafficTarget",
        destination=_API | {"port": "8080"},
        specs=_RULES[1:],
        sources=[_WEB],
    ),
    _at(
        "access.smi-spec.io/v1alpha2",
        "TrafficTarget",
        spec={"destination": _API | {"port": 8080}, "rules": _RULES[1:], "sources": [_WEB]},
    ),
    _at("specs.smi-spec.io/v1alpha2", "HTTPRouteGroup", matches=_MATCHES),
    _at("specs.smi-spec.io/v1alpha1", "TCPRoute"),
    _at(
        "split.smi-spec.io/v1alpha1",
        "TrafficSplit",
        spec={
            "service": "web.shop",
            "backends": [{"service": "v1", "weight": "500m"}, {"service": "v2", "weight": "1k"}],
        },
    ),
]


def versions(kind: str) -> list[str]:
    """Every apiVersion that a kind of SMI has."""
    return [k.api_version for k in scheme.kinds() if k.kind == kind and "smi-spec" in k.api_version]


def _everywhere(document: Document) -> list[Document]:
    return [scheme.convert_document(document, v) for v in versions(document["kind"])]


DOCUMENTS = tuple(
    copy.deepcopy(led)
    for document in (*_HUBS, *_OLDER)
    for led in (document, *_everywhere(document))
)
"""What is mutated. Nobody changes these."""

STASHED = tuple(
    document
    for document in DOCUMENTS
    if any(name.startswith("conversion.") for name in part(document["metadata"], "annotations"))
)
"""Those of them of which a part waits in an annotation."""
