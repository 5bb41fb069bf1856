"""Who has no sidecar in generated meshes: pods, and addresses that somebody lists.

Documents name the pods whose addresses they list, as `@shop/app-0-1`, since nobody knows where pods
are before they are placed; `@outside` is an address of no pod.
"""

import random
from collections.abc import Iterable, Mapping
from typing import Any

from smi.compiler.state import ClusterState, ResourceKey, collect
from smi.k8s import core_v1, discovery_v1
from smi.k8s.resource import Resource

Document = dict[str, Any]

OUTSIDE, OUTSIDE_PORT = "@outside", 9095
ANNOTATION = "smi-mesh.io/inject"
UNMESHED = 0.2  # of workloads
HALF = 0.6  # of namespaces with two workloads
UNPLACED = "192.0.2.77"  # of the block set aside for documentation: nobody is there

SPOKEN: tuple[Document, ...] = ({"name": "http"}, {"name": "tcp"}, {})

CONDITIONS: tuple[Document, ...] = (
    {},
    {},
    {},
    {"ready": True, "terminating": False},
    {"ready": False},
    {"ready": False, "serving": True, "terminating": True},
)


def added(found: list[Document]) -> list[Document]:
    """`found` with some workloads without sidecars and some Services without selectors.

    Of chance of its own: what else a seed makes stays what it is.
    """
    chance = random.Random(repr(found))
    deployments = [d for d in found if d["kind"] == "Deployment"]
    for deployment in deployments:
        if chance.random() < UNMESHED:
            written = chance.choice(("disabled", "disabled", "disabled", "enabled", "no"))
            metadata = deployment["spec"]["template"]["metadata"]
            metadata["annotations"] = {ANNOTATION: written}
    for service in [d for d in found if d["kind"] == "Service"]:
        if chance.random() < UNMESHED:
            service["spec"]["publishNotReadyAddresses"] = True
    namespaces = sorted({d["metadata"]["namespace"] for d in deployments})
    more: list[Document] = []
    for ns in namespaces:
        here = [d for d in deployments if d["metadata"]["namespace"] == ns]
        if len(here) > 1 and chance.random() < HALF:
            more.append(_half_meshed(chance, *chance.sample(here, 2)))
    for number in range(chance.randint(0, 2)):
        more += _listed(chance, deployments, chance.choice(namespaces), f"listed-{number}")
    return found + more


def _half_meshed(chance: random.Random, one: Document, other: Document) -> Document:
    """A Service before two workloads, one with sidecars and one without."""
    for deployment, written in ((one, "disabled"), (other, "enabled")):
        metadata = deployment["spec"]["template"]["metadata"]
        metadata["annotations"] = {ANNOTATION: written}
        metadata["labels"]["half"] = "yes"
    target = chance.choice(_ports(one) + _ports(other) or [8080])
    port = {"port": 80, "targetPort": target, **chance.choice(SPOKEN)}
    spec = {"selector": {"half": "yes"}, "ports": [port]}
    return _document("v1", "Service", one["metadata"]["namespace"], "half", spec=spec)


def _ports(deployment: Document) -> list[int]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    every = [port for container in containers for port in container["ports"]]
    return [port["containerPort"] for port in every if port.get("protocol") != "UDP"]


def _listed(
    chance: random.Random, deployments: list[Document], ns: str, name: str
) -> list[Document]:
    """A Service without selector, and what lists its addresses."""
    spoken = chance.choice(SPOKEN)
    port = {"port": chance.choice((80, 8080)), **spoken}
    made = [_document("v1", "Service", ns, name, spec={"ports": [port]})]
    for number in range(chance.randint(1, 3)):
        to, at = OUTSIDE, OUTSIDE_PORT
        deployment = chance.choice(deployments)
        if chance.random() < 0.6 and _ports(deployment):
            meta, last = deployment["metadata"], max(0, deployment["spec"]["replicas"] - 1)
            to = f"@{meta['namespace']}/{meta['name']}-{chance.randint(0, last)}"
            at = chance.choice(_ports(deployment))
        if chance.random() < 0.15:
            subset = {"ports": [{"port": at, **spoken}]}
            subset[chance.choice(("addresses", "notReadyAddresses"))] = [{"ip": to}]
            made.append(_document("v1", "Endpoints", ns, name, subsets=[subset]))
            break
        labels = {"kubernetes.io/service-name": chance.choice((name,) * 9 + ("gone",))}
        endpoint = {"addresses": [to], "conditions": chance.choice(CONDITIONS)}
        made.append(
            _document(
                "discovery.k8s.io/v1",
                "EndpointSlice",
                ns,
                f"{name}-{number}",
                labels,
                addressType=chance.choice(("IPv4",) * 9 + ("FQDN",)),
                endpoints=[endpoint],
                ports=[{"port": at, **spoken}],
            )
        )
    return made


def _document(
    api: str, kind: str, ns: str, name: str, labels: Mapping[str, str] | None = None, **body: object
) -> Document:
    metadata: Document = {"name": name, "namespace": ns, "labels": labels or {}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def collected(resources: Iterable[Resource], *rest: Any) -> ClusterState:  # noqa: ANN401
    """What `collect` makes of them, once the pods that are listed have addresses."""
    found = list(resources)
    pods = collect(found, *rest).resources
    return collect(placed(found, pods, UNPLACED), *rest)


def placed(
    found: Iterable[Resource], pods: Mapping[ResourceKey, Resource], outside: str
) -> list[Resource]:
    """`found` with the addresses that they name; whoever is not there has one that nobody has."""
    known = {
        f"@{key.name}": pod.status.pod_ip or UNPLACED
        for key, pod in pods.items()
        if isinstance(pod, core_v1.Pod)
    }
    return [_placed(resource, {**known, OUTSIDE: outside}) for resource in found]


def _placed(resource: Resource, known: Mapping[str, str]) -> Resource:
    match resource:
        case discovery_v1.EndpointSlice():
            endpoints = tuple(
                e.model_copy(update={"addresses": (known.get(e.addresses[0], UNPLACED),)})
                for e in resource.endpoints
            )
            return resource.model_copy(update={"endpoints": endpoints})
        case core_v1.Endpoints():
            subsets = tuple(_subset(subset, known) for subset in resource.subsets)
            return resource.model_copy(update={"subsets": subsets})
        case _:
            return resource


def _subset(subset: core_v1.EndpointSubset, known: Mapping[str, str]) -> core_v1.EndpointSubset:
    def placed_all(
        written: tuple[core_v1.EndpointAddress, ...],
    ) -> tuple[core_v1.EndpointAddress, ...]:
        return tuple(
            core_v1.EndpointAddress(ip=known.get(address.ip, UNPLACED)) for address in written
        )

    return subset.model_copy(
        update={
            "addresses": placed_all(subset.addresses),
            "not_ready_addresses": placed_all(subset.not_ready_addresses),
        }
    )
