"""Protobuf messages as tests read them."""

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from smi_envoy.pb import pool


def as_json(message: Message) -> dict[str, Any]:
    """A protobuf message as JSON, its `Any`s too."""
    found: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, descriptor_pool=pool.POOL
    )
    return found


def values(tree: object, key: str) -> Iterator[Any]:
    """Every value under `key`, anywhere in a JSON tree."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(tree, list):
        for value in tree:
            yield from values(value, key)
