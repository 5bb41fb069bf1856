"""Where the pods behind a Service are, and in which proportions connections reach them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.service import Endpoint, ServicePort
from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from smi_envoy.pb.google.protobuf import struct_pb2, wrappers_pb2
from smi_envoy.translate.messages import socket

METADATA = "smi"
"""Where an endpoint tells statistics which `service` it stands for, and which `split` chose."""

SCALE = 1_000_000  # weights are whole: a share is exact to a millionth, and their sum fits 32 bits


class Share(NamedTuple):
    """The pods of one Service, and the weight that they have between them."""

    service: NamespacedName
    weight: int
    endpoints: tuple[Endpoint, ...]


def of_port(cluster: str, port: ServicePort | None) -> endpoint_pb2.ClusterLoadAssignment:
    """The ready pods of one port, all alike. No port is no pods."""
    endpoints = (
        endpoint_components_pb2.LbEndpoint(endpoint=_address(endpoint))
        for endpoint in (port.endpoints if port else ())
    )
    return _assignment(cluster, endpoints)


def of_shares(
    cluster: str, shares: tuple[Share, ...], split: NamespacedName | None
) -> endpoint_pb2.ClusterLoadAssignment:
    """The ready pods of several Services, weighted so that each Service has its share.

    A pod behind two of the Services has both its shares (Envoy would drop its second mention), and
    counts for the first in statistics.
    """
    weights = _weights(shares)
    owners = {e: share.service for share in reversed(shares) for e in share.endpoints}
    endpoints = (
        endpoint_components_pb2.LbEndpoint(
            endpoint=_address(endpoint),
            load_balancing_weight=wrappers_pb2.UInt32Value(value=weights[endpoint]),
            metadata=_metadata(owners[endpoint], split),
        )
        for endpoint in sorted(owners)
    )
    return _assignment(cluster, endpoints)


def _weights(shares: tuple[Share, ...]) -> Mapping[Endpoint, int]:
    exact: defaultdict[Endpoint, Fraction] = defaultdict(Fraction)
    total = sum(share.weight for share in shares if share.endpoints)
    for share in shares:
        for endpoint in share.endpoints:
            exact[endpoint] += Fraction(SCALE * share.weight, total * len(share.endpoints))
    return {endpoint: max(1, round(weight)) for endpoint, weight in exact.items()}


def _assignment(
    cluster: str, endpoints: Iterable[endpoint_components_pb2.LbEndpoint]
) -> endpoint_pb2.ClusterLoadAssignment:
    locality = endpoint_components_pb2.LocalityLbEndpoints(lb_endpoints=endpoints)
    return endpoint_pb2.ClusterLoadAssignment(
        cluster_name=cluster, endpoints=[locality] if locality.lb_endpoints else []
    )


def _address(endpoint: Endpoint) -> endpoint_components_pb2.Endpoint:
    return endpoint_components_pb2.Endpoint(address=socket(endpoint.address, endpoint.port))


def _metadata(service: NamespacedName, split: NamespacedName | None) -> base_pb2.Metadata:
    said = struct_pb2.Struct()
    said.update({"service": str(service), "split": str(split) if split else ""})
    return base_pb2.Metadata(filter_metadata={METADATA: said})
