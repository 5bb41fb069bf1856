"""TrafficTargets and IdentityBindings: what they grant, and what is told where they cannot."""

import pytest

from smi.access import destination_port
from smi.compiler.compile import compile  # noqa: A004 - the field's word for it
from smi.compiler.state import collect
from smi.k8s.resource import NamespacedName, Resource
from smi.model.identity import PodUid, ServiceIdentity, SpiffeId
from smi.model.inbound import Mode, Rule
from tests.objects import (
    Fields,
    account,
    an,
    binding,
    compiled,
    group,
    pod,
    port,
    ports,
    reasons,
    rule,
    service,
    target,
)

WEB, FRONT = pod("web-0", "web", 8080), pod("front-0", "front")
EVERYTHING = ports("TCPRoute", "everything")
ALL = rule("TCPRoute", "everything")


def spiffe(namespace: str, name: str) -> SpiffeId:
    return SpiffeId(f"spiffe://cluster.local/ns/{namespace}/sa/{name}")


def rules(*objects: Resource, account_name: str = "web") -> tuple[Rule, ...]:
    """The rules over the pods of a ServiceAccount; all its groups have the same here."""
    mesh = compiled(*objects).mesh
    wanted = ServiceIdentity("shop", account_name)
    found = {group: inbound.rules for group, inbound in mesh.inbound.items()}
    (only,) = {r for group, r in found.items() if group.identity == wanted}
    return only


def told(*objects: Resource) -> list[tuple[str, str, str]]:
    """Severity, field and reason of each diagnostic about the TrafficTarget `t`."""
    found = reasons(compiled(*objects))
    return [(severity, field, reason) for severity, _, field, reason in found]


def test_without_a_target_there_is_no_rule() -> None:
    mesh = compiled(WEB, FRONT).mesh
    assert all(not inbound.rules for inbound in mesh.inbound.values())
    assert {inbound.mode for inbound in mesh.inbound.values()} == {Mode.STRICT}


def test_sources_are_accounts_of_any_namespace_and_of_the_own_by_default() -> None:
    (granted,) = rules(
        WEB, FRONT, EVERYTHING, target("t", "web", ["front", "pay/web", account("shop/web")], ALL)
    )
    assert granted.spiffe_ids == {
        spiffe("shop", "front"),
        spiffe("pay", "web"),
        spiffe("shop", "web"),
    }
    assert granted.pods == frozenset()
    assert granted.target == NamespacedName("shop", "t")


@pytest.mark.parametrize(
    ("written", "tcp", "own", "http", "udp"),
    [
        ([ALL], True, None, None, frozenset()),
        ([rule("TCPRoute", "some")], True, frozenset({1, 2}), None, frozenset()),
        ([rule("TCPRoute", "some"), ALL], True, None, None, frozenset()),
        ([rule("TCPRoute", "some"), rule("TCPRoute", "gone")], True, frozenset({1, 2}), None, ()),
        ([rule("TCPRoute", "gone")], True, frozenset(), None, frozenset()),
        ([rule("HTTPRouteGroup", "routes")], True, None, ("a", "b"), frozenset()),
        ([rule("HTTPRouteGroup", "routes", "b")], True, None, ("b",), frozenset()),
        ([rule("HTTPRouteGroup", "routes", "gone")], True, None, (), frozenset()),
        ([rule("HTTPRouteGroup", "routes", "a", "gone")], True, None, ("a",), frozenset()),
        ([rule("HTTPRouteGroup", "gone")], True, None, (), frozenset()),
        ([rule("UDPRoute", "udp")], False, None, None, frozenset({53})),
        ([rule("UDPRoute", "gone")], False, None, None, frozenset()),
        ([rule("UDPRoute", "all-udp"), ALL], True, None, None, None),
        (
            [rule("TCPRoute", "some"), rule("HTTPRouteGroup", "routes", "a")],
            True,
            frozenset({1, 2}),
            ("a",),
            frozenset(),
        ),
    ],
)
def test_rules_of_a_target_narrow_each_other(
    written: list[Fields],
    tcp: bool,
    own: frozenset[int] | None,
    http: tuple[str, ...] | None,
    udp: frozenset[int] | None,
) -> None:
    (granted,) = rules(
        WEB,
        FRONT,
        EVERYTHING,
        ports("TCPRoute", "some", 1, 2),
        ports("UDPRoute", "udp", 53),
        ports("UDPRoute", "all-udp"),
        group("routes", {"name": "a"}, {"name": "b"}),
        target("t", "web", ["front"], *written),
    )
    assert (granted.tcp, granted.ports) == (tcp, own)
    assert (None if granted.http is None else tuple(m.name for m in granted.http)) == http
    assert granted.udp_ports == (udp if udp is None else frozenset(udp))


@pytest.mark.parametrize(
    ("written", "field", "reason"),
    [
        (rule("TCPRoute", "gone"), "spec.rules[1].name", "TCPRouteNotFound"),
        (rule("UDPRoute", "gone"), "spec.rules[1].name", "UDPRouteNotFound"),
        (rule("HTTPRouteGroup", "gone"), "spec.rules[1].name", "HTTPRouteGroupNotFound"),
        (rule("HTTPRouteGroup", "routes", "a", "no"), "spec.rules[1].matches[1]", "MatchNotFound"),
        (rule("HTTPRouteGroup", "none", "no"), "spec.rules[1].matches[0]", "MatchNotFound"),
        (rule("GRPCRoute", "x"), "spec.rules[1].kind", "UnknownRuleKind"),
    ],
)
def test_rule_that_cannot_be_resolved_is_told(written: Fields, field: str, reason: str) -> None:
    found = told(
        WEB,
        FRONT,
        EVERYTHING,
        group("routes", {"name": "a"}),
        group("none"),
        target("t", "web", ["front"], ALL, written),
    )
    assert found == [("error", field, reason)]


def test_rule_of_unknown_kind_closes_the_whole_target() -> None:
    target_ = target("t", "web", ["front"], ALL, rule("GRPCRoute", "x"))
    assert rules(WEB, FRONT, EVERYTHING, target_) == ()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (account("gone", "IdentityBinding"), "IdentityBindingNotFound"),
        (account("everyone", "Group"), "UnknownSourceKind"),
        ({**account("back"), "group": "example.org"}, "UnknownSourceKind"),
    ],
)
def test_source_that_is_nobody_grants_nobody_anything(source: Fields, reason: str) -> None:
    objects = (WEB, FRONT, EVERYTHING, target("t", "web", ["front", source], ALL))
    (granted,) = rules(*objects)
    assert granted.spiffe_ids == {spiffe("shop", "front")}
    field = "spec.sources[1].name" if reason.endswith("NotFound") else "spec.sources[1].kind"
    assert told(*objects) == [("error", field, reason)]


def test_account_that_nobody_runs_as_is_a_warning() -> None:
    objects = (WEB, EVERYTHING, target("t", "web", ["ghost", "pay/default"], ALL))
    assert told(*objects) == [("warning", "spec.sources[0].name", "ServiceAccountNotFound")]
    assert told(*objects, an("ServiceAccount", "ghost")) == []


@pytest.mark.parametrize(
    ("destination", "field", "reason"),
    [
        (account("pay/web"), "spec.destination.namespace", "CrossNamespaceDestination"),
        (account("web", "Service"), "spec.destination.kind", "UnknownDestinationKind"),
        (account("gone", "IdentityBinding"), "spec.destination.name", "IdentityBindingNotFound"),
    ],
)
def test_target_whose_destination_is_not_sound_grants_nothing(
    destination: Fields, field: str, reason: str
) -> None:
    objects = (
        WEB,
        FRONT,
        pod("pay/web-0", "web"),
        EVERYTHING,
        target("t", destination, ["front"], ALL),
    )
    assert told(*objects) == [("error", field, reason)]
    assert all(not inbound.rules for inbound in compiled(*objects).mesh.inbound.values())


@pytest.mark.parametrize("namespace", ["", "shop"])
def test_destination_may_name_the_own_namespace(namespace: str) -> None:
    destination = {"kind": "ServiceAccount", "name": "web", "namespace": namespace}
    assert len(rules(WEB, FRONT, EVERYTHING, target("t", destination, ["front"], ALL))) == 1


def test_rules_are_ordered_by_target() -> None:
    objects = [target(name, "web", ["front"], ALL) for name in ("c", "a", "b")]
    names = [granted.target.name for granted in rules(WEB, FRONT, EVERYTHING, *objects)]
    assert names == ["a", "b", "c"]


def test_binding_as_a_source_is_accounts_spiffe_ids_and_pods() -> None:
    (granted,) = rules(
        WEB,
        FRONT,
        pod("front-1", "front", labels={"tier": "blue"}),
        pod("pay/front-2", "front", labels={"tier": "blue"}),
        EVERYTHING,
        binding("account", serviceAccount="front"),
        binding("blue", labels={"tier": "blue"}, spiffeIdentities=["cluster.local/ns/shop/sa/x"]),
        target(
            "t",
            "web",
            [account("account", "IdentityBinding"), account("blue", "IdentityBinding")],
            ALL,
        ),
    )
    assert granted.spiffe_ids == {spiffe("shop", "front"), spiffe("shop", "x")}
    assert granted.pods == {PodUid("uid-front-1")}


@pytest.mark.parametrize(
    "written",
    [
        "spiffe://cluster.local/ns/pay/sa/front",
        "spiffe://example.org/ns/shop/sa/front",
        "cluster.local/ns/shop/sa/",
        "cluster.local/ns/shop/sa/a/b",
        "spiffe://cluster.local/front",
        "front",
    ],
)
def test_binding_knows_workloads_of_its_own_namespace_only(written: str) -> None:
    result = compiled(WEB, binding("ids", spiffeIdentities=["cluster.local/ns/shop/sa/x", written]))
    assert reasons(result) == [
        (
            "error",
            "IdentityBinding shop/ids",
            "spec.schemes.spiffeIdentities[1]",
            "ForeignSpiffeId",
        )
    ]


def test_trust_domain_is_that_of_the_mesh() -> None:
    objects = (
        WEB,
        EVERYTHING,
        binding("ids", spiffeIdentities=["example.org/ns/shop/sa/x"]),
        target("t", "web", ["pay/web", account("ids", "IdentityBinding")], ALL),
    )
    mesh = compile(collect(objects, trust_domain="example.org")).mesh
    (inbound,) = mesh.inbound.values()
    assert inbound.rules[0].spiffe_ids == {
        "spiffe://example.org/ns/pay/sa/web",
        "spiffe://example.org/ns/shop/sa/x",
    }
    assert mesh.trust_domain == "example.org"
    assert mesh.trust_domains == ("example.org",)


def test_alias_makes_the_same_callers_known_by_other_names_too() -> None:
    objects = (
        WEB,
        EVERYTHING,
        binding(
            "ids",
            spiffeIdentities=["cluster.local/ns/shop/sa/x", "spiffe://old.example/ns/shop/sa/y"],
            serviceAccount="z",
        ),
        target("t", "web", ["pay/web", account("ids", "IdentityBinding")], ALL),
    )
    result = compile(collect(objects, trust_domain_aliases=["old.example"]))
    (inbound,) = result.mesh.inbound.values()
    assert inbound.rules[0].spiffe_ids == {
        f"spiffe://{domain}/ns/{account}"
        for domain in ("cluster.local", "old.example")
        for account in ("pay/sa/web", "shop/sa/x", "shop/sa/y", "shop/sa/z")
    }
    assert reasons(result)[0] == (
        "warning",
        "IdentityBinding shop/ids",
        "spec.schemes.spiffeIdentities[1]",
        "AliasSpiffeId",
    )


def test_alias_opens_no_other_namespace() -> None:
    foreign = binding("ids", spiffeIdentities=["spiffe://old.example/ns/pay/sa/x"])
    to_ids = target("t", "web", [account("ids", "IdentityBinding")], ALL)
    state = collect([WEB, EVERYTHING, foreign, to_ids], trust_domain_aliases=["old.example"])
    result = compile(state)
    (inbound,) = result.mesh.inbound.values()
    assert inbound.rules[0].spiffe_ids == frozenset()
    assert "ForeignSpiffeId" in {reason for *_, reason in reasons(result)}


@pytest.mark.parametrize(
    ("schemes", "opened"),
    [
        ({"labels": {"tier": "blue"}}, {"web-1"}),
        ({"serviceAccount": "web"}, {"web-0", "web-1"}),
        ({"spiffeIdentities": ["cluster.local/ns/shop/sa/web"]}, {"web-0", "web-1"}),
        (
            {"labels": {"tier": "blue"}, "spiffeIdentities": ["cluster.local/ns/shop/sa/front"]},
            {"web-1", "front-0"},
        ),
    ],
)
def test_binding_as_a_destination_opens_its_members(schemes: Fields, opened: set[str]) -> None:
    mesh = compiled(
        WEB,
        FRONT,
        pod("web-1", "web", 8080, labels={"tier": "blue"}),
        EVERYTHING,
        binding("ids", **schemes),
        target("t", account("ids", "IdentityBinding"), ["front"], ALL),
    ).mesh
    found = {n.name for n, w in mesh.workloads.items() if mesh.inbound[w.group].rules}
    assert found == opened


def granted_ports(*objects: Resource, written: int = 80) -> dict[str, list[int]]:
    """The ports that a target over `web` grants at each pod, for one written number."""
    mesh = compiled(
        *objects,
        ports("TCPRoute", "tcp", written),
        target("t", "web", ["front"], rule("TCPRoute", "tcp")),
    ).mesh
    web = [w for w in mesh.workloads.values() if w.identity.name == "web"]
    return {w.name.name: sorted(mesh.inbound[w.group].rules[0].ports or ()) for w in web}


def test_port_is_the_pods_own_where_it_is_one() -> None:
    assert granted_ports(WEB, written=8080) == {"web-0": [8080]}
    both = pod("web-0", "web", 80, 8080)
    assert granted_ports(both, service("web", port(80, 8080))) == {"web-0": [80]}


def test_port_of_a_service_means_where_it_leads() -> None:
    objects = (WEB, service("web", port(80, 8080), port(81, 9090)))
    assert granted_ports(*objects) == {"web-0": [8080]}
    found = compiled(
        *objects,
        FRONT,
        ports("TCPRoute", "tcp", 80),
        target("t", "web", ["front"], rule("TCPRoute", "tcp")),
    )
    assert reasons(found) == [("info", "TrafficTarget shop/t", "spec.rules", "ServicePortMeant")]
    assert "targetPort 8080" in found.diagnostics[0].message


def test_target_port_of_a_service_is_a_pods_own() -> None:
    services = (service("web", port(80, 8080)), service("other", port(81, 80)))
    selecting = service("also", port(82, 80), selector={"app": "web"})
    assert granted_ports(WEB, *services) == {"web-0": [8080]}
    assert granted_ports(WEB, *services, selecting) == {"web-0": [80]}


def test_port_that_is_nobodys_means_itself() -> None:
    assert granted_ports(WEB, service("web", port(81, 8080))) == {"web-0": [80]}


def test_port_of_several_services_means_all_their_targets() -> None:
    named = service("web", port(80, "http"))
    objects = (pod("web-0", "web", named={"http": 8080}), pod("web-1", "web", named={"http": 8081}))
    assert granted_ports(named, *objects) == {"web-0": [8080, 8081], "web-1": [8080, 8081]}


def test_port_that_is_one_pods_own_is_that_port_at_every_pod() -> None:
    objects = (
        service("web", port(80, 8080), selector={"app": "web", "tier": "blue"}),
        pod("web-0", "web", 80),
        pod("web-1", "web", 8080, labels={"tier": "blue"}),
    )
    assert granted_ports(*objects) == {"web-0": [80], "web-1": [80]}
    unused = binding("unused", labels={"tier": "blue"})
    assert granted_ports(*objects, unused) == {"web-0": [80], "web-1": [80]}


def test_udp_ports_are_read_the_same_way() -> None:
    (granted,) = rules(
        WEB,
        service("web", port(53, 8080, protocol="UDP")),
        ports("UDPRoute", "udp", 53),
        target("t", "web", ["front"], rule("UDPRoute", "udp")),
    )
    assert granted.udp_ports == frozenset({8080})


def narrowed(port_: str, rules: Fields = ALL) -> Resource:
    """The TrafficTarget `t` of one port, as v1alpha2 has it, at the hub."""
    annotations = {destination_port.ANNOTATION: port_}
    spec = {"destination": account("web"), "sources": [account("front")], "rules": [rules]}
    return an("TrafficTarget", "t", spec, annotations=annotations)


@pytest.mark.parametrize(
    ("written", "rule_", "own", "udp"),
    [
        ("8080", ALL, {8080}, set()),
        ("80", ALL, {8080}, set()),  # the Service's port leads there
        ("8080", rule("HTTPRouteGroup", "routes"), {8080}, set()),
        ("80", rule("TCPRoute", "own"), {8080}, set()),
        ("9090", rule("TCPRoute", "own"), set(), set()),
        ("53", rule("UDPRoute", "udp"), {53}, {53}),
        ("54", rule("UDPRoute", "udp"), {54}, set()),
    ],
)
def test_port_of_the_destination_narrows_whatever_the_rules_say(
    written: str, rule_: Fields, own: set[int], udp: set[int]
) -> None:
    (granted,) = rules(
        WEB,
        FRONT,
        EVERYTHING,
        service("web", port(80, 8080)),
        group("routes", {"name": "a"}),
        ports("TCPRoute", "own", 8080),
        ports("UDPRoute", "udp", 53),
        narrowed(written, rules=rule_),
    )
    assert granted.ports == frozenset(own)
    assert granted.udp_ports == frozenset(udp)


def test_port_of_the_destination_that_is_a_services_is_told() -> None:
    objects = (WEB, FRONT, EVERYTHING, service("web", port(80, 8080)))
    assert told(*objects, narrowed("80")) == [("info", "spec.destination.port", "ServicePortMeant")]
    assert told(*objects, narrowed("8080")) == []


@pytest.mark.parametrize("written", ["", "0", "65536", "080", "80 ", "http", "8080.0", "\u0661"])
def test_damaged_port_of_the_destination_opens_nothing(written: str) -> None:
    assert rules(WEB, FRONT, EVERYTHING, narrowed(written)) == ()
    field = f"metadata.annotations.{destination_port.ANNOTATION}"
    assert told(WEB, FRONT, EVERYTHING, narrowed(written)) == [
        ("error", field, "DestinationPortUnreadable")
    ]
