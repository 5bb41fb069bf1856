"""The pool that holds every message of this package."""

from importlib import resources

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper


def _load() -> descriptor_pool.DescriptorPool:
    data = resources.files("smi_envoy.pb").joinpath("descriptors.binpb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = _load()
"""Give it to `json_format`, which else looks for the content of an `Any` in the process's pool."""


def members(proto: str) -> dict[str, object]:
    """What protoc's module of the file `proto` would define: messages, enums and their values."""
    file = POOL.FindFileByName(proto)
    found: dict[str, object] = {"DESCRIPTOR": file}
    for name, message in file.message_types_by_name.items():
        found[name] = message_factory.GetMessageClass(message)
    for name, enum in file.enum_types_by_name.items():
        found[name] = EnumTypeWrapper(enum)
        found |= {value.name: value.number for value in enum.values}
    return found
