import json
from types import MappingProxyType

import pytest

from smi.model.inbound import Mode
from smi.model.plain import as_plain
from smi.model.workload import Detour
from tests.builders import (
    endpoint,
    group,
    identity,
    inbound,
    match,
    name,
    rule,
    service,
    split,
    workload,
)

POD = workload(
    "web-0",
    "web",
    detours={8080: Detour(8080, 20001), 80: Detour(40080, 20000)},
    services={("shop/api", 80): 16000},
    bindings=["canaries"],
)


def test_names_are_written_with_their_namespace() -> None:
    assert as_plain((name("web"), identity("far/web"))) == ["shop/web", "far/web"]


def test_fields_are_in_camel_case_and_keep_their_order() -> None:
    plain = as_plain(endpoint(POD, 80))
    assert json.dumps(plain) == json.dumps(
        {
            "pod": "shop/web-0",
            "identity": "shop/web",
            "address": "127.77.0.1",
            "port": 40080,
            "targetPort": 80,
            "meshed": True,
        }
    )


def test_sets_and_maps_are_sorted_and_what_is_ordered_is_not() -> None:
    one = inbound(group("api"), rule("t", "web", "front", http=[match("/", ["PUT", "GET"])]))
    assert as_plain(one) == {
        "group": {"identity": "shop/api", "bindings": []},
        "mode": "strict",
        "rules": [
            {
                "target": "shop/t",
                "spiffeIds": [
                    "spiffe://cluster.local/ns/shop/sa/front",
                    "spiffe://cluster.local/ns/shop/sa/web",
                ],
                "pods": [],
                "tcp": True,
                "ports": None,
                "http": [
                    {
                        "group": "shop/routes",
                        "name": "match",
                        "pathRegex": "/",
                        "methods": ["GET", "PUT"],
                        "headers": [],
                    }
                ],
                "udpPorts": [],
            }
        ],
    }
    assert list(as_plain(frozenset({8080, 80, 9}))) == [9, 80, 8080]  # type: ignore[arg-type]


def test_keys_that_are_no_text_become_such_or_stay_numbers() -> None:
    assert POD.loopback is not None
    assert as_plain(POD.loopback) == {
        "detours": {
            80: {"inbound": 40080, "application": 20000},
            8080: {"inbound": 8080, "application": 20001},
        },
        "proxy": 15001,
        "services": {"shop/api:80": 16000},
    }
    assert as_plain({POD.group: 1}) == {"shop/web+canaries": 1}


def test_provenance_and_read_only_maps_are_kept() -> None:
    plain = as_plain(MappingProxyType({name("api"): split("canary", {"api": 3})}))
    assert plain == {
        "shop/api": {
            "name": "shop/canary",
            "matches": None,
            "destinations": [{"service": "shop/api", "weight": 3}],
            "excluded": [],
            "idle": [],
        }
    }


def test_enums_are_plain_text() -> None:
    assert type(as_plain(Mode.AUDIT)) is str
    assert as_plain(service("api", 80, [])) is not None


def test_what_is_no_value_of_the_model_is_refused() -> None:
    with pytest.raises(TypeError, match="no value of the model"):
        as_plain(object())
