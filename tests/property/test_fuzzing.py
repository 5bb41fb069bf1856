"""A short run of `make fuzz`, always of the same inputs; and what longer runs have found."""

import pytest

from tests.fuzz import batch, laws

FOUND = (
    b"a: .inf",
    b"a: !!float ''",
    b"a: 0x" + b"f" * 5000,
    b'apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nspec: {service: {"\\ud800": 1}}',
    '{"kind": "List", "items": [5], "x": "\u2028\u2028"}'.encode(),
    '{"kind": "\u2028\u2028",'.encode(),
)


@pytest.mark.parametrize("part", range(4))
def test_nothing_but_invalid_resource_is_raised_whatever_a_file_holds(part: int) -> None:
    played = batch.play(7, part * 5000, 5000)
    assert played.failures == ()
    assert min(played.counts[kind] for kind in KINDS) > 50
    assert played.counts["requests to damaged meshes"] > 100


KINDS = (
    *("TrafficTarget", "IdentityBinding", "HTTPRouteGroup", "TCPRoute", "UDPRoute"),
    *("TrafficSplit", "TrafficMetrics", "TrafficMetricsList"),
    *("invalid", "of another group", "not UTF-8", "problem"),
)


@pytest.mark.parametrize("data", FOUND)
def test_what_was_found_stays_mended(data: bytes) -> None:
    laws.hold(data)
    laws.hold_of_a_file(data)
