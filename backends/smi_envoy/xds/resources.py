"""xDS resources: their types, their keys, and their bytes, serialised once for every stream."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, NewType

from smi_envoy.pb.envoy.config.endpoint.v3 import endpoint_pb2
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.pb.google.protobuf import any_pb2

ProxyId = str
"""What the publisher calls one proxy; opaque here, and the `node.id` its bootstrap must carry."""

ResourceName = NewType("ResourceName", str)

NOBODY = "spiffe://nobody.invalid/"
"""Whom a validation context lists that trusts nobody: it takes an empty list for everybody."""

_VERSION_BYTES = (
    8  # 16 hex characters: a clash among a million resources has odds of 1 : 37 million
)


class TypeUrl(StrEnum):
    """The resource types served, declared in the order in which they may be sent.

    Make before break: a cluster must exist, have endpoints and hold its secrets before a listener
    or a route may lead requests to it; a listener must exist before its routes are of use.
    """

    CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    ENDPOINT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a type URL
    LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
    ROUTE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"


class ResourceKey(NamedTuple):
    """What a resource is called: names are unique within a type only."""

    type_url: TypeUrl
    name: ResourceName


@dataclass(frozen=True, slots=True)
class Packed:
    """One resource as it travels.

    `version` is a hash of the contents. `body` is a serialised DeltaDiscoveryResponse that holds
    this one resource: serialised messages merge when they are joined, so a response of many is
    their concatenation, and no resource is serialised twice. `is_empty` tells endpoints that are
    none, and trust in nobody.
    """

    version: str
    body: bytes = field(repr=False)  # may hold a private key
    is_empty: bool = False


def version_of(message: bytes) -> str:
    """The content hash of a serialised resource."""
    return hashlib.blake2b(message, digest_size=_VERSION_BYTES).hexdigest()


def pack(key: ResourceKey, message: bytes) -> Packed:
    """The serialised `message` of type `key.type_url`, ready to be sent."""
    version = version_of(message)
    entry = discovery_pb2.Resource(
        name=key.name,
        version=version,
        resource=any_pb2.Any(type_url=key.type_url, value=message),
    )
    response = discovery_pb2.DeltaDiscoveryResponse(resources=[entry])
    return Packed(version, response.SerializeToString(deterministic=True), _is_empty(key, message))


def _is_empty(key: ResourceKey, message: bytes) -> bool:
    match key.type_url:
        case TypeUrl.ENDPOINT:
            nowhere = endpoint_pb2.ClusterLoadAssignment(cluster_name=key.name)
            return message == nowhere.SerializeToString()
        case TypeUrl.SECRET:
            return NOBODY.encode() in message
        case _:
            return False
