"""The one port of v1alpha1 and v1alpha2 TrafficTargets, where there is no field for it."""

import json
import re
from collections.abc import Mapping

ANNOTATION = "conversion.smi-mesh.io/destination-port"
"""Narrows a TrafficTarget to one port, whatever its rules say."""

UNREADABLE = 0
"""A port that nobody has."""

_NUMBER = re.compile(r"[1-9][0-9]{0,4}")


def destination_port(annotations: Mapping[str, str]) -> int | None:
    """The port that alone is granted, `None` for all, UNREADABLE if the annotation is damaged."""
    text = annotations.get(ANNOTATION)
    if text is None:
        return None
    sound = _NUMBER.fullmatch(text) and int(text) <= 65535
    return int(text) if sound else UNREADABLE


def as_annotation(port: object) -> str:
    """The annotation for a port as it is written; what is no port stays one that is unreadable."""
    if isinstance(port, float) and port.is_integer():
        port = int(port)
    return port if isinstance(port, str) else json.dumps(port, default=str)
