"""Small messages that every other message needs."""

from collections.abc import Mapping

from google.protobuf.message import Message

from smi_envoy.pb.envoy.config.core.v3 import (
    address_pb2,
    config_source_pb2,
    substitution_format_string_pb2,
)
from smi_envoy.pb.envoy.extensions.filters.common.set_filter_state.v3 import value_pb2
from smi_envoy.pb.google.protobuf import any_pb2, duration_pb2, struct_pb2
from smi_envoy.pb.xds.type.v3 import typed_struct_pb2

NEVER = duration_pb2.Duration()  # Envoy reads a timeout of 0 s as none

_TYPE_URL = "type.googleapis.com/"


def packed(message: Message) -> any_pb2.Any:
    """`message` as an `Any` whose bytes are the same for equal messages."""
    return any_pb2.Any(
        type_url=_TYPE_URL + message.DESCRIPTOR.full_name,
        value=message.SerializeToString(deterministic=True),
    )


def untyped(type_name: str, fields: Mapping[str, object]) -> any_pb2.Any:
    """A message that this build's protos do not know whole, as JSON that Envoy reads."""
    value = struct_pb2.Struct()
    value.update(fields)  # type: ignore[arg-type]
    return packed(typed_struct_pb2.TypedStruct(type_url=_TYPE_URL + type_name, value=value))


def seconds(number: float) -> duration_pb2.Duration:
    """A duration."""
    whole = int(number)
    return duration_pb2.Duration(seconds=whole, nanos=round((number - whole) * 1e9))


def socket(address: str, port: int) -> address_pb2.Address:
    """A TCP address."""
    return address_pb2.Address(
        socket_address=address_pb2.SocketAddress(address=address, port_value=port)
    )


def over_ads() -> config_source_pb2.ConfigSource:
    """A resource that comes over the aggregated stream.

    No time limit on the first answer: what a proxy was not yet told it must not go live without.
    """
    return config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(),
        resource_api_version=config_source_pb2.ApiVersion.V3,
        initial_fetch_timeout=NEVER,
    )


def text(format_string: str) -> substitution_format_string_pb2.SubstitutionFormatString:
    """A line of text with Envoy's `%OPERATORS%`."""
    line = substitution_format_string_pb2.SubstitutionFormatString()
    line.text_format_source.inline_string = format_string
    return line


def filter_state(key: str, format_string: str) -> value_pb2.FilterStateValue:
    """An entry of the filter state, from a line with Envoy's `%OPERATORS%`."""
    return value_pb2.FilterStateValue(object_key=key, format_string=text(format_string))
