"""Protobuf messages as tests read them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
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


def parts(assignment: Mapping[str, Any]) -> dict[str, Fraction]:
    """The part of all connections that each address gets."""
    localities = assignment.get("endpoints", [])
    total = sum(locality["load_balancing_weight"] for locality in localities)
    found: defaultdict[str, Fraction] = defaultdict(Fraction)
    for locality in localities:
        hosts = locality["lb_endpoints"]
        for address in values(hosts, "address"):
            if isinstance(address, str):
                weight = Fraction(locality["load_balancing_weight"], total * len(hosts))
                found[address] += weight
    return dict(found)
