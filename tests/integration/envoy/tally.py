"""What a run of the differential test asked, and what disagreed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from smi.decision.decide import Decision
from smi.decision.request import Request, target
from smi.model.mesh import Mesh
from smi.model.outbound import Route, Split
from smi.model.service import AppProtocol
from tests import adversary
from tests.integration.envoy.stage import Way


@dataclass(slots=True)
class Tally:
    """Owns the counts of a whole run, by kind and name."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many requests were judged."""
        return self.counts["requests", "all"]

    def note(self, request: Request, decision: Decision, way: Way) -> None:
        """Count one request."""
        self.counts["requests", "all"] += 1
        self.counts["verdict", str(decision.verdict)] += 1
        self.counts["mode", str(decision.mode)] += 1
        self.counts["protocol", str(request.protocol)] += 1
        name = f"{way.name} by CONNECT" if way.to.tunnel else way.name
        self.counts["way", name if way.nameable else f"{name}, not nameable"] += 1
        self.counts["source", _kind(request.source)] += 1
        if way.name == "door":
            self.counts["declared", f"{way.speaks}, spoken {request.protocol}"] += 1
        if way.carries_bytes(request):
            self.counts["carried", "HTTP as bytes"] += 1
        if decision.protocol is not request.protocol:
            self.counts["carried", "HTTP as bytes, as declared"] += 1
        if way.speaks is AppProtocol.HTTP and not request.is_http:
            self.counts["carried", "bytes to HTTP"] += 1
        if request.is_http:
            self.counts["method", request.method] += 1
        reasons = {str(d.judgement.reason) for d in decision.destinations} or {"unavailable"}
        self.counts.update(("reason", reason) for reason in reasons)
        self.counts.update(("adversary", name) for name in adversary.classes(request))
        self.counts.update(("behind", name) for name in _behind(decision))

    def note_split(self, mesh: Mesh, request: Request, decision: Decision) -> None:
        """Count what a request to a Service met there."""
        self.counts.update(("split", shape) for shape in _shapes(mesh, request, decision))

    def of(self, what: str) -> dict[str, int]:
        """The counts of one kind."""
        return {name: count for (kind, name), count in sorted(self.counts.items()) if kind == what}

    def table(self) -> str:
        """All counts, a line a kind."""
        kinds = dict.fromkeys(kind for kind, _ in self.counts)
        return "\n".join(f"{kind:10} {self.of(kind)}" for kind in kinds)


def _shapes(mesh: Mesh, request: Request, decision: Decision) -> Iterator[str]:
    """Which of the odd things that TrafficSplits may do has a say in where it goes."""
    wanted = target(request.target)
    if wanted.kind != "service" or request.transport != "TCP":
        return
    if any(
        wanted.name in route.services and wanted.name != root
        for root, routes in mesh.routes.items()
        for route in routes
    ):
        yield "leaf called by name"
    route = next(r for r in mesh.routes[wanted.name] if r.port == wanted.port)
    if not route.splits:
        return
    yield from ("several",) if len(route.splits) > 1 else ()
    split = next((s for s in route.splits if s.name == decision.split), None)
    if split is None:
        yield "fell to the root"
        return
    yield "whole" if split.matches is None else "by matches"
    yield from sorted({excluded.reason for excluded in decision.excluded})
    yield from _kinds_of_destinations(mesh, route, split)


def _kinds_of_destinations(mesh: Mesh, route: Route, split: Split) -> Iterator[str]:
    services = [destination.service for destination in split.destinations]
    yield f"{min(len(services), 3)} destinations"
    if route.root in services:
        yield "the root among them"
    if any(mesh.routes[s][0].splits for s in services if s != route.root):
        yield "another root among them"
    ports = [mesh.services[s].port(route.port) for s in services]
    pods = [endpoint for port in ports if port for endpoint in port.endpoints]
    if len(set(pods)) < len(pods):
        yield "pods behind two"
    if sum(destination.weight for destination in split.destinations) >= 2**32:
        yield "more than 32 bits"


def _behind(decision: Decision) -> Iterator[str]:
    """Who stands where a request may go."""
    places = [d.place for d in decision.destinations]
    if any(not place.meshed for place in places):
        yield "unmeshed"
    if {place.meshed for place in places} == {True, False}:
        yield "half-meshed, split" if decision.split else "half-meshed"
    if any(place.identity is None for place in places):
        yield "no pod"
    if len({place.identity.namespace for place in places if place.identity}) > 1:
        yield "two namespaces"


def _kind(source: str) -> str:
    """How a question names its source."""
    if source.startswith("spiffe://"):
        return "SPIFFE ID"
    return {"none": "none", "pod": "pod"}.get(source.partition("/")[0], "account")
