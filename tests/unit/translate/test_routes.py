from dataclasses import replace
from typing import Any

import pytest

from smi.model.inbound import Mode
from smi.model.outbound import Split
from smi_envoy.translate import names, routes
from tests import builders as a
from tests.xds_json import as_json, values


def of_service(*splits: Split) -> dict[str, Any]:
    """The one virtual host of `web`'s listener, split so."""
    said = as_json(routes.of_service(a.route("web", 80, *splits)))
    (host,) = said["virtual_hosts"]
    found: dict[str, Any] = host
    return found


def test_root_receives_what_no_split_takes() -> None:
    host = of_service()
    assert host["domains"] == ["*"]
    (route,) = host["routes"]
    assert (route["name"], route["route"]["cluster"]) == ("shop/web:80", "shop/web:80|http")


def test_envoy_adds_no_timeout_and_retries_only_what_arrived_nowhere() -> None:
    (route,) = of_service()["routes"]
    inbound = as_json(routes.of_application("inbound/shop/web-0/80", None, 80))
    safe = {"connect-failure", "refused-stream", "reset-before-request"}
    for one, reasons in [
        (route, safe | {"retriable-headers"}),
        *((one, safe) for one in inbound["virtual_hosts"][0]["routes"]),
    ]:
        assert one["route"]["timeout"] == "0s"
        assert set(one["route"]["retry_policy"]["retry_on"].split(",")) == reasons
        assert "retriable_status_codes" not in one["route"]["retry_policy"]


def test_word_that_a_request_arrived_nowhere_is_heard_of_sidecars_alone() -> None:
    (route,) = of_service()["routes"]
    heard = route["route"]["retry_policy"]["retriable_headers"]
    assert heard == [{"name": names.UNREACHED, "present_match": True}]
    (host,) = as_json(routes.of_application("inbound/shop/web-0/80", None, 80))["virtual_hosts"]
    for one in (route, *host["routes"]):
        assert one["response_headers_to_remove"] == [names.UNREACHED]


def test_names_that_some_applications_take_for_the_callers_are_taken_off() -> None:
    said = as_json(routes.of_application("inbound/shop/web-0/80", None, 80))
    lost = said["request_headers_to_remove"]
    assert {name.replace("_", "-") for name in lost} == {"x-forwarded-client-cert"}
    assert len(set(lost)) == 2**3 - 1
    assert "x-forwarded-client-cert" not in lost


def test_split_without_matches_takes_all_and_hides_what_follows() -> None:
    host = of_service(
        a.split("one", {"web-v1": 9, "web-v2": 1}), a.split("two", {"web": 1}, [a.match("/x")])
    )
    (route,) = host["routes"]
    assert route["name"] == "shop/web:80|shop/one"
    assert route["route"]["weighted_clusters"]["clusters"] == [
        {"name": "shop/web-v1:80|http", "weight": 9},
        {"name": "shop/web-v2:80|http", "weight": 1},
    ]


def test_each_request_is_divided_by_a_chance_of_its_own() -> None:
    (route,) = of_service(a.split("one", {"web-v1": 9, "web-v2": 1}))["routes"]
    assert set(route["route"]["weighted_clusters"]) == {"clusters"}
    assert "hash_policy" not in route["route"]


@pytest.mark.parametrize("weights", [(75, 25), (1, 999_999), (2, 2), (1, 2**32 - 2)])
def test_weights_are_passed_on_as_they_are(weights: tuple[int, ...]) -> None:
    host = of_service(a.split("s", {f"web-v{n}": weight for n, weight in enumerate(weights)}))
    clusters = host["routes"][0]["route"]["weighted_clusters"]["clusters"]
    assert tuple(cluster["weight"] for cluster in clusters) == weights


@pytest.mark.parametrize(
    "weights", [(2**63 - 1, 1), (3_000_000_000, 3_000_000_000), (2**32, 2**32 - 1, 5, 1)]
)
def test_weights_keep_their_proportions_where_envoy_cannot_hold_them(
    weights: tuple[int, ...],
) -> None:
    host = of_service(a.split("s", {f"web-v{n}": weight for n, weight in enumerate(weights)}))
    clusters = host["routes"][0]["route"]["weighted_clusters"]["clusters"]
    told = [cluster["weight"] for cluster in clusters]
    assert sum(told) < 2**32
    assert all(weight > 0 for weight in told)
    for weight, written in zip(told, weights, strict=True):
        assert weight / sum(told) == pytest.approx(written / sum(weights), abs=1e-8)


def test_splits_with_matches_are_asked_in_order() -> None:
    host = of_service(
        a.split("one", {"web-v1": 1}, [a.match("/x")]),
        a.split("never", {"web-v1": 1}, []),
        a.split("two", {"web-v2": 1}, [a.match("/y")]),
    )
    assert "routes" not in host
    chosen = [m["on_match"]["action"] for m in host["matcher"]["matcher_list"]["matchers"]]
    assert [c["typed_config"]["name"] for c in chosen] == [
        "shop/web:80|shop/one",
        "shop/web:80|shop/two",
    ]
    otherwise = host["matcher"]["on_no_match"]["action"]["typed_config"]
    assert otherwise["name"] == "shop/web:80"


def test_split_without_destinations_is_unavailable() -> None:
    (route,) = of_service(a.split("one", {}))["routes"]
    assert route["direct_response"]["status"] == 503
    assert "shop/one" in route["direct_response"]["body"]["inline_string"]


@pytest.mark.parametrize(("path", "count"), [("/a", 2), (None, 1)])
def test_escaped_slashes_are_refused_where_a_path_decides(path: str | None, count: int) -> None:
    inbound = a.inbound(a.group("web"), a.rule("web", "front", http=[a.match(path)]))
    said = as_json(routes.of_application("inbound/shop/web-0/80", inbound, 80))
    (host,) = said["virtual_hosts"]
    assert len(host["routes"]) == count
    assert host["routes"][-1]["route"]["cluster"] == "application"
    assert list(values(host["routes"], "status")) == [400] * (count - 1)
    assert "envoy.filters.http.rbac" in host["typed_per_filter_config"]


@pytest.mark.parametrize(("mode", "refusals"), [("strict", 1), ("permissive", 0), ("audit", 0)])
def test_escaped_slash_is_refused_where_policy_binds_and_a_path_decides(
    mode: str, refusals: int
) -> None:
    bound = a.inbound(a.group("web"), a.rule("web", "front", http=[a.match("/x")]))
    inbound = replace(bound, mode=Mode(mode))
    (host,) = as_json(routes.of_application("inbound", inbound, 80))["virtual_hosts"]
    assert sum("direct_response" in route for route in host["routes"]) == refusals
