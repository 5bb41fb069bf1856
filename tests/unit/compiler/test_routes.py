"""TrafficSplits at the ports of their roots."""

import pytest

from smi.k8s.resource import NamespacedName, Resource
from smi.model.outbound import Excluded, Route, WeightedService
from tests.objects import (
    Fields,
    compiled,
    group,
    pod,
    port,
    reasons,
    service,
    split,
)

POD = pod("web-0", "web", 8080)


def name(text: str) -> NamespacedName:
    return NamespacedName("shop", text)


def web(text: str, *numbers: int) -> Resource:
    """A Service in front of the pod."""
    return service(text, *(port(n, 8080) for n in numbers or (80,)), selector={"app": "web"})


ROOT, V1, V2 = web("root"), web("v1"), web("v2")


def routes(*objects: Resource, root: str = "root") -> tuple[Route, ...]:
    return compiled(POD, *objects).mesh.routes[name(root)]


def told(*objects: Resource) -> list[tuple[str, str, str, str]]:
    return reasons(compiled(POD, *objects))


def test_service_without_a_split_is_its_own_destination() -> None:
    (route,) = routes(ROOT)
    assert (route.root, route.port, route.splits) == (name("root"), 80, ())
    assert route.services == {name("root")}


def test_weights_are_kept_and_zero_is_no_destination() -> None:
    (route,) = routes(
        ROOT, V1, V2, web("v3"), split("s", "root", [("v2", 7), ("v1", 9), ("v3", 0)])
    )
    (found,) = route.splits
    assert found.destinations == (WeightedService(name("v1"), 9), WeightedService(name("v2"), 7))
    assert (found.matches, found.excluded, found.idle) == (None, (), (name("v3"),))
    assert route.services == {name("root"), name("v1"), name("v2")}
    assert route.named == route.services | {name("v3")}


def test_backend_that_is_named_twice_has_both_weights() -> None:
    (route,) = routes(ROOT, V1, split("s", "root", [("v1", 2), ("v1", 3)]))
    assert route.splits[0].destinations == (WeightedService(name("v1"), 5),)


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        (None, "BackendNotFound"),
        (web("v2", 81), "PortMismatch"),
        (
            service("v2", port(80, 8080, protocol="UDP"), selector={"app": "web"}),
            "PortMismatch",
        ),
        (service("v2", port(80), selector={"app": "nobody"}), "NoReadyEndpoints"),
        (service("v2", port(80, "gone"), selector={"app": "web"}), "NoReadyEndpoints"),
    ],
)
def test_backend_that_cannot_take_its_share_is_excluded(
    backend: Resource | None, reason: str
) -> None:
    objects = [ROOT, V1, split("s", "root", [("v1", 1), ("v2", 9)])]
    objects += [] if backend is None else [backend]
    (route,) = routes(*objects)
    assert route.splits[0].destinations == (WeightedService(name("v1"), 1),)
    assert route.splits[0].excluded == (Excluded(name("v2"), reason),)
    assert ("warning", "TrafficSplit shop/s", "spec.backends[1].service", reason) in told(*objects)


def test_backend_of_weight_0_without_pods_is_as_it_should_be() -> None:
    empty = service("v2", port(80), selector={"app": "nobody"})
    assert told(ROOT, V1, empty, split("s", "root", [("v1", 1), ("v2", 0)])) == []


def test_pods_that_are_missing_are_told_by_port() -> None:
    ports = (port(80, 8080), port(81, "gone"), port(82, "lost"))
    root, v2 = (service(text, *ports, selector={"app": "web"}) for text in ("root", "v2"))
    found = compiled(POD, root, v2, web("v1", 81), split("s", "root", [("v1", 1), ("v2", 1)]))
    told = [(d.field, d.message) for d in found.diagnostics if d.reason != "PortMismatch"]
    assert [message for field, message in told if field.startswith("spec.backends")] == [
        "no backend takes requests for shop/root on port 82; they fail with 503",
        (
            "no pod of Service shop/v2 is ready at port 81; it is left out there and the others"
            " take its share"
        ),
    ]


def test_each_port_of_the_root_is_split_on_its_own() -> None:
    found = routes(
        web("root", 80, 90), web("v1", 80, 90), V2, split("s", "root", [("v1", 1), ("v2", 1)])
    )
    assert [(r.port, [d.service.name for d in r.splits[0].destinations]) for r in found] == [
        (80, ["v1", "v2"]),
        (90, ["v1"]),
    ]


def test_udp_ports_have_no_routes() -> None:
    root = service("root", port(80, 8080), port(53, protocol="UDP"), selector={"app": "web"})
    objects = (root, V1, split("s", "root", [("v1", 1)]))
    assert [route.port for route in routes(*objects)] == [80]
    assert told(*objects) == []


@pytest.mark.parametrize(
    "written",
    [
        "root",
        "root.shop",
        "root.shop.svc",
        "root.shop.svc.cluster.local",
        "root.shop.svc.example.org.",
        "root.shop.",
        "Root.SHOP.svc",
    ],
)
def test_root_may_be_written_with_its_namespace(written: str) -> None:
    (route,) = routes(ROOT, V1, split("s", written, [("v1", 1)]))
    assert len(route.splits) == 1


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("root.pay", "RootOutsideNamespace"),
        ("root.shop.local", "RootOutsideNamespace"),
        ("example.com", "RootOutsideNamespace"),
        ("root.shop.pod.cluster.local", "RootOutsideNamespace"),
        ("root.pay.svc.shop", "RootOutsideNamespace"),
        ("root..", "RootOutsideNamespace"),
        (".", "RootNotFound"),
        ("gone", "RootNotFound"),
    ],
)
def test_split_whose_root_is_not_there_has_no_effect(root: str, reason: str) -> None:
    objects = (ROOT, V1, split("s", root, [("v1", 1)]))
    assert routes(*objects)[0].splits == ()
    assert told(*objects) == [("error", "TrafficSplit shop/s", "spec.service", reason)]


def test_root_among_its_backends_stands_for_its_own_pods() -> None:
    objects = (ROOT, V1, split("s", "root", [("root", 1), ("v1", 1)]))
    (route,) = routes(*objects)
    assert [d.service.name for d in route.splits[0].destinations] == ["root", "v1"]
    assert told(*objects) == [
        ("warning", "TrafficSplit shop/s", "spec.backends[0].service", "SelfReference")
    ]


def test_backend_that_is_a_root_itself_is_not_expanded() -> None:
    objects = (
        ROOT,
        V1,
        V2,
        split("outer", "root", [("v1", 1)]),
        split("inner", "v1", [("v2", 1)]),
    )
    (route,) = routes(*objects)
    assert [d.service.name for d in route.splits[0].destinations] == ["v1"]


@pytest.mark.parametrize("weights", [[], [("v1", 0)], [("v1", 0), ("v2", 0)]])
def test_split_without_weight_has_no_destination(weights: list[tuple[str, int]]) -> None:
    objects = (ROOT, V1, V2, split("s", "root", weights))
    assert routes(*objects)[0].splits[0].destinations == ()
    assert told(*objects) == [("warning", "TrafficSplit shop/s", "spec.backends", "NoWeight")]


def test_older_split_comes_first_then_the_name_decides() -> None:
    beta: Fields = {"kind": "HTTPRouteGroup", "name": "beta"}

    def dated(text: str, time: str) -> Resource:
        return split(text, "root", [("v1", 1)], beta, creationTimestamp=time)

    (route,) = routes(
        ROOT,
        V1,
        group("beta", {}),
        dated("c", "2026-01-01T00:00:00Z"),
        dated("b", "2026-01-02T00:00:00Z"),
        dated("a", "2026-01-02T00:00:00Z"),
    )
    assert [found.name.name for found in route.splits] == ["c", "a", "b"]


def test_split_after_one_that_takes_everything_is_told() -> None:
    objects = (ROOT, V1, split("a", "root", [("v1", 1)]), split("b", "root", [("v1", 1)]))
    assert told(*objects) == [("error", "TrafficSplit shop/b", "spec.service", "RootAlreadySplit")]
    first = split("a", "root", [("v1", 1)], {"kind": "HTTPRouteGroup", "name": "beta"})
    assert told(ROOT, V1, group("beta", {}), first, objects[-1]) == []


def test_matches_of_all_groups_are_one_list() -> None:
    (route,) = routes(
        ROOT,
        V1,
        group("a", {"name": "a1"}, {"name": "a2"}),
        group("b", {"name": "b1"}),
        split(
            "s",
            "root",
            [("v1", 1)],
            {"kind": "HTTPRouteGroup", "name": "b"},
            {"kind": "HTTPRouteGroup", "name": "a", "apiGroup": "specs.smi-spec.io"},
        ),
    )
    matches = route.splits[0].matches
    assert matches is not None
    assert [match.name for match in matches] == ["b1", "a1", "a2"]


@pytest.mark.parametrize(
    ("reference", "field", "reason"),
    [
        (("HTTPRouteGroup", "gone", ""), "spec.matches[0].name", "HTTPRouteGroupNotFound"),
        (("TCPRoute", "routes", ""), "spec.matches[0].kind", "UnknownMatchKind"),
        (("HTTPRouteGroup", "routes", "example.org"), "spec.matches[0].kind", "UnknownMatchKind"),
    ],
)
def test_match_that_is_not_there_selects_no_request(
    reference: tuple[str, str, str], field: str, reason: str
) -> None:
    written = dict(zip(("kind", "name", "apiGroup"), reference, strict=True))
    objects = (ROOT, V1, group("routes", {}), split("s", "root", [("v1", 1)], written))
    assert routes(*objects)[0].splits[0].matches == ()
    assert told(*objects) == [("error", "TrafficSplit shop/s", field, reason)]
