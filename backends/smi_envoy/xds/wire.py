"""Between the bytes of the wire and the values of the stream."""

import sys

from google.protobuf.message import DecodeError

from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.xds.resources import ProxyId, ResourceName, TypeUrl
from smi_envoy.xds.state import Send
from smi_envoy.xds.subscription import Request

METHOD = "DeltaAggregatedResources"
SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"

_TYPE_URLS = {str(type_url): type_url for type_url in TypeUrl}


class Malformed(Exception):
    """The bytes are not a request."""


def decode(message: bytes) -> tuple[ProxyId | None, Request | None]:
    """The `node.id` of a request, if it carries one, and its rest, or None for a type not served.

    Names are interned: thousands of streams name the same resources.
    """
    try:
        raw = discovery_pb2.DeltaDiscoveryRequest.FromString(message)
    except DecodeError as error:
        raise Malformed from error
    node_id = raw.node.id if raw.HasField("node") else None
    type_url = _TYPE_URLS.get(raw.type_url)
    if type_url is None:
        return node_id, None
    request = Request(
        type_url,
        frozenset(_name(name) for name in raw.resource_names_subscribe),
        frozenset(_name(name) for name in raw.resource_names_unsubscribe),
        {_name(n): sys.intern(v) for n, v in raw.initial_resource_versions.items()},
        raw.response_nonce,
        raw.error_detail.message if raw.HasField("error_detail") else None,
    )
    return node_id, request


def encode(send: Send) -> bytes:
    """A response; the resources' own bytes follow its head, and merge with it when read."""
    head = discovery_pb2.DeltaDiscoveryResponse(
        type_url=send.type_url, nonce=send.nonce, removed_resources=send.removed
    )
    return b"".join((head.SerializeToString(), *(packed.body for packed in send.resources)))


def _name(name: str) -> ResourceName:
    return ResourceName(sys.intern(name))
