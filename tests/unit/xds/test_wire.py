import pytest

from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.pb.google.rpc import status_pb2
from smi_envoy.xds import wire
from smi_envoy.xds.resources import ResourceKey, ResourceName, TypeUrl, pack
from smi_envoy.xds.state import Send
from smi_envoy.xds.subscription import Request

A, B = ResourceName("a"), ResourceName("b")


def test_response_joined_from_packed_resources_reads_as_one_message() -> None:
    packed = [
        pack(ResourceKey(TypeUrl.CLUSTER, name), b"cluster " + name.encode()) for name in (A, B)
    ]
    message = wire.encode(Send(TypeUrl.CLUSTER, "7", tuple(packed), (ResourceName("c"),)))
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(message)
    assert (response.type_url, response.nonce) == (TypeUrl.CLUSTER, "7")
    assert list(response.removed_resources) == ["c"]
    assert [
        (r.name, r.version, r.resource.type_url, r.resource.value) for r in response.resources
    ] == [
        ("a", packed[0].version, TypeUrl.CLUSTER, b"cluster a"),
        ("b", packed[1].version, TypeUrl.CLUSTER, b"cluster b"),
    ]


def test_request_is_read_whole() -> None:
    raw = discovery_pb2.DeltaDiscoveryRequest(
        node=base_pb2.Node(id="shop/web"),
        type_url=TypeUrl.ENDPOINT,
        resource_names_subscribe=["a"],
        resource_names_unsubscribe=["b"],
        initial_resource_versions={"a": "1"},
        response_nonce="3",
        error_detail=status_pb2.Status(message="no"),
    )
    node, request = wire.decode(raw.SerializeToString())
    assert node == "shop/web"
    assert request == Request(TypeUrl.ENDPOINT, frozenset({A}), frozenset({B}), {A: "1"}, "3", "no")


def test_request_without_node_or_error_has_neither() -> None:
    raw = discovery_pb2.DeltaDiscoveryRequest(type_url=TypeUrl.CLUSTER)
    assert wire.decode(raw.SerializeToString()) == (None, Request(TypeUrl.CLUSTER))


def test_request_for_a_type_that_is_not_served_is_no_request() -> None:
    raw = discovery_pb2.DeltaDiscoveryRequest(type_url="type.googleapis.com/other")
    assert wire.decode(raw.SerializeToString()) == (None, None)


def test_noise_is_malformed() -> None:
    with pytest.raises(wire.Malformed):
        wire.decode(b"\xff\xff")
