import io
from dataclasses import replace

from rich.console import Console

from smi.backend import Flow, Refusal, Silence, Traffic
from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.mesh import Mesh
from smi.model.outbound import Excluded, Route, Split, WeightedService
from smi.model.service import AppProtocol
from smi.standalone.tally import Call, Tally, shares, tallied
from smi.standalone.view import Pods, as_json, table

FRONT, INTRUDER = ServiceIdentity("shop", "front"), ServiceIdentity("shop", "intruder")
CATALOG, V1, V2 = (NamespacedName("shop", n) for n in ("catalog", "catalog-v1", "catalog-v2"))
SPLIT = NamespacedName("shop", "catalog-split")


def mesh(*weights: int, excluded: tuple[Excluded, ...] = ()) -> Mesh:
    destinations = tuple(WeightedService(s, w) for s, w in zip((V1, V2), weights, strict=False))
    routes = (Route(CATALOG, 80, AppProtocol.HTTP, (Split(SPLIT, None, destinations, excluded),)),)
    return Mesh("cluster.local", {}, {}, {CATALOG: routes if weights or excluded else ()}, {}, {})


def sent(service: NamespacedName, count: int, status: str = "200") -> Flow:
    return Flow(FRONT, "catalog", CATALOG, SPLIT, service, status, count)


def denied(count: int) -> Flow:
    return Flow(INTRUDER, "orders.example", None, None, None, "403", count)


def refused(reason: str, count: int, *, enforced: bool = True) -> Refusal:
    source = "spiffe://cluster.local/ns/shop/sa/intruder"
    return Refusal(source, "shop/orders", 8080, reason, enforced, count)


def counted(before: Tally, seen: tuple[Flow | Refusal, ...], mesh: Mesh, at: float) -> Tally:
    flows = tuple(one for one in seen if isinstance(one, Flow))
    refusals = tuple(one for one in seen if isinstance(one, Refusal))
    return tallied(before, Traffic(flows, refusals), mesh, at)


def text(tally: Tally, ready: int = 3, pods: int = 3) -> str:
    console = Console(file=io.StringIO(), width=90)
    console.print(table(tally, Pods(ready, pods)))
    written: io.StringIO = console.file  # type: ignore[assignment]
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip().splitlines())


def test_the_table_says_who_called_whom_how_often_with_what_answer_and_how_splits_share() -> None:
    before = counted(Tally(), (sent(V1, 80), sent(V2, 8), denied(3)), mesh(90, 10), 10.0)
    flows = (sent(V1, 92), sent(V2, 9), sent(V1, 1, "503"), denied(5))
    after = counted(before, flows, mesh(90, 10), 12.0)
    assert text(after, ready=2).splitlines() == [
        "source          destination      status   per second   total",
        "─" * 60,
        "shop/front      shop/catalog     200             6.5     101",
        "shop/front      shop/catalog     503             0.5       1",
        "shop/intruder   orders.example   403             1.0       5",
        "",
        "split                service      weight   wanted   measured   requests",
        "─" * 71,
        "shop/catalog-split   catalog-v1       90    90.0%      91.2%         93",
        "                     catalog-v2       10    10.0%       8.8%          9",
        "2 of 3 pods are ready",
    ]


def test_silence_at_an_undeclared_port_is_a_hint_to_declare_it() -> None:
    silence = Silence(FRONT, NamespacedName("shop", "db"), 3306, 2)
    before = tallied(Tally(), Traffic(silences=(silence,)), mesh(), 10.0)
    after = tallied(before, Traffic(silences=(replace(silence, count=5),)), mesh(), 12.0)
    said = " ".join(text(after).split())
    assert "5 connections of shop/front to shop/db:3306 said nothing while their protocol" in said
    assert "appProtocol: tcp if the server speaks first there, http if it does not" in said
    assert as_json(after, Pods(1, 1))["silences"] == [
        {"source": "shop/front", "service": "shop/db", "port": 3306, "total": 5}
    ]


def test_pods_without_a_sidecar_are_named() -> None:
    old = NamespacedName("shop", "old-0")
    console = Console(file=io.StringIO(), width=100)
    console.print(table(Tally(), Pods(1, 1, (old,))))
    said = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert said[-1] == "unmeshed, and open to everybody: shop/old-0"
    assert as_json(Tally(), Pods(1, 1, (old,)))["pods"] == {
        "ready": 1,
        "total": 1,
        "unmeshed": ["shop/old-0"],
    }


def test_a_program_gets_the_same_as_numbers() -> None:
    before = counted(Tally(), (denied(3),), mesh(), 10.0)
    after = counted(before, (denied(5), sent(V1, 3), sent(V2, 1)), mesh(3, 1), 12.0)
    said = as_json(after, Pods(1, 2))
    assert said["calls"][1] == {
        "source": "shop/intruder",
        "destination": "orders.example",
        "status": "403",
        "perSecond": 1.0,
        "total": 5,
    }
    (split,) = said["splits"]
    assert (split["name"], split["root"]) == ("shop/catalog-split", "shop/catalog")
    assert split["services"][0] == {
        "service": "shop/catalog-v1",
        "weight": 3,
        "wanted": 0.75,
        "measured": 0.75,
        "requests": 3,
        "excluded": None,
    }
    assert said["pods"] == {"ready": 1, "total": 2, "unmeshed": []}


def test_shares_are_measured_anew_when_weights_change() -> None:
    tally = counted(Tally(), (sent(V1, 90), sent(V2, 10)), mesh(90, 10), 1.0)
    tally = counted(tally, (sent(V1, 95), sent(V2, 15)), mesh(50, 50), 2.0)
    assert [share.requests for share in shares(tally, SPLIT)] == [5, 5]
    tally = counted(tally, (sent(V1, 96), sent(V2, 18)), mesh(50, 50), 3.0)
    assert [share.requests for share in shares(tally, SPLIT)] == [6, 8]


def test_a_share_is_not_measured_before_the_first_request() -> None:
    tally = counted(Tally(), (), mesh(90, 10), 1.0)
    assert [share.measured for share in shares(tally, SPLIT)] == [None, None]
    assert "-" in text(tally)


def test_a_proxy_that_starts_again_takes_nothing_away() -> None:
    tally = counted(Tally(), (denied(10),), mesh(), 1.0)
    tally = counted(tally, (denied(2),), mesh(), 2.0)
    tally = counted(tally, (denied(5),), mesh(), 3.0)
    assert list(tally.calls.values()) == [13]


def test_a_split_that_is_gone_is_shown_no_more() -> None:
    tally = counted(Tally(), (sent(V1, 9),), mesh(90, 10), 1.0)
    assert "split" not in text(counted(tally, (sent(V1, 9),), mesh(), 2.0))


def test_a_service_that_gets_nothing_is_shown_with_the_reason() -> None:
    excluded = (Excluded(V2, "NoReadyEndpoints"),)
    tally = counted(Tally(), (sent(V1, 1),), mesh(90, excluded=excluded), 1.0)
    assert [share.wanted for share in shares(tally, SPLIT)] == [1.0, 0.0]
    assert "catalog-v2 (NoReadyEndpoints)" in text(tally)
    nothing = counted(Tally(), (), mesh(excluded=excluded), 1.0)
    assert [share.wanted for share in shares(nothing, SPLIT)] == [0.0]


def test_pods_of_one_identity_count_together() -> None:
    tally = counted(Tally(), (denied(10), denied(20)), mesh(), 1.0)
    tally = counted(tally, (denied(11), denied(22)), mesh(), 2.0)
    assert list(tally.calls.values()) == [33]
    assert list(tally.rates.values()) == [3.0]


def test_a_narrow_terminal_cuts_names_short_and_numbers_never() -> None:
    call = Call("a-long-namespace/front", "a-long-namespace/catalog", "200")
    console = Console(file=io.StringIO(), width=50)
    console.print(table(Tally(calls={call: 12_345}, rates={call: 67.8}), Pods(1, 1)))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "per second" in printed
    assert "12345" in printed
    assert "67.8" in printed


def test_denials_are_shown_by_source_destination_and_reason() -> None:
    stranger = Refusal("", "shop/orders", 8080, "NoIdentity", True, 1)
    own = Refusal("spiffe://cluster.local/ns/shop/sa/front", "db", None, "AccessDenied", True, 4)
    seen = (refused("RouteNotGranted", 3), refused("NoPolicy", 2, enforced=False), stranger, own)
    tally = counted(Tally(), seen, mesh(), 1.0)
    tally = counted(tally, (refused("RouteNotGranted", 1), stranger), mesh(), 2.0)
    tally = counted(tally, (refused("RouteNotGranted", 2), stranger), mesh(), 3.0)
    assert text(tally).splitlines()[3:] == [
        "denied          destination   port   reason                          total",
        "─" * 74,
        "(no identity)   shop/orders   8080   NoIdentity                          1",
        "shop/front      db                   AccessDenied                        4",
        "shop/intruder   shop/orders   8080   NoPolicy (audit: let through)       2",
        "shop/intruder   shop/orders   8080   RouteNotGranted                     4",
    ]
    assert as_json(tally, Pods(1, 1))["refusals"][2] == {
        "source": "spiffe://cluster.local/ns/shop/sa/intruder",
        "destination": "shop/orders",
        "port": 8080,
        "reason": "NoPolicy",
        "enforced": False,
        "total": 2,
    }
