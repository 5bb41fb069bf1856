"""Meshes of any size in which one split has ten callers, and changes to them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from smi import scheme
from smi.compiler.state import ClusterState, ResourceKey, collect
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName, Resource
from smi.model.workload import Detour, Loopback
from smi.split import TrafficSplit

NAMESPACE = "bench"
TRUST_DOMAIN = "bench.local"
CALLERS = 10
HUB, LEAVES = "s0", ("s1", "s2")


def name(text: str) -> NamespacedName:
    return NamespacedName(NAMESPACE, text)


def callers(services: int) -> list[NamespacedName]:
    """The pods that a change of the hub concerns."""
    return [name(f"s{index}-0") for index in range(services - CALLERS, services)]


def cluster(services: int) -> ClusterState:
    """`services` Services of a pod each; the last ten call the hub, and each calls three others.

    The first leaf has a spare pod more, which calls nobody.
    """
    documents: list[Mapping[str, Any]] = [_all_tcp(), split(90), _spare(ready=True)]
    for index in range(services):
        documents += [_service(index), _pod(f"s{index}", index)]
        first = index + 1
        called = {3 + (first + step) % (services - 3) for step in range(3)}
        documents += [_target(f"t{index}-{other}", index, other) for other in sorted(called)]
    for caller in range(services - CALLERS, services):
        documents += [_target(f"h{caller}-{other}", caller, other) for other in (0, 1, 2)]
    resources = [decoded(document) for document in documents]
    pods = [resource.key for resource in resources if isinstance(resource, core_v1.Pod)]
    loopbacks = _loopbacks(pods, services)
    return collect(resources, trust_domain=TRUST_DOMAIN, loopbacks=loopbacks)


def decoded(document: Mapping[str, Any]) -> Resource:
    resource = scheme.decode(document)
    assert resource is not None
    return resource


def _loopbacks(pods: Iterable[NamespacedName], services: int) -> Mapping[NamespacedName, Loopback]:
    ports = {(name(f"s{index}"), 80): 20000 + index for index in range(services)}
    return {pod: Loopback({8080: Detour(8080, 9000)}, 15001, ports) for pod in pods}


def _meta(text: str, **more: object) -> dict[str, Any]:
    return {"name": text, "namespace": NAMESPACE, **more}


def _service(index: int) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(f"s{index}"),
        "spec": {
            "selector": {"app": f"s{index}"},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


def _spare(*, ready: bool) -> Mapping[str, Any]:
    return _pod("spare", 1, ready=ready, octet=2)


def _pod(account: str, index: int, *, ready: bool = True, octet: int = 1) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(f"{account}-0", uid=f"uid-{account}", labels={"app": f"s{index}"}),
        "spec": {
            "serviceAccountName": account,
            "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 8080}]}],
        },
        "status": {
            "phase": "Running",
            "podIP": f"127.{100 + index // 250}.{index % 250}.{octet}",
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def _target(text: str, source: int, destination: int) -> Mapping[str, Any]:
    return {
        "apiVersion": "access.smi-spec.io/v1alpha3",
        "kind": "TrafficTarget",
        "metadata": _meta(text),
        "spec": {
            "destination": {"kind": "ServiceAccount", "name": f"s{destination}"},
            "rules": [{"kind": "TCPRoute", "name": "all"}],
            "sources": [{"kind": "ServiceAccount", "name": f"s{source}", "namespace": NAMESPACE}],
        },
    }


def _all_tcp() -> Mapping[str, Any]:
    return {
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "TCPRoute",
        "metadata": _meta("all"),
        "spec": {"matches": {"ports": []}},
    }


def split(weight: int) -> Mapping[str, Any]:
    backends = [
        {"service": leaf, "weight": w}
        for leaf, w in zip(LEAVES, (weight, 100 - weight), strict=True)
    ]
    return {
        "apiVersion": "split.smi-spec.io/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": _meta("hub"),
        "spec": {"service": HUB, "backends": backends},
    }


def with_weight(state: ClusterState, weight: int) -> ClusterState:
    """`state` with the hub's split at `weight` and the rest."""
    changed = decoded(split(weight))
    assert isinstance(changed, TrafficSplit)
    return _with(state, "TrafficSplit", changed)


def with_endpoint(state: ClusterState, *, ready: bool) -> ClusterState:
    """`state` with the spare pod of the first leaf ready or not."""
    return _with(state, "Pod", decoded(_spare(ready=ready)))


def _with(state: ClusterState, kind: str, resource: Resource) -> ClusterState:
    key = ResourceKey(kind, resource.key)
    return replace(state, resources={**state.resources, key: resource})
