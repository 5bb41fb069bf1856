import pytest
from google.protobuf import json_format

from smi_envoy.pb import pool
from smi_envoy.pb.google.protobuf import any_pb2, duration_pb2
from smi_envoy.translate import messages


@pytest.mark.parametrize(("number", "text"), [(0, "0s"), (5, "5s"), (0.3, "0.300s")])
def test_seconds_are_a_duration(number: float, text: str) -> None:
    assert messages.seconds(number).ToJsonString() == text


def test_packed_message_can_be_unpacked() -> None:
    packed = messages.packed(messages.seconds(5))
    found = duration_pb2.Duration()
    assert packed.Unpack(found)
    assert found == messages.seconds(5)


def test_untyped_message_says_its_type_and_fields() -> None:
    said = messages.untyped("envoy.Thing", {"numbers": [1], "deep": {"yes": True}})
    assert as_json(said) == {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": "type.googleapis.com/envoy.Thing",
        "value": {"numbers": [1.0], "deep": {"yes": True}},
    }


def test_resources_over_ads_are_waited_for_without_limit() -> None:
    source = messages.over_ads()
    assert source.HasField("ads")
    assert source.HasField("initial_fetch_timeout")
    assert source.initial_fetch_timeout == messages.NEVER


def as_json(message: any_pb2.Any) -> object:
    """The message as JSON."""
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, descriptor_pool=pool.POOL
    )
