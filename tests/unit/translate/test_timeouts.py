"""Whatever a proxy is told, it is told to wait for as long as both ends do."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from smi.model.inbound import Mode
from smi.model.mesh import Mesh
from smi.model.outbound import Route
from smi.model.service import AppProtocol
from smi.model.workload import Detour
from smi_envoy.pb.envoy.config.cluster.v3 import cluster_pb2
from smi_envoy.pb.envoy.config.listener.v3 import listener_pb2
from smi_envoy.pb.envoy.config.route.v3 import route_pb2
from smi_envoy.translate.translator import Translator
from smi_envoy.xds.resources import TypeUrl
from tests import builders as a
from tests.xds_json import as_json, values

MESSAGES: dict[str, type[Message]] = {
    TypeUrl.LISTENER: listener_pb2.Listener,
    TypeUrl.CLUSTER: cluster_pb2.Cluster,
    TypeUrl.ROUTE: route_pb2.RouteConfiguration,
}
WORDS = ("timeout", "duration", "keepalive")

# Of connections that are made, kept without a request on them, or not yet understood.
KNOWN = {
    ("connect_timeout", "5s"),
    ("idle_timeout", "0.100s"),  # one to the application that nobody uses
    ("idle_timeout", "30s"),  # a connection to a host outside that nobody uses
    ("listener_filters_timeout", "2s"),
    ("continue_on_listener_filters_timeout", True),
    ("initial_fetch_timeout", "0s"),
}
OFF = {"timeout", "idle_timeout", "stream_idle_timeout", "delayed_close_timeout"}


def world() -> Mesh:
    """A mesh with a door of every kind, a split by weight, and one by matches."""
    detours = {8080: Detour(28080, 40000)}
    web = a.workload("web-0", "web", address="127.9.9.1", detours=detours)
    open_ = a.workload("open-0", "open", address="127.9.9.2", detours=detours)
    doors = {("web", port): 15000 + port for port in (80, 81, 82)}
    front = a.workload("front-0", "front", address="127.9.9.8", services=doors)
    by_weight = a.split("canary", {"web": 1})
    by_match = a.split("beta", {"web": 1}, [a.match("/beta")])
    routes = [
        Route(a.name("web"), port, speaks, (by_match, by_weight))
        for port, speaks in zip((80, 81, 82), AppProtocol, strict=True)
    ]
    return a.mesh(
        workloads=[web, open_, front],
        services=[a.service("web", 80, [web], target=8080)],
        routes=routes,
        inbounds=[
            a.inbound(
                a.group("web"), a.rule("web", "front"), a.rule("w", "front", http=[a.match("/")])
            ),
            a.inbound(a.group("open"), mode=Mode.PERMISSIVE),
        ],
        outbounds={"front": routes},
    )


def told() -> list[dict[str, Any]]:
    """All that the proxies of that mesh are told in the kinds that know timeouts."""
    update = Translator("PEM").update(world())
    resources = {**update.servers.resources, **update.clients.resources}
    return [
        as_json(_read(MESSAGES[key.type_url], data))
        for key, data in resources.items()
        if key.type_url in MESSAGES and data is not None
    ]


def _read(kind: type[Message], data: bytes) -> Message:
    message = kind()
    message.ParseFromString(data)
    return message


def limits(tree: object) -> Iterator[tuple[str, object]]:
    """Every limit of time in a JSON tree, by name."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if any(word in name for word in WORDS) and not isinstance(value, dict):
                yield name, value
            yield from limits(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from limits(value)


def test_no_limit_of_time_is_on_but_before_and_between_requests() -> None:
    found = {limit for resource in told() for limit in limits(resource)}
    assert {limit for limit in found if limit not in KNOWN} == {(name, "0s") for name in OFF}


def test_every_limit_that_is_on_where_nothing_is_said_is_said_to_be_off() -> None:
    every = told()
    managers = [c for c in values(every, "typed_config") if "http_filters" in c]
    proxies = [c for c in values(every, "typed_config") if "max_connect_attempts" in c]
    actions = [r for r in values(every, "route") if {"cluster", "weighted_clusters"} & r.keys()]
    http = list(values(every, "common_http_protocol_options"))
    assert min(map(len, (managers, proxies, actions))) >= 5
    for manager in managers:
        assert manager["stream_idle_timeout"] == "0s"
        assert manager["delayed_close_timeout"] == "0s"
        assert manager["common_http_protocol_options"] == {"idle_timeout": "0s"}
        assert "request_timeout" not in manager
    assert {proxy["idle_timeout"] for proxy in proxies} == {"0s"}
    assert {action["timeout"] for action in actions} == {"0s"}
    assert not any("per_try_timeout" in policy for policy in values(every, "retry_policy"))
    assert {options["idle_timeout"] for options in http} == {"0s", "0.100s", "30s"}
