"""Values of the model in few words: a test says what it is about and no more.

Names are written `shop/web`; a name without a namespace is in `shop`.
"""

from collections.abc import Iterable, Mapping, Sequence

from smi.k8s.resource import NamespacedName
from smi.model.identity import (
    DEFAULT_TRUST_DOMAIN,
    PodUid,
    ServiceIdentity,
    SpiffeId,
    spiffe_id,
)
from smi.model.inbound import Inbound, Mode, Rule
from smi.model.match import HeaderMatch, HttpMatch
from smi.model.mesh import Mesh
from smi.model.outbound import Outbound, Route, Split, WeightedService
from smi.model.service import AppProtocol, Endpoint, Service, ServicePort
from smi.model.workload import Detour, Loopback, PolicyGroup, Port, Workload

NAMESPACE = "shop"


def name(text: str) -> NamespacedName:
    """The name that `text` writes."""
    namespace, slash, rest = text.partition("/")
    return NamespacedName(namespace, rest) if slash else NamespacedName(NAMESPACE, text)


def identity(text: str) -> ServiceIdentity:
    """The ServiceAccount that `text` writes."""
    return ServiceIdentity(*name(text))


def spiffe(text: str) -> SpiffeId:
    """The SPIFFE ID of the ServiceAccount that `text` writes."""
    return spiffe_id(DEFAULT_TRUST_DOMAIN, identity(text))


def group(text: str, *bindings: str) -> PolicyGroup:
    """The pods of a ServiceAccount that belong to `bindings`."""
    return PolicyGroup(identity(text), bindings)


def match(
    path: str | None = None,
    methods: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    called: str = "match",
) -> HttpMatch:
    """Requests with a path, one of some methods, and headers."""
    wanted = tuple(HeaderMatch(key, regex) for key, regex in (headers or {}).items())
    return HttpMatch(name("routes"), called, path, frozenset(methods), wanted)


def rule(
    target: str,
    *clients: str,
    http: Iterable[HttpMatch] | None = None,
    ports: Iterable[int] | None = None,
    pods: Iterable[str] = (),
    tcp: bool = True,
) -> Rule:
    """A TrafficTarget that lets the ServiceAccounts `clients` and the pods of uids `pods` in."""
    return Rule(
        target=name(target),
        spiffe_ids=frozenset(map(spiffe, clients)),
        pods=frozenset(map(PodUid, pods)),
        tcp=tcp,
        ports=None if ports is None else frozenset(ports),
        http=None if http is None else tuple(http),
    )


def inbound(of: PolicyGroup, *rules: Rule, mode: Mode = Mode.STRICT) -> Inbound:
    """All that may reach a group of pods."""
    return Inbound(of, mode, rules)


def split(
    text: str, weights: Mapping[str, int], matches: Iterable[HttpMatch] | None = None
) -> Split:
    """A TrafficSplit by weights; one of 0 is no destination."""
    destinations = tuple(
        WeightedService(name(s), weight) for s, weight in weights.items() if weight
    )
    return Split(name(text), None if matches is None else tuple(matches), destinations)


def route(root: str, port: int, *splits: Split, speaks: AppProtocol = AppProtocol.HTTP) -> Route:
    """One port of a Service as clients see it."""
    return Route(name(root), port, speaks, splits)


def workload(
    text: str,
    account: str,
    *,
    address: str = "127.77.0.1",
    detours: Mapping[int, Detour] | None = None,
    services: Mapping[tuple[str, int], int] | None = None,
    bindings: Iterable[str] = (),
    uid: str = "",
    meshed: bool = True,
) -> Workload:
    """A pod on the shared loopback, by the detours of its ports and the doors to Services."""
    ports = detours or {}
    doors = {(name(service), port): door for (service, port), door in (services or {}).items()}
    pod = name(text)
    return Workload(
        name=pod,
        uid=PodUid(uid or f"uid-{pod.name}"),
        owner=f"Deployment/{pod.name}",
        group=group(account, *bindings),
        address=address,
        ports=tuple(Port(number) for number in ports),
        ready=True,
        loopback=Loopback(ports, 15001, doors),
        meshed=meshed,
    )


def endpoint(pod: Workload, port: int) -> Endpoint:
    """A pod as a ready endpoint, by one of its own ports."""
    assert pod.loopback is not None
    at = pod.loopback.detours[port].inbound
    return Endpoint(pod.name, pod.identity, pod.address, at, port, pod.meshed)


def service(
    text: str,
    port: int,
    pods: Sequence[Workload],
    target: int | None = None,
    speaks: AppProtocol = AppProtocol.HTTP,
) -> Service:
    """A Service with one port, in front of `pods`."""
    endpoints = tuple(sorted(endpoint(pod, target or port) for pod in pods))
    identities = frozenset(pod.identity for pod in pods if pod.meshed)
    unmeshed = not all(pod.meshed for pod in pods)
    there = ServicePort(port, "", "TCP", speaks, endpoints, identities, unmeshed)
    return Service(name(text), (there,))


def mesh(
    workloads: Iterable[Workload] = (),
    services: Iterable[Service] = (),
    routes: Iterable[Route] = (),
    inbounds: Iterable[Inbound] = (),
    outbounds: Mapping[str, Iterable[Route]] | None = None,
) -> Mesh:
    """A mesh; `outbounds` says which routes each ServiceAccount may name."""
    by_root: dict[NamespacedName, tuple[Route, ...]] = {}
    for one in routes:
        by_root[one.root] = (*by_root.get(one.root, ()), one)
    sent = {identity(c): Outbound(identity(c), tuple(r)) for c, r in (outbounds or {}).items()}
    return Mesh(
        trust_domain=DEFAULT_TRUST_DOMAIN,
        workloads={pod.name: pod for pod in workloads},
        services={one.name: one for one in services},
        routes=by_root,
        inbound={one.group: one for one in inbounds},
        outbound=sent,
    )
