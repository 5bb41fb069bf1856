from typing import Any

import pytest

from smi import scheme
from smi.access import TrafficTarget
from smi.errors import InvalidResource

SPEC = {
    "destination": {"kind": "ServiceAccount", "name": "api", "namespace": "shop", "port": 8080},
    "rules": [{"kind": "HTTPRouteGroup", "name": "routes", "matches": ["a"]}],
    "sources": [{"kind": "ServiceAccount", "name": "web"}],
}


def target(version: str, spec: object) -> dict[str, Any]:
    return {
        "apiVersion": f"access.smi-spec.io/{version}",
        "kind": "TrafficTarget",
        "metadata": {"name": "x", "uid": "1", "labels": {"a": "b"}},
        "spec": spec,
    }


def test_v1alpha3_becomes_the_same_target_of_the_hub() -> None:
    old, new = (scheme.decode(target(version, SPEC)) for version in ("v1alpha3", "v1alpha4"))
    assert old is not None
    assert old.api_version == "access.smi-spec.io/v1alpha3"
    hub = scheme.to_hub(old)
    assert isinstance(hub, TrafficTarget)
    assert hub == new
    assert scheme.unknown_fields(hub) == ("spec.destination.port",)


def test_the_hub_is_its_own_hub() -> None:
    hub = scheme.decode(target("v1alpha4", SPEC))
    assert hub is not None
    assert scheme.to_hub(hub) is hub


def test_v1alpha3_has_no_bindings_to_gain_by_conversion() -> None:
    spec = SPEC | {"sources": [{"kind": "IdentityBinding", "name": "web"}]}
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(target("v1alpha3", spec))
    assert str(caught.value) == (
        "TrafficTarget default/x: spec.sources[0].kind: v1alpha3 has no IdentityBinding; "
        "write apiVersion: access.smi-spec.io/v1alpha4"
    )
