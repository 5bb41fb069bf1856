from dataclasses import replace

import pytest

from smi.model.identity import PodUid
from smi.model.inbound import Rule
from smi.model.mesh import Mesh
from smi.model.outbound import NamedPod, Route
from smi.model.service import AppProtocol
from smi.model.workload import Detour
from smi_envoy.translate.translator import Translator, Update, changed_entries
from smi_envoy.xds.snapshot import Snapshot
from tests import builders as a

FRONT = a.identity("front")


def world(*, weight: int = 90, speaks: AppProtocol = AppProtocol.DETECT) -> Mesh:
    """`front` and `back` call `web`, which is split over two versions."""
    detours = {8080: Detour(28080, 40000)}
    pods = [
        a.workload(pod, "web", address=f"127.9.9.{n}", detours=detours)
        for n, pod in enumerate(("v1-0", "v2-0"))
    ]
    front = a.workload("front-0", "front", address="127.9.9.8", services={("web", 80): 15080})
    back = a.workload("back-0", "back", address="127.9.9.9")
    route = split(weight, speaks)
    return a.mesh(
        workloads=[*pods, front, back],
        services=[
            a.service("web", 80, pods, target=8080),
            a.service("v1", 80, pods[:1], target=8080),
            a.service("v2", 80, pods[1:], target=8080),
        ],
        routes=[route],
        inbounds=[a.inbound(a.group("web"), a.rule("web", "front", "back"))],
        outbounds={"front": [route], "back": [route]},
    )


def split(weight: int, speaks: AppProtocol = AppProtocol.DETECT) -> Route:
    """`web` with so many of 100 for `v1`."""
    by = a.split("canary", {"v1": weight, "v2": 100 - weight})
    return a.route("web", 80, by, speaks=speaks)


def weighted(mesh: Mesh, weight: int) -> Mesh:
    """`mesh` with another weight, all else being the same objects."""
    route = split(weight)
    sent = {c: replace(outbound, routes=(route,)) for c, outbound in mesh.outbound.items()}
    return replace(mesh, routes={route.root: (route,)}, outbound=sent)


def test_pod_without_a_sidecar_is_told_nothing() -> None:
    mesh = world()
    front = a.name("front-0")
    bare = replace(mesh.workloads[front], meshed=False)
    without = replace(mesh, workloads={**mesh.workloads, front: bare})
    assert "shop/front-0" not in Translator("PEM").update(without).clients.snapshots
    translator = Translator("PEM")
    assert translator.update(mesh).clients.snapshots["shop/front-0"] is not None
    gone = translator.update(without)
    assert gone.clients.snapshots["shop/front-0"] is None
    assert gone.replaced == frozenset()
    # It had no proxy whose stream could end.
    other = replace(without, workloads={**without.workloads, front: replace(bare, uid=PodUid("x"))})
    assert translator.update(other).replaced == frozenset()


def names(update: Update) -> dict[str, set[str]]:
    """What changes on each side, as `type name`, `-` before what goes."""
    return {
        side: {
            f"{'-' if data is None else ''}{key.type_url.rpartition('.')[2]} {key.name}"
            for key, data in change.resources.items()
        }
        for side, change in (("servers", update.servers), ("clients", update.clients))
    }


def settled(mesh: Mesh) -> Translator:
    """A translator that has seen `mesh`."""
    translator = Translator("PEM")
    translator.update(mesh)
    return translator


def test_same_mesh_changes_nothing() -> None:
    mesh = world()
    update = settled(mesh).update(mesh)
    assert names(update) == {"servers": set(), "clients": set()}
    assert not update.servers.snapshots
    assert not update.clients.snapshots


def test_weight_changes_only_what_carries_it() -> None:
    mesh = world()
    update = settled(mesh).update(weighted(mesh, 50))
    assert names(update) == {
        "servers": set(),
        "clients": {
            "RouteConfiguration outbound/shop/web:80",
            "RouteConfiguration outbound/shop/front",
            "RouteConfiguration outbound/shop/back",
            "ClusterLoadAssignment shop/web:80|tcp",
        },
    }
    assert not update.clients.snapshots


def test_policy_changes_on_the_side_of_servers() -> None:
    mesh = world()
    stricter = a.inbound(a.group("web"), a.rule("web", "front"))
    update = settled(mesh).update(replace(mesh, inbound={stricter.group: stricter}))
    assert names(update) == {
        "servers": {
            "RouteConfiguration inbound/shop/v1-0/8080",
            "RouteConfiguration inbound/shop/v2-0/8080",
            "Listener inbound/shop/v1-0/8080",
            "Listener inbound/shop/v2-0/8080",
        },
        "clients": set(),
    }


@pytest.mark.parametrize(
    "rules",
    [
        [a.rule("web", "front", "back"), a.rule("requests", "new", http=[a.match("/a")])],
        [a.rule("web", "front", "back"), a.rule("elsewhere", "new", ports=[81])],
        [a.rule("renamed", "back", "front", pods=["uid-front-0"])],
    ],
)
def test_policy_that_grants_no_other_pod_bytes_leaves_listeners_alone(rules: list[Rule]) -> None:
    mesh = world()
    edited = a.inbound(a.group("web"), *rules)
    changed = names(settled(mesh).update(replace(mesh, inbound={edited.group: edited})))
    assert changed["servers"] <= {
        "RouteConfiguration inbound/shop/v1-0/8080",
        "RouteConfiguration inbound/shop/v2-0/8080",
    }
    assert changed["clients"] == set()


def test_pod_of_a_granted_identity_is_expected_by_servers() -> None:
    mesh = world()
    pod = a.workload("front-1", "front", address="127.9.9.7")
    more = {**mesh.workloads, pod.name: pod}
    translator = settled(mesh)
    doors = {"Listener inbound/shop/v1-0/8080", "Listener inbound/shop/v2-0/8080"}
    assert names(translator.update(replace(mesh, workloads=more)))["servers"] == doors
    unready = {**more, pod.name: replace(pod, ready=False)}
    assert names(translator.update(replace(mesh, workloads=unready)))["servers"] == set()
    moved = {**more, pod.name: replace(pod, group=a.group("intruder"))}
    assert names(translator.update(replace(mesh, workloads=moved)))["servers"] == doors
    assert names(translator.update(mesh))["servers"] == set()


def test_endpoint_that_goes_changes_the_endpoints_of_its_services() -> None:
    mesh = world()
    rest = [mesh.workloads[a.name("v2-0")]]
    web = a.service("web", 80, rest, target=8080)
    update = settled(mesh).update(replace(mesh, services={**mesh.services, web.name: web}))
    assert names(update) == {
        "servers": set(),
        "clients": {"ClusterLoadAssignment shop/web:80|http"},
    }


def named(mesh: Mesh, *pods: str) -> Mesh:
    """`mesh` in which `front` may name pods of `web` one by one."""
    found = tuple(
        NamedPod(
            a.name("web"), a.name(pod), pod, mesh.workloads[a.name(pod)].address, (8080,), True
        )
        for pod in pods
    )
    sent = replace(mesh.outbound[FRONT], pods=found)
    return replace(mesh, outbound={**mesh.outbound, FRONT: sent})


def upstream_of(pod: str, sign: str = "") -> set[str]:
    """The resources of one pod that is called by its own name."""
    cluster = f"pod/shop/{pod}:8080|"
    kinds = ("Cluster ", "ClusterLoadAssignment ", "Secret servers/")
    return {f"{sign}{kind}{cluster}{way}" for kind in kinds for way in ("http", "tcp")}


def test_pod_that_may_be_named_is_an_upstream_of_its_own() -> None:
    mesh = world()
    translator = settled(mesh)
    routes = {"RouteConfiguration outbound/shop/front"}
    both = translator.update(named(mesh, "v1-0", "v2-0"))
    assert names(both)["clients"] == upstream_of("v1-0") | upstream_of("v2-0") | routes
    assert set(both.clients.snapshots) == {"shop/front-0"}
    one = translator.update(named(mesh, "v1-0"))
    assert names(one)["clients"] == upstream_of("v2-0", "-") | routes


def test_pod_in_the_place_of_another_is_told_from_it_by_those_who_name_it() -> None:
    mesh = named(world(), "v1-0")
    translator = settled(mesh)
    pod = replace(mesh.workloads[a.name("v1-0")], uid=PodUid("another"))
    update = translator.update(replace(mesh, workloads={**mesh.workloads, pod.name: pod}))
    secrets = {name for name in upstream_of("v1-0") if name.startswith("Secret")}
    assert names(update)["clients"] == secrets | {"Listener proxy/shop/v1-0"}


def test_only_a_change_of_the_namespaces_concerns_every_client() -> None:
    mesh = world()
    update = settled(mesh).update(replace(mesh, namespaces=frozenset({"shop", "new"})))
    assert names(update) == {
        "servers": set(),
        "clients": {f"RouteConfiguration outbound/shop/{who}" for who in ("front", "back", "web")},
    }


def test_client_that_may_not_call_any_more_loses_what_leads_there() -> None:
    mesh = world()
    gone = replace(mesh.outbound[FRONT], routes=())
    update = settled(mesh).update(replace(mesh, outbound={**mesh.outbound, FRONT: gone}))
    assert names(update)["clients"] == {
        "RouteConfiguration outbound/shop/front",
        "-RouteConfiguration outbound/shop/web:80",
        "-Listener outbound/shop/front-0/shop/web:80",
        "-Cluster door/shop/web:80",
        "-Cluster shop/web:80|tcp",
        "-ClusterLoadAssignment shop/web:80|tcp",
        "-Secret servers/shop/web:80|tcp",
    }
    assert set(update.clients.snapshots) == {"shop/front-0"}


def test_client_without_an_entry_may_name_nothing() -> None:
    mesh = world()
    update = settled(mesh).update(replace(mesh, outbound={}))
    assert "-Cluster shop/web:80|http" in names(update)["clients"]
    assert set(update.clients.snapshots) == {"shop/front-0", "shop/back-0"}


def test_pod_that_goes_takes_what_only_it_used() -> None:
    mesh = world()
    rest = {name: pod for name, pod in mesh.workloads.items() if name.name != "v1-0"}
    update = settled(mesh).update(replace(mesh, workloads=rest))
    assert names(update)["clients"] == {
        "-Listener inbound/shop/v1-0/8080",
        "-RouteConfiguration inbound/shop/v1-0/8080",
        "-Listener proxy/shop/v1-0",
    }
    assert update.clients.snapshots == {"shop/v1-0": None}


def test_new_pod_is_told_of_its_callers_before_its_callers_are_told_of_it() -> None:
    mesh = world()
    rest = {name: pod for name, pod in mesh.workloads.items() if name.name != "v1-0"}
    translator = settled(replace(mesh, workloads=rest))
    update = translator.update(mesh)
    pod = "shop/v1-0"
    first, whole = update.servers.snapshots[pod], update.clients.snapshots[pod]
    assert first is not None
    assert whole is not None
    assert set(first.keys()) < set(whole.keys())
    assert names(update)["servers"] == {
        "Listener inbound/shop/v1-0/8080",
        "RouteConfiguration inbound/shop/v1-0/8080",
    }


def test_pod_of_another_uid_is_another_pod() -> None:
    mesh = world()
    front = a.workload(
        "front-0", "front", address="127.9.9.8", services={("web", 80): 15080}, uid="another"
    )
    update = settled(mesh).update(replace(mesh, workloads={**mesh.workloads, front.name: front}))
    assert update.replaced == {"shop/front-0"}
    assert isinstance(update.clients.snapshots["shop/front-0"], Snapshot)


def test_pod_whose_account_was_made_anew_has_to_prove_itself_again() -> None:
    mesh = world()
    front = replace(mesh.workloads[a.name("front-0")], account_uid="another")
    update = settled(mesh).update(replace(mesh, workloads={**mesh.workloads, front.name: front}))
    assert update.replaced == {"shop/front-0"}
    assert isinstance(update.clients.snapshots["shop/front-0"], Snapshot)


def test_pod_that_changes_its_account_changes_its_reach() -> None:
    mesh = world()
    moved = a.workload("front-0", "nobody", address="127.9.9.8", services={("web", 80): 15080})
    translator = settled(mesh)
    translator.update(replace(mesh, workloads={**mesh.workloads, moved.name: moved}))
    gone = replace(mesh.outbound[FRONT], routes=())
    after = replace(
        mesh,
        workloads={**mesh.workloads, moved.name: moved},
        outbound={**mesh.outbound, FRONT: gone},
    )
    assert not translator.update(after).clients.snapshots


@pytest.mark.parametrize("speaks", [AppProtocol.HTTP, AppProtocol.TCP])
def test_declared_protocol_makes_the_door_anew_and_keeps_its_name(speaks: AppProtocol) -> None:
    mesh = world()
    update = settled(mesh).update(replace(world(speaks=speaks), workloads=mesh.workloads))
    assert "Listener outbound/shop/front-0/shop/web:80" in names(update)["clients"]


def test_trust_that_changes_is_told_wherever_it_stands_and_nothing_else_is() -> None:
    mesh = world()
    translator = settled(mesh)
    assert names(translator.update(mesh, "PEM")) == {"servers": set(), "clients": set()}
    told = names(translator.update(mesh, "OTHER"))
    assert "Secret peers" in told["servers"]
    assert "Secret servers/shop/web:80|http" in told["clients"]
    assert all(name.startswith("Secret ") for name in told["servers"])
    kinds = {name.partition(" ")[0] for name in told["clients"]}
    assert kinds == {"Secret", "Cluster"}  # of which the oldest root is another one
    assert names(translator.update(mesh)) == {"servers": set(), "clients": set()}


def test_alias_is_told_to_clients_without_any_entry_that_changes() -> None:
    mesh = world()
    told = names(settled(mesh).update(replace(mesh, trust_domain_aliases=("old.example",))))
    assert told["servers"] == set()
    assert told["clients"]
    assert all(name.startswith("Secret servers/") for name in told["clients"])


def test_pod_without_loopback_is_told_nothing() -> None:
    pod = replace(a.workload("web-0", "web"), loopback=None)
    update = Translator("PEM").update(a.mesh([pod]))
    assert names(update) == {"servers": set(), "clients": set()}
    assert update.clients.snapshots == {"shop/web-0": Snapshot.of(())}


def test_changed_entries_are_those_that_are_other_objects() -> None:
    mesh = world()
    assert not changed_entries(mesh, mesh)
    assert not changed_entries(mesh, replace(mesh, services=dict(mesh.services)))
    assert changed_entries(mesh, weighted(mesh, 1)) == {
        ("routes", a.name("web")),
        ("outbound", FRONT),
        ("outbound", a.identity("back")),
    }
    assert changed_entries(mesh, replace(mesh, inbound={})) == {("inbound", a.group("web"))}
