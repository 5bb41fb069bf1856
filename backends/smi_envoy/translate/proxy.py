"""What one proxy is told: the parts it needs, and their resources as people read them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from google.protobuf import json_format

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.outbound import Outbound
from smi.model.service import AppProtocol
from smi.model.workload import Workload
from smi_envoy.pb import pool
from smi_envoy.translate.client_parts import (
    External,
    HttpProxy,
    HttpProxyRoutes,
    OwnDoor,
    ServiceDoor,
    ServiceRoutes,
)
from smi_envoy.translate.parts import Part, World, pods_by_identity
from smi_envoy.translate.server_parts import Application, PodPort, Policy
from smi_envoy.translate.upstream_parts import HttpUpstream, PodUpstream, TcpUpstream
from smi_envoy.xds.snapshot import Snapshot


class Reach(NamedTuple):
    """What the pods of one identity may name, and the upstreams behind it."""

    services: Mapping[tuple[NamespacedName, int], AppProtocol]
    upstreams: frozenset[HttpUpstream | PodUpstream]


def reach(outbound: Outbound | None) -> Reach:
    """The reach of one identity; no `outbound` reaches nothing."""
    routes = outbound.routes if outbound else ()
    upstreams: set[HttpUpstream | PodUpstream] = {
        HttpUpstream(service, route.port) for route in routes for service in route.services
    }
    upstreams |= {
        PodUpstream(pod.pod, port, speaks)
        for pod in (outbound.pods if outbound else ())
        for port in pod.ports
        for speaks in (AppProtocol.HTTP, AppProtocol.TCP)
    }
    return Reach({(route.root, route.port): route.speaks for route in routes}, frozenset(upstreams))


def server_parts(workload: Workload) -> frozenset[Part]:
    """What `workload` needs to be called."""
    if workload.loopback is None or not workload.loopback.detours:
        return frozenset()
    parts: set[Part] = {Application()}
    for port in workload.loopback.detours:
        parts |= {PodPort(workload.name, port), Policy(workload.name, port)}
    return frozenset(parts)


def client_parts(workload: Workload, reach: Reach) -> frozenset[Part]:
    """What `workload` needs to call what its identity may."""
    if workload.loopback is None:
        return frozenset()
    parts: set[Part] = {
        HttpProxy(workload.name),
        HttpProxyRoutes(workload.identity),
        External(),
    }
    for (root, port), speaks in reach.services.items():
        at = workload.loopback.services.get((root, port))
        if at is None:
            continue
        parts.add(OwnDoor(root, port, at))
        parts.add(ServiceDoor(workload.name, root, port, speaks))
        if speaks is not AppProtocol.TCP:
            parts.add(ServiceRoutes(root, port))
        if speaks is not AppProtocol.HTTP:
            parts.add(TcpUpstream(root, port))
    return reach.upstreams | parts


def snapshot(parts: Iterable[Part]) -> Snapshot:
    """The names of the resources of `parts`."""
    return Snapshot.of(key for part in parts for key in part.keys)


def render(mesh: Mesh, proxy: NamespacedName, trust: str) -> dict[str, dict[str, Any]]:
    """The resources of one proxy as JSON: by kind, then by name. Keys and tokens are not in it."""
    workload = mesh.workloads[proxy]
    needed = server_parts(workload) | client_parts(
        workload, reach(mesh.outbound.get(workload.identity))
    )
    world = World(mesh, trust, pods_by_identity(mesh))
    found: dict[str, dict[str, Any]] = {}
    for part in needed:
        for key, message in zip(part.keys, part.build(world), strict=True):
            kind = found.setdefault(key.type_url.rpartition(".")[2], {})
            kind[key.name] = json_format.MessageToDict(
                message, preserving_proto_field_name=True, descriptor_pool=pool.POOL
            )
    return {kind: dict(sorted(found[kind].items())) for kind in sorted(found)}
