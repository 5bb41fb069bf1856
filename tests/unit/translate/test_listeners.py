from typing import Any

import pytest
import re2

from smi.model.identity import PodUid
from smi.model.inbound import Mode
from smi.model.service import AppProtocol
from smi_envoy.translate import listeners, names
from smi_envoy.translate.chains import Admission
from tests import builders as a
from tests.xds_json import as_json, values

POD, UID = a.name("web-0"), PodUid("uid-web-0")
AT = ("127.9.9.1", 28080)


def inbound(*uids: str, mode: Mode = Mode.STRICT) -> dict[str, Any]:
    """The door to port 8080 of a pod, for TCP connections of the pods of `uids`."""
    admission = Admission(frozenset(map(PodUid, uids)), mode)
    return as_json(listeners.inbound(POD, 8080, AT, 40000, admission))


def test_pod_is_reached_at_its_address() -> None:
    said = inbound()
    assert said["address"]["socket_address"] == {"address": "127.9.9.1", "port_value": 28080}
    assert "default_filter_chain" not in said


def test_policy_and_mode_change_nothing_but_filter_chains() -> None:
    doors = [inbound(), inbound("one", "two"), *(inbound(mode=mode) for mode in Mode)]
    for said in doors:
        del said["filter_chains"]
    assert all(said == doors[0] for said in doors)


def test_http_is_denied_unless_a_route_says_otherwise() -> None:
    (manager,) = [c for c in values(inbound(), "typed_config") if "http_filters" in c]
    assert [f["name"] for f in manager["http_filters"]] == [
        "path",
        "envoy.filters.http.rbac",
        "router",
    ]
    assert manager["http_filters"][1]["typed_config"]["rules"] == {}


def test_paths_are_judged_in_normal_form_and_nothing_is_added() -> None:
    proxy = listeners.proxy(POD, UID, a.identity("web"), AT)
    for said in (inbound(), as_json(proxy)):
        (manager,) = [c for c in values(said, "typed_config") if "http_filters" in c]
        assert manager["normalize_path"] is True
        assert manager["merge_slashes"] is True
        assert manager["stream_idle_timeout"] == "0s"
        assert manager["generate_request_id"] is False
        assert manager["server_header_transformation"] == "PASS_THROUGH"
        assert list(values(manager, "suppress_envoy_headers")) == [True]
        assert {"upgrade_type": "websocket"} in manager["upgrade_configs"]


def managers() -> list[dict[str, Any]]:
    """HTTP as it is spoken on the way in, at the proxy, and at the doors of Services."""
    proxy = as_json(listeners.proxy(POD, UID, a.identity("web"), AT))
    doors = [door(speaks) for speaks in (AppProtocol.HTTP, AppProtocol.DETECT)]
    found = [values(said, "typed_config") for said in (inbound(), proxy, *doors)]
    return [c for configs in found for c in configs if "http_filters" in c]


def door(speaks: AppProtocol) -> dict[str, Any]:
    return as_json(listeners.service(POD, UID, a.name("web"), 80, speaks, AT))


def test_no_side_of_http_1_is_left_out() -> None:
    assert len(managers()) == 4
    for manager in managers():
        assert manager["http_protocol_options"]["accept_http_10"] is True
        assert manager["proxy_100_continue"] is True


def test_no_upgrade_is_known_but_to_websockets_and_others_are_no_reason_to_refuse() -> None:
    for manager in managers():
        (ignored,) = manager["http_protocol_options"]["ignore_http_11_upgrade"]
        regex = re2.compile(ignored["safe_regex"]["regex"])
        for name in ("websocket", "WebSocket"):
            assert regex.fullmatch(name) is None
        for name in ("", "h2c", "TLS/1.2", "web", "websockets", "Websoup", "x"):
            assert regex.fullmatch(name) is not None, name


def test_answer_that_ends_a_connection_may_be_read_slowly() -> None:
    assert {manager["delayed_close_timeout"] for manager in managers()} == {"0s"}


def test_application_is_told_its_caller_by_its_sidecar_alone() -> None:
    (manager,) = [c for c in values(inbound(), "typed_config") if "http_filters" in c]
    assert manager["forward_client_cert_details"] == "SANITIZE_SET"
    assert manager["set_current_client_cert_details"] == {"uri": True}


def test_word_that_a_request_arrived_nowhere_is_said_to_sidecars_alone() -> None:
    (manager,) = [c for c in values(inbound(), "typed_config") if "http_filters" in c]
    (mapper,) = [m for m in manager["local_reply_config"]["mappers"] if "headers_to_add" in m]
    flag, peer = mapper["filter"]["and_filter"]["filters"]
    assert flag == {"response_flag_filter": {"flags": ["UF"]}}
    assert list(values(peer, "expression")) == ["connection.mtls"]


def test_scheme_is_what_the_caller_says() -> None:
    for said in (inbound(), as_json(listeners.proxy(POD, PodUid("u"), a.identity("web"), AT))):
        assert not list(values(said, "scheme_header_transformation"))


def test_any_token_is_a_method_of_http_1_too() -> None:
    proxy = listeners.proxy(POD, UID, a.identity("web"), AT)
    for said in (inbound(), as_json(proxy)):
        (options,) = values(said, "http_protocol_options")
        assert options["allow_custom_methods"] is True


def test_query_is_no_part_of_the_path_that_is_judged() -> None:
    proxy = listeners.proxy(POD, UID, a.identity("web"), AT)
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


def test_only_the_http_proxy_opens_tunnels() -> None:
    proxy = as_json(listeners.proxy(POD, UID, a.identity("web"), AT))
    door = as_json(listeners.service(POD, UID, a.name("web"), 80, AppProtocol.HTTP, AT))
    opening = [
        {"upgrade_type": "CONNECT"} in next(values(x, "upgrade_configs"))
        for x in (proxy, door, inbound())
    ]
    assert opening == [True, False, False]


def test_what_forwards_sleeps_until_a_route_wakes_it() -> None:
    proxy = as_json(listeners.proxy(POD, UID, a.identity("web"), AT))
    (filters,) = values(proxy, "http_filters")
    asleep = [f["name"] for f in filters if f.get("disabled")]
    assert asleep == ["shown", "renamed", "resolved", "no-loopback"]
    assert [f["name"] for f in filters if f["name"] not in asleep] == ["path", "router"]


def test_tunnel_shows_the_name_of_the_pod_that_opens_it() -> None:
    proxy = as_json(listeners.proxy(POD, UID, a.identity("web"), AT))
    assert names.tcp_sni(UID) in list(values(proxy, "inline_string"))


def test_doors_are_found_at_the_address_of_the_proxy() -> None:
    proxy = as_json(listeners.proxy(POD, UID, a.identity("web"), AT))
    assert "127.9.9.1:28080" in list(values(proxy, "inline_string"))


def test_http_proxy_asks_the_routes_of_its_identity() -> None:
    said = as_json(listeners.proxy(POD, UID, a.identity("web"), ("127.9.9.1", 15001)))
    assert [r["route_config_name"] for r in values(said, "rds")] == ["outbound/shop/web"]
    assert said["traffic_direction"] == "OUTBOUND"


@pytest.mark.parametrize(
    ("speaks", "http", "tcp", "inspectors"),
    [(AppProtocol.HTTP, 1, 0, 0), (AppProtocol.TCP, 0, 1, 0), (AppProtocol.DETECT, 1, 1, 1)],
)
def test_door_of_a_service_speaks_what_the_port_speaks(
    speaks: AppProtocol, http: int, tcp: int, inspectors: int
) -> None:
    said = as_json(listeners.service(POD, UID, a.name("db"), 5432, speaks, AT))
    routes = [r["route_config_name"] for r in values(said, "rds")]
    assert routes == ["outbound/shop/db:5432"] * http
    assert list(values(said, "cluster")) == ["shop/db:5432|tcp"] * tcp
    shown = [s["format_string"] for (s,) in values(said, "on_new_connection")]
    assert shown == [{"text_format_source": {"inline_string": names.tcp_sni(UID)}}] * tcp
    assert len(said.get("listener_filters", [])) == inspectors
    assert said.get("continue_on_listener_filters_timeout", False) is bool(inspectors)
