"""Whatever changes in a mesh, proxies are told the whole of it and no more."""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.outbound import NamedPod, Outbound, Route
from smi.model.service import AppProtocol
from smi.model.workload import Detour, Workload
from smi_envoy.translate import names, proxy
from smi_envoy.translate.translator import Change, Translator
from smi_envoy.xds.resources import ResourceKey
from smi_envoy.xds.snapshot import Snapshot
from tests import builders as a
from tests.xds_json import values

ACCOUNTS = ("web", "api", "front")
SERVICES = ("web", "api", "web-v2")
PORTS = (80, 81)
TRUST = "PEM"


@st.composite
def pods(draw: st.DrawFn) -> dict[NamespacedName, Workload]:
    """Up to four pods."""
    found = {}
    for number in draw(st.sets(st.integers(0, 3))):
        pod = a.workload(
            f"pod-{number}",
            draw(st.sampled_from(ACCOUNTS)),
            address=f"127.9.9.{number}",
            detours={
                port: Detour(20000 + port, 40000) for port in draw(st.sets(st.sampled_from(PORTS)))
            },
            services={
                (service, port): 15000 + port
                for service in draw(st.sets(st.sampled_from(SERVICES)))
                for port in PORTS
            },
            bindings=sorted(draw(st.sets(st.sampled_from(("blue", "green"))))),
            uid=draw(st.sampled_from(("one", "two", f"uid-{number}"))),
            meshed=draw(st.sampled_from((True, True, True, False))),
        )
        found[pod.name] = pod
    return found


@st.composite
def routes(draw: st.DrawFn) -> Route:
    """A Service's port, split in up to two ways."""
    weights = st.dictionaries(st.sampled_from(SERVICES), st.integers(0, 3))
    matches = st.none() | st.lists(st.just(a.match("/a")), max_size=1)
    splits = draw(
        st.lists(st.builds(a.split, st.sampled_from(("x", "y")), weights, matches), max_size=2)
    )
    root, port = draw(st.sampled_from(SERVICES)), draw(st.sampled_from(PORTS))
    return a.route(root, port, *splits, speaks=draw(st.sampled_from(AppProtocol)))


def named_pods() -> st.SearchStrategy[NamedPod]:
    """One of the pods, there or not, by a name of its own."""
    return st.builds(
        NamedPod,
        st.sampled_from(SERVICES).map(a.name),
        st.integers(0, 3).map(lambda number: a.name(f"pod-{number}")),
        st.sampled_from(("", "pod-0", "pod-1")),
        st.integers(0, 3).map(lambda number: f"127.9.9.{number}"),
        st.sampled_from(((), (80,), PORTS)),
        st.booleans(),
    )


@st.composite
def meshes(draw: st.DrawFn) -> Mesh:
    """A small mesh; its parts need not fit together."""
    workloads = draw(pods())
    known = {(r.root, r.port): r for r in draw(st.lists(routes(), max_size=4))}
    by_root: dict[NamespacedName, tuple[Route, ...]] = {}
    for route in known.values():
        by_root[route.root] = (*by_root.get(route.root, ()), route)
    services = {}
    for name in draw(st.sets(st.sampled_from(SERVICES))):
        port = draw(st.sampled_from(PORTS))
        behind = [p for p in workloads.values() if p.loopback and port in p.loopback.detours]
        services[a.name(name)] = a.service(name, port, behind)
    outbound = {}
    for account in draw(st.sets(st.sampled_from(ACCOUNTS))):
        named = draw(st.sets(st.sampled_from(sorted(known)))) if known else set()
        sent = Outbound(
            a.identity(account),
            tuple(known[key] for key in sorted(named)),
            tuple(draw(st.lists(named_pods(), max_size=2))),
        )
        outbound[sent.identity] = sent
    inbound = {
        pod.group: a.inbound(
            pod.group,
            a.rule(
                "t",
                *draw(st.sets(st.sampled_from(ACCOUNTS))),
                ports=draw(st.none() | st.just([80])),
                pods=draw(st.sets(st.sampled_from(("one", "two", "gone")))),
                http=draw(st.none() | st.just([a.match("/a")])),
            ),
        )
        for pod in workloads.values()
        if draw(st.booleans())
    }
    aliases = draw(st.sampled_from(((), ("old.example",))))
    namespaces = frozenset(draw(st.sets(st.sampled_from(("shop", "pay")))))
    return Mesh(
        "cluster.local", workloads, services, by_root, inbound, outbound, aliases, namespaces
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Mesh]:
    """Meshes in a row, each with some tables of the one before it."""
    found = [draw(meshes())]
    for fresh in draw(st.lists(meshes(), min_size=1, max_size=3)):
        old = found[-1]
        kept = {
            table: getattr(old, table)
            for table in draw(
                st.sets(st.sampled_from(("services", "routes", "inbound", "outbound")))
            )
        }
        found.append(replace(fresh, **kept))
    return found


class World:
    """What proxies have been told: applies changes as the cache does."""

    def __init__(self) -> None:
        self.resources: dict[ResourceKey, bytes] = {}
        self.snapshots: dict[str, Snapshot] = {}

    def apply(self, change: Change) -> None:
        for key, data in change.resources.items():
            if data is None:
                del self.resources[key]
            else:
                self.resources[key] = data
        for name, snapshot in change.snapshots.items():
            if snapshot is None:
                del self.snapshots[name]
            else:
                self.snapshots[name] = snapshot

    def is_whole(self) -> bool:
        """Whether every name of every snapshot has contents."""
        return all(
            self.resources.keys() >= set(snapshot.keys()) for snapshot in self.snapshots.values()
        )


def told(*history: Mesh) -> World:
    """The world after a history; whole after every step of it."""
    translator, world = Translator(TRUST), World()
    for mesh in history:
        update = translator.update(mesh)
        for replaced in update.replaced:
            del world.snapshots[replaced]
        world.apply(update.servers)
        assert world.is_whole()
        world.apply(update.clients)
        assert world.is_whole()
    return world


@settings(deadline=None)
@given(histories())
def test_history_does_not_matter(history: list[Mesh]) -> None:
    now, scratch = told(*history), told(history[-1])
    assert now.resources == scratch.resources
    assert now.snapshots == scratch.snapshots


@settings(deadline=None)
@given(meshes())
def test_proxies_are_told_what_they_ask_for_and_no_more(mesh: Mesh) -> None:
    for name in mesh.workloads:
        rendered = proxy.render(mesh, name, TRUST)
        assert {(kind, name) for kind, found in rendered.items() for name in found} == set(
            asked_for(rendered)
        ) | {("Listener", n) for n in rendered.get("Listener", ())} | {
            ("Cluster", n) for n in rendered.get("Cluster", ())
        }


@settings(deadline=None)
@given(meshes())
def test_every_cluster_that_a_route_or_a_listener_names_is_there(mesh: Mesh) -> None:
    for name in mesh.workloads:
        rendered = proxy.render(mesh, name, TRUST)
        there = set(rendered.get("Cluster", ())) | doors_that_are_not_there(mesh, name)
        assert set(clusters_named(rendered)) <= there


def doors_that_are_not_there(mesh: Mesh, pod: NamespacedName) -> set[str]:
    """Where tunnels cannot lead: to Services of its identity for which the pod has no door."""
    workload = mesh.workloads[pod]
    assert workload.loopback is not None
    sent = mesh.outbound.get(workload.identity)
    return {
        names.door(route.root, route.port)
        for route in (sent.routes if sent else ())
        if (route.root, route.port) not in workload.loopback.services
    }


@settings(deadline=None)
@given(meshes())
def test_render_shows_what_is_published(mesh: Mesh) -> None:
    world = told(mesh)
    meshed = [name for name, workload in mesh.workloads.items() if workload.meshed]
    assert world.snapshots.keys() == set(map(str, meshed))
    for name in meshed:
        keys = set(world.snapshots[str(name)].keys())
        published = {(key.type_url.rpartition(".")[2], str(key.name)) for key in keys}
        rendered = proxy.render(mesh, name, TRUST)
        assert {(kind, name) for kind, found in rendered.items() for name in found} == published


def asked_for(rendered: object) -> Iterator[tuple[str, str]]:
    """What a proxy subscribes to because of what it was told."""
    for rds in values(rendered, "rds"):
        yield "RouteConfiguration", rds["route_config_name"]
    for secret in values(rendered, "validation_context_sds_secret_config"):
        yield "Secret", secret["name"]
    for cluster in values(rendered, "Cluster"):
        for name, found in cluster.items():
            if found.get("type") == "EDS":
                yield "ClusterLoadAssignment", name


def clusters_named(rendered: object) -> Iterator[str]:
    """The clusters that routes and TCP proxies lead to."""
    for cluster in values(rendered, "cluster"):
        if isinstance(cluster, str):
            yield cluster
    for weighted in values(rendered, "weighted_clusters"):
        for cluster in weighted["clusters"]:
            yield cluster["name"]
