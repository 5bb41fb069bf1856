"""Where the pods behind a Service are, and in which proportions connections reach them."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.service import Endpoint, ServicePort
from smi.model.workload import Workload
from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from smi_envoy.pb.google.protobuf import struct_pb2, wrappers_pb2
from smi_envoy.translate.messages import socket

METADATA = "smi"
"""Where an endpoint tells statistics which `service` it stands for, and which `split` chose."""

TRANSPORT = "envoy.transport_socket_match"
"""Where an endpoint tells Envoy how it is dialled."""

PLAIN = {"sidecar": "none"}
"""What those say there that have no sidecar."""

SCALE = 2**31
"""What all weigh together. Weights are whole: of n localities none is further than n / (SCALE - n)
from its exact share, and what rounding up adds still fits the 32 bits of their sum.
"""


class Share(NamedTuple):
    """The pods of one Service, and the weight that they have between them."""

    service: NamespacedName
    weight: int
    endpoints: tuple[Endpoint, ...]


def of_port(cluster: str, port: ServicePort | None) -> endpoint_pb2.ClusterLoadAssignment:
    """The ready pods of one port, all alike. No port is no pods."""
    endpoints = [
        endpoint_components_pb2.LbEndpoint(
            endpoint=_address(endpoint), metadata=None if endpoint.meshed else _in_plain()
        )
        for endpoint in (port.endpoints if port else ())
    ]
    return _alike(cluster, endpoints)


def of_pod(cluster: str, pod: Workload | None, port: int) -> endpoint_pb2.ClusterLoadAssignment:
    """One pod by its own `port`, be it ready or not; no pod is no endpoint."""
    dialled = pod.dialled(port) if pod else None
    if pod is None or dialled is None:
        return _alike(cluster, [])
    only = endpoint_components_pb2.Endpoint(address=socket(pod.address, dialled))
    metadata = None if pod.meshed else _in_plain()
    return _alike(cluster, [endpoint_components_pb2.LbEndpoint(endpoint=only, metadata=metadata)])


def of_shares(
    cluster: str, shares: tuple[Share, ...], split: NamespacedName | None
) -> endpoint_pb2.ClusterLoadAssignment:
    """The ready pods of several Services, of which each has its share.

    Pods behind the same Services are a locality, and share its weight evenly. Not weights of their
    own: Envoy takes turns by those, and begins anew at every update, while among localities it
    begins anywhere. A pod behind two of the Services has a part of both their shares (Envoy would
    drop its second mention), and counts for the first in statistics.
    """
    behind: dict[Endpoint, tuple[NamespacedName, ...]] = {}
    for share in shares:
        for endpoint in share.endpoints:
            behind[endpoint] = (*behind.get(endpoint, ()), share.service)
    alike: dict[tuple[NamespacedName, ...], list[Endpoint]] = {}
    for endpoint, services in sorted(behind.items(), key=lambda pair: pair[0].order):
        alike.setdefault(services, []).append(endpoint)
    weights = _weights(shares, alike)
    return endpoint_pb2.ClusterLoadAssignment(
        cluster_name=cluster,
        endpoints=[_locality(s, weights[s], e, split) for s, e in sorted(alike.items())],
    )


def _weights(
    shares: tuple[Share, ...], alike: Mapping[tuple[NamespacedName, ...], Sequence[Endpoint]]
) -> Mapping[tuple[NamespacedName, ...], int]:
    total = sum(share.weight for share in shares if share.endpoints)
    of_pod = {
        s.service: Fraction(s.weight, total * len(s.endpoints)) for s in shares if s.endpoints
    }
    exact = {
        services: sum(of_pod[service] for service in services) * len(endpoints)
        for services, endpoints in alike.items()
    }
    return {services: max(1, round(SCALE * weight)) for services, weight in exact.items()}


def _locality(
    services: tuple[NamespacedName, ...],
    weight: int,
    endpoints: Iterable[Endpoint],
    split: NamespacedName | None,
) -> endpoint_components_pb2.LocalityLbEndpoints:
    return endpoint_components_pb2.LocalityLbEndpoints(
        locality=base_pb2.Locality(sub_zone=",".join(map(str, services))),
        load_balancing_weight=wrappers_pb2.UInt32Value(value=weight),
        lb_endpoints=[
            endpoint_components_pb2.LbEndpoint(
                endpoint=_address(endpoint), metadata=_metadata(endpoint, services[0], split)
            )
            for endpoint in endpoints
        ],
    )


def _alike(
    cluster: str, endpoints: list[endpoint_components_pb2.LbEndpoint]
) -> endpoint_pb2.ClusterLoadAssignment:
    # > If locality weighted load balancing is enabled and the weight is not specified, the locality
    # > is assigned no load.   (LocalityLbEndpoints.load_balancing_weight)
    locality = endpoint_components_pb2.LocalityLbEndpoints(
        lb_endpoints=endpoints, load_balancing_weight=wrappers_pb2.UInt32Value(value=1)
    )
    return endpoint_pb2.ClusterLoadAssignment(
        cluster_name=cluster, endpoints=[locality] if endpoints else []
    )


def _address(endpoint: Endpoint) -> endpoint_components_pb2.Endpoint:
    return endpoint_components_pb2.Endpoint(address=socket(endpoint.address, endpoint.port))


def _metadata(
    endpoint: Endpoint, service: NamespacedName, split: NamespacedName | None
) -> base_pb2.Metadata:
    said = struct_pb2.Struct()
    said.update({"service": str(service), "split": str(split) if split else ""})
    found = base_pb2.Metadata() if endpoint.meshed else _in_plain()
    found.filter_metadata[METADATA].CopyFrom(said)
    return found


def _in_plain() -> base_pb2.Metadata:
    """What an endpoint without a sidecar says; one that says nothing is dialled over mutual TLS."""
    said = struct_pb2.Struct()
    said.update(PLAIN)
    return base_pb2.Metadata(filter_metadata={TRANSPORT: said})
