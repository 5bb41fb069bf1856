"""What it costs to decode a list of 10 000 objects, beside what its JSON alone costs."""

import json
import statistics
import time
from typing import Any, NamedTuple

from smi import lists

OBJECTS = 10_000
LIMIT = 10.0  # times json.loads of the same bytes
VERSIONS = ("v1alpha4", "v1alpha2")  # as it is stored, and one that has to be converted


class Cost(NamedTuple):
    """CPU seconds from the same bytes to plain values, and to objects."""

    plain: float
    objects: float


def measure(rounds: int) -> dict[str, Cost]:
    """The medians by version, both ways in turn."""
    found = {}
    for version in VERSIONS:
        text = json.dumps(_list(version)).encode()
        costs = [_once(text) for _ in range(rounds)]
        found[version] = Cost(*map(statistics.median, zip(*costs, strict=True)))
    return found


def report(costs: dict[str, Cost]) -> bool:
    """Print the costs; whether one is above the limit."""
    print(f"CPU s of a list of {OBJECTS} TrafficTargets, from its bytes")
    print(f"{'version':10}{'JSON alone':>12}{'objects':>12}{'ratio':>10}")
    for version, cost in costs.items():
        print(
            f"{version:10}{cost.plain:12.3f}{cost.objects:12.3f}{cost.objects / cost.plain:10.1f}"
        )
    above = any(cost.objects / cost.plain > LIMIT for cost in costs.values())
    print(f"limit of the ratio {LIMIT}: {'ABOVE' if above else 'kept'}")
    return above


def _once(text: bytes) -> Cost:
    start = time.process_time()
    json.loads(text)
    between = time.process_time()
    decoded = lists.decode(json.loads(text))
    end = time.process_time()
    assert len(decoded) == OBJECTS
    return Cost(between - start, end - between)


def _list(version: str) -> dict[str, Any]:
    at = f"access.smi-spec.io/{version}"
    return {
        "apiVersion": at,
        "kind": "TrafficTargetList",
        "metadata": {"resourceVersion": "7"},
        "items": [_target(number) for number in range(OBJECTS)],
    }


def _target(number: int) -> dict[str, Any]:
    """About 700 bytes, as an API server sends it."""
    account = {"kind": "ServiceAccount", "namespace": "shop"}
    manager = {"manager": "kubectl", "operation": "Apply", "time": "2026-01-01T00:00:00Z"}
    return {
        "metadata": {
            "name": f"target-{number}",
            "namespace": "shop",
            "uid": f"00000000-0000-0000-0000-{number:012}",
            "resourceVersion": str(number),
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": "web"},
            "managedFields": [manager | {"fieldsV1": {"f:spec": {"f:destination": {}}}}],
        },
        "spec": {
            "destination": account | {"name": f"api-{number}"},
            "rules": [
                {"kind": "HTTPRouteGroup", "name": "routes", "matches": ["items", "admin"]},
                {"kind": "TCPRoute", "name": "ports"},
            ],
            "sources": [account | {"name": name} for name in (f"web-{number}", "front")],
        },
    }
