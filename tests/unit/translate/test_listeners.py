from typing import Any

import pytest

from smi.model.inbound import Mode
from smi.model.service import AppProtocol
from smi_envoy.translate import listeners
from tests import builders as a
from tests.xds_json import as_json, values

POD = a.name("web-0")
AT = ("127.9.9.1", 28080)


def inbound(mode: Mode = Mode.STRICT) -> dict[str, Any]:
    """The door to port 8080 of a pod."""
    return as_json(listeners.inbound(POD, a.group("web"), 8080, AT, 40000, mode))


def test_pod_is_reached_at_its_address_only_through_mutual_tls() -> None:
    said = inbound()
    assert said["address"]["socket_address"] == {"address": "127.9.9.1", "port_value": 28080}
    matches = [chain["filter_chain_match"] for chain in said["filter_chains"]]
    assert matches == [
        {"server_names": ["http.smi-mesh"], "transport_protocol": "tls"},
        {"server_names": ["tcp.smi-mesh"], "transport_protocol": "tls"},
    ]
    assert list(values(said, "require_client_certificate")) == [True, True]
    assert list(values(said, "disable_stateless_session_resumption")) == [True, True]
    assert "default_filter_chain" not in said


def test_handshake_judges_tcp_and_routes_judge_http() -> None:
    http, tcp = inbound()["filter_chains"]
    names = [c["name"] for c in values([http, tcp], "validation_context_sds_secret_config")]
    assert names == ["peers", "clients/shop/web/8080"]
    assert [r["route_config_name"] for r in values(http, "rds")] == ["inbound/shop/web/8080"]


def test_http_is_denied_unless_a_route_says_otherwise() -> None:
    (manager,) = [c for c in values(inbound(), "typed_config") if "http_filters" in c]
    assert [f["name"] for f in manager["http_filters"]] == [
        "path",
        "envoy.filters.http.rbac",
        "router",
    ]
    assert manager["http_filters"][1]["typed_config"]["rules"] == {}


def test_paths_are_judged_in_normal_form_and_nothing_is_added() -> None:
    proxy = listeners.proxy(POD, a.identity("web"), AT)
    for said in (inbound(), as_json(proxy)):
        (manager,) = [c for c in values(said, "typed_config") if "http_filters" in c]
        assert manager["normalize_path"] is True
        assert manager["merge_slashes"] is True
        assert manager["stream_idle_timeout"] == "0s"
        assert manager["generate_request_id"] is False
        assert manager["server_header_transformation"] == "PASS_THROUGH"
        assert list(values(manager, "suppress_envoy_headers")) == [True]
        assert manager["upgrade_configs"] == [{"upgrade_type": "websocket"}]


def test_query_is_no_part_of_the_path_that_is_judged() -> None:
    proxy = listeners.proxy(POD, a.identity("web"), AT)
    for said in (inbound(), as_json(proxy)):
        (manager,) = [c for c in values(said, "typed_config") if "http_filters" in c]
        # Routes are found before filters run: they have to be found anew once the path is known.
        assert manager["http_filters"][0]["typed_config"]["value"] == {
            "on_request_headers": [
                {
                    "object_key": "smi.path",
                    "factory_key": "envoy.string",
                    "format_string": {
                        "text_format_source": {"inline_string": "%PATH(NQ:PATH)%"},
                    },
                }
            ],
            "clear_route_cache": True,
        }


def test_both_chains_lead_to_the_application() -> None:
    said = inbound()
    states = list(values(said, "on_new_connection"))
    address = {"text_format_source": {"inline_string": "127.0.0.1:40000"}}
    assert [s["format_string"] for (s,) in states] == [address, address]
    assert list(values(said, "cluster")) == ["application"]


def test_http_proxy_asks_the_routes_of_its_identity() -> None:
    said = as_json(listeners.proxy(POD, a.identity("web"), ("127.9.9.1", 15001)))
    assert [r["route_config_name"] for r in values(said, "rds")] == ["outbound/shop/web"]
    assert said["traffic_direction"] == "OUTBOUND"


@pytest.mark.parametrize(
    ("speaks", "http", "tcp", "inspectors"),
    [(AppProtocol.HTTP, 1, 0, 0), (AppProtocol.TCP, 0, 1, 0), (AppProtocol.DETECT, 1, 1, 1)],
)
def test_door_of_a_service_speaks_what_the_port_speaks(
    speaks: AppProtocol, http: int, tcp: int, inspectors: int
) -> None:
    said = as_json(listeners.service(POD, a.name("db"), 5432, speaks, AT))
    routes = [r["route_config_name"] for r in values(said, "rds")]
    assert routes == ["outbound/shop/db:5432"] * http
    assert list(values(said, "cluster")) == ["shop/db:5432|tcp"] * tcp
    assert len(said.get("listener_filters", [])) == inspectors
    assert said.get("continue_on_listener_filters_timeout", False) is bool(inspectors)


@pytest.mark.parametrize("mode", [Mode.PERMISSIVE, Mode.AUDIT])
def test_other_modes_admit_plain_text_and_foreign_tls_too(mode: Mode) -> None:
    said = inbound(mode)
    peers, strangers = said["filter_chains"][:2], said["filter_chains"][2:]
    assert peers == inbound()["filter_chains"]
    assert [chain["filter_chain_match"] for chain in strangers] == [
        {
            "transport_protocol": "raw_buffer",
            "application_protocols": ["http/1.0", "http/1.1", "h2c"],
        },
        {"transport_protocol": "raw_buffer"},
        {"transport_protocol": "tls"},
    ]
    assert not any("transport_socket" in chain for chain in strangers)
    assert [r["route_config_name"] for r in values(strangers, "rds")] == ["inbound/shop/web/8080"]
    assert list(values(strangers, "cluster")) == ["application"] * 2
    assert inbound(Mode.PERMISSIVE) == inbound(Mode.AUDIT)
