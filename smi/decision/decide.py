"""decide: whether a request reaches an application, and where it goes on its way there."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from smi.decision.carriage import carried, mistaken
from smi.decision.judge import Judgement, Verdict, judge, unmeshed
from smi.decision.matching import failure, seen
from smi.decision.request import Caller, Protocol, Request, Target, caller, target
from smi.errors import InvalidRequest
from smi.k8s.resource import NamespacedName
from smi.model.denial import Denial
from smi.model.identity import ServiceIdentity
from smi.model.inbound import Mode
from smi.model.mesh import Mesh
from smi.model.outbound import Excluded, Route, Split
from smi.model.service import AppProtocol, Service, service_named
from smi.model.workload import PolicyGroup, Workload


class Place(NamedTuple):
    """Pods, or addresses of no pod, that answer alike.

    `service` is `None`, and `port` the pods' own, where the caller names the pods themselves.
    `identity` is `None` for addresses of no pod; whoever is not `meshed` has no sidecar.
    """

    service: NamespacedName | None
    port: int
    target_port: int
    identity: ServiceIdentity | None
    meshed: bool = True


@dataclass(frozen=True, slots=True)
class Destination:
    """The share of such requests that goes to one place, and what becomes of it there."""

    place: Place
    share: Fraction
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request, and why.

    `destinations` are ordered by place and their shares sum to 1 (there are none where nothing
    could answer). `mode` is that of the first pods that have a sidecar; policy is `enforced` where
    it is strict at some of them. `split` is the TrafficSplit that divided them; `excluded` are its
    backends that get nothing. `protocol` is what servers are spoken to: bytes (`tcp`) where HTTP
    goes to a port that is declared so. `outside` is the host that it leaves the mesh for, where no
    policy judges it, and there are no destinations.
    """

    verdict: Verdict
    mode: Mode
    enforced: bool
    split: NamespacedName | None
    destinations: tuple[Destination, ...]
    excluded: tuple[Excluded, ...] = ()
    protocol: Protocol = Protocol.HTTP
    outside: str = ""


_MOST_ALIASES = 8  # one after another; a circle has no end

_Pods = tuple[Place, PolicyGroup | None]
"""Pods that answer alike, and what protects them: `None` where no sidecar does."""

_Shares = Mapping[_Pods, Fraction]


def decide(mesh: Mesh, request: Request) -> Decision:
    """Whether `request` reaches an application, by which policy; to which services in which shares.

    Raises `InvalidRequest` where source or target cannot be read or name nothing in the mesh.
    """
    source, asked = caller(mesh, request.source), target(request.target)
    wanted = _meant(mesh, asked)
    if isinstance(wanted, str):
        return Decision(Verdict.ALLOW, Mode.PERMISSIVE, False, None, (), outside=wanted)
    if wanted != asked and not request.authority:
        host = f"{asked.name.name}.{asked.name.namespace}"
        request = replace(request, authority=host)
    if wanted.kind != "service":
        return _decision(mesh, source, request, wanted, _of_pods(mesh, wanted))
    service = _service(mesh, request, wanted)
    speaks = _speaks(source, service, wanted.port)
    mistake = mistaken(request, speaks)
    request = carried(request, speaks)
    split = _split(mesh, request, wanted) if source.meshed else None
    weights = {service.name: Fraction(1)} if split is None else _weights(split)
    shares: dict[_Pods, Fraction] = {}
    for name, weight in weights.items():
        pods = _even(_behind(mesh, name, wanted.port, request.transport))
        for place, share in pods.items():
            shares[place] = weight * share
    return _decision(mesh, source, request, wanted, shares, split, mistake)


def _speaks(source: Caller, service: Service, port: int) -> AppProtocol:
    """What a port is declared to speak, to callers of this mesh: others have no sidecar to say."""
    offered = service.port(port)
    return offered.speaks if offered is not None and source.meshed else AppProtocol.DETECT


def _meant(mesh: Mesh, asked: Target) -> Target | str:
    """What `asked` stands for: itself, the Service that it is an alias of, or a host outside."""
    meant = asked
    for _ in range(_MOST_ALIASES):
        service = mesh.services.get(meant.name) if meant.kind == "service" else None
        if service is None or not service.external_name:
            return meant
        name = service_named(service.external_name)
        if name is None:
            own = mesh.services[asked.name].external_ports
            if asked.port not in own:
                ports = ", ".join(map(str, own))
                message = f"Service {asked.name} has no TCP port {asked.port} (it has {ports})"
                raise InvalidRequest(message)
            return service.external_name
        meant = meant._replace(name=name)
    message = f"Service {asked.name} is the name of a name, and so on, and stands for nothing"
    raise InvalidRequest(message)


def _of_pods(mesh: Mesh, wanted: Target) -> _Shares:
    if wanted.kind == "pod":
        workloads = [w for w in (mesh.workloads.get(wanted.name),) if w is not None]
    else:
        identity = ServiceIdentity(*wanted.name)
        workloads = [w for w in mesh.workloads.values() if w.identity == identity]
    if not workloads:
        what = "named" if wanted.kind == "pod" else "that runs as ServiceAccount"
        message = f"there is no pod {what} {wanted.name}"
        raise InvalidRequest(message)
    ready = (w for w in workloads if w.ready)
    return _even(_pods(w, None, wanted.port, wanted.port) for w in ready)


def _service(mesh: Mesh, request: Request, wanted: Target) -> Service:
    service = mesh.services.get(wanted.name)
    if service is None:
        names = sorted(n.name for n in mesh.services if n.namespace == wanted.name.namespace)
        known = f" (namespace {wanted.name.namespace} has {', '.join(names[:8])})" if names else ""
        message = f"there is no Service {wanted.name}{known}"
        raise InvalidRequest(message)
    offered = sorted(p.number for p in service.ports if p.protocol == request.transport)
    if wanted.port not in offered:
        ports = ", ".join(map(str, offered)) or "none"
        message = (
            f"Service {wanted.name} has no {request.transport} port {wanted.port} (it has {ports})"
        )
        raise InvalidRequest(message)
    return service


def _split(mesh: Mesh, request: Request, wanted: Target) -> Split | None:
    """The first split that selects the request; nothing but HTTP can satisfy matches.

    Only sidecars ask for one: whoever has none gets the root as Kubernetes serves it.
    """
    if request.transport != "TCP":
        return None
    route = next(route for route in mesh.routes[wanted.name] if route.port == wanted.port)
    return next((split for split in route.splits if _selects(split, request, route)), None)


def _selects(split: Split, request: Request, route: Route) -> bool:
    if split.matches is None:
        return True
    path = request.forwarded
    if not request.is_http or path is None:
        return False
    view = seen(request, route.root, path)
    return any(failure(match, view) is None for match in split.matches)


def _weights(split: Split) -> dict[NamespacedName, Fraction]:
    total = sum(destination.weight for destination in split.destinations)
    return {d.service: Fraction(d.weight, total) for d in split.destinations}


def _behind(mesh: Mesh, name: NamespacedName, port: int, transport: str) -> Iterator[_Pods]:
    for offered in mesh.services[name].ports:
        if offered.number == port and offered.protocol == transport:
            for endpoint in offered.endpoints:
                if endpoint.pod is None:
                    yield Place(name, port, endpoint.target_port, None, meshed=False), None
                else:
                    yield _pods(mesh.workloads[endpoint.pod], name, port, endpoint.target_port)


def _pods(pod: Workload, service: NamespacedName | None, port: int, target_port: int) -> _Pods:
    place = Place(service, port, target_port, pod.identity, pod.meshed)
    return place, pod.group if pod.meshed else None


def _even(pods: Iterable[_Pods]) -> _Shares:
    """Every pod gets the same share."""
    counts = Counter(pods)
    return {place: Fraction(count, counts.total()) for place, count in counts.items()}


def _decision(
    mesh: Mesh,
    source: Caller,
    request: Request,
    wanted: Target,
    shares: _Shares,
    split: Split | None = None,
    mistake: str = "",
) -> Decision:
    found: dict[tuple[Place, Judgement], Fraction] = {}
    refused = Judgement(Verdict.DENY, Denial.BAD_REQUEST, mistake) if mistake else None
    for (place, group), share in shares.items():
        judged = refused or (
            unmeshed(source, request)
            if group is None
            else judge(mesh.inbound[group], place.target_port, source, request, wanted.name)
        )
        found[place, judged] = found.get((place, judged), Fraction()) + share
    modes = [mesh.inbound[group].mode for _, group in shares if group is not None]
    destinations = tuple(
        Destination(place, share, judged)
        for (place, judged), share in sorted(found.items(), key=lambda f: str(f[0][0]))
    )
    return Decision(
        verdict=_verdict({d.judgement.verdict for d in destinations}),
        mode=next(iter(modes), Mode.STRICT),
        enforced=Mode.STRICT in modes or not shares,
        split=None if split is None else split.name,
        destinations=destinations,
        excluded=() if split is None else split.excluded,
        protocol=request.protocol,
    )


def _verdict(verdicts: set[Verdict]) -> Verdict:
    match sorted(verdicts):
        case []:
            return Verdict.UNAVAILABLE
        case [verdict]:
            return verdict
        case _:
            return Verdict.MIXED
