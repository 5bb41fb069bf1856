"""A third reading of the objects: dumb, slow, sharing nothing with the compiler or `decide`."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from tests import naive_parts as parts
from tests.naive_parts import Thing

GROUP, KINDS = "HTTPRouteGroup", {"HTTPRouteGroup", "TCPRoute", "UDPRoute"}


class Answer(NamedTuple):
    """Pods of one identity (or none) behind one Service (`None`: named as pods); if they allow."""

    service: str | None
    identity: str
    allowed: bool


class Naive:
    """Owns the objects (hub versions, and the pods themselves) while questions are asked."""

    def __init__(
        self, things: Iterable[Thing], trust_domain: str = "cluster.local", mode: str = "strict"
    ) -> None:
        self.things, self.domain, self.default = list(things), trust_domain, mode
        self.found: dict[Any, list[Thing]] = {}
        for thing in [t for t in self.things if not parts.is_incomplete(t)]:
            self.found.setdefault((thing.kind, thing.metadata.namespace), []).append(thing)

    def of(self, kind: str, ns: str, name: str | None = None) -> Iterator[Thing]:
        return (t for t in self.found.get((kind, ns), ()) if name in {None, t.metadata.name})

    def shares(self, asked: Thing) -> dict[Answer, Fraction]:
        """Which share goes where, and whether it is allowed there; empty if nobody can answer."""
        *how, ns, name, port = asked.target.replace(":", "/").split("/")
        meshed, services = self.caller(asked.source)[0], self.of("Service", ns, name)
        asked = parts.carried(asked, services, int(port)) if meshed else asked
        weights = {None: 1} if how else self.weights(asked, ns, name)
        behind = self.behind(asked, how, ns, name, int(port))
        total = sum(weights[s] for s in weights if behind.get(s))  # A17: the others take its share
        found: dict[Answer, Fraction] = {}
        for service, weight in weights.items():
            for pod, number in behind.get(service, ()) if weight else ():
                allowed = self.allows(pod, number, asked, f"{name}.{ns}")
                answer = Answer(service and f"{ns}/{service}", parts.account(pod), allowed)
                share = Fraction(weight, total * len(behind[service]))
                found[answer] = found.get(answer, 0) + share
        return found

    def behind(self, asked: Thing, how: list[str], ns: str, name: str, port: int) -> dict[Any, Any]:
        """The ready pods of every Service (or those that are named), each with its own port."""
        ready = [pod for pod in self.of("Pod", ns) if parts.is_ready(pod)]
        found = {None: [(p, port) for p in ready if how and parts.names(p)[how[0]] == name]}
        for s in self.of("Service", ns):
            here = [p for p in s.spec.ports if parts.is_asked(p, port, asked)]
            pods = [pod for pod in self.of("Pod", ns) if parts.takes_traffic(s, pod)]
            led: Any = [(pod, parts.target_port(p, pod)) for p in here for pod in pods]
            found[s.metadata.name] = [pair for pair in led if pair[1]] or self.listed(s, here)
        return found

    def listed(self, service: Thing, ports: list[Thing]) -> list[Any]:
        """Behind a Service without selector: the addresses of its slices, of pods or of nobody."""
        lists = [t for kind in parts.LISTS for t in self.of(kind, service.metadata.namespace)]
        found = {a for t in lists for p in ports for a in parts.addresses(t, service, p)}
        chosen = [a for a in found if a.ready] or [a for a in found if a.leaving]
        pods = {t.status.pod_ip: t for t in self.things if parts.is_running(t)}
        return [(pods.get(a.address), a.port) for a in chosen]

    def weights(self, asked: Thing, ns: str, root: str) -> dict[Any, int]:
        """3.3(1), A15: the oldest split that selects what a sidecar sends; else all to the root."""
        splits = [s for s in self.of("TrafficSplit", ns) if parts.root_of(s) == root]
        splits.sort(key=lambda s: (s.metadata.creation_timestamp or "", s.metadata.name))
        for split in splits if asked.protocol != "udp" and self.caller(asked.source)[0] else ():
            groups = [m.name for m in split.spec.matches if parts.is_route_group(m)]
            matches = [m for g in groups for o in self.of(GROUP, ns, g) for m in o.spec.matches]
            if not split.spec.matches or parts.any_holds(matches, asked, f"{root}.{ns}"):
                pairs = [(b.service, b.weight) for b in split.spec.backends]
                return {name: sum(w for n, w in pairs if n == name) for name, _ in pairs}
        return {root: 1}

    def allows(self, pod: Thing, port: int, asked: Thing, host: str) -> bool:
        """2.2(3, 7): one TrafficTarget, taken whole, grants it, or no sidecar is there to ask."""
        if not parts.is_meshed(pod):
            return not self.caller(asked.source)[0] or not parts.is_refused(asked, [])
        every = [t for t in self.of("TrafficTarget", pod.metadata.namespace) if self.opens(t, pod)]
        kind, other = ("UDPRoute", None) if asked.protocol == "udp" else ("TCPRoute", GROUP)
        targets = [t for t in every if self.has_port(t, kind, other, port)]
        routes = [(t, self.routes(t)) for t in targets]
        if parts.mode(self.things, pod.metadata.namespace, self.default) != "strict":
            return not parts.is_refused(asked, [])
        if parts.is_refused(asked, [m for _, found in routes for m in found or ()]):
            return False
        return any(
            any(self.is_member(s, t, *self.caller(asked.source)) for s in t.spec.sources)
            and (kind == "UDPRoute" or found is None or parts.any_holds(found, asked, host))
            for t, found in routes
        )

    def caller(self, source: str) -> tuple[str, Thing]:
        """The SPIFFE ID, and the pod if it is known; nothing of who is not of this mesh."""
        if source == "none" or source.startswith("spiffe://"):
            return source if source.startswith(f"spiffe://{self.domain}/") else "", None
        *how, ns, name = source.split("/")
        pod = next(self.of("Pod", ns, name)) if how else None
        spiffe = self.spiffe(ns, pod.spec.service_account_name if pod else name)
        return (spiffe, pod) if not how or parts.is_meshed(pod) else ("", None)

    def spiffe(self, ns: str, account: str) -> str:
        return f"spiffe://{self.domain}/ns/{ns}/sa/{account}"

    def opens(self, target: Thing, pod: Thing) -> bool:
        """A1: its own namespace only. A rule of unknown kind closes the whole."""
        ns, destination = target.metadata.namespace, target.spec.destination
        own = (destination.namespace or ns) == ns and {r.kind for r in target.spec.rules} <= KINDS
        spiffe = self.spiffe(ns, pod.spec.service_account_name)
        return own and self.is_member(destination, target, spiffe, pod)

    def is_member(self, reference: Thing, target: Thing, spiffe: str, pod: Thing) -> bool:
        ns = reference.namespace or target.metadata.namespace
        if parts.kind(reference) == "ServiceAccount":
            return spiffe == self.spiffe(ns, reference.name)
        bindings = self.of(parts.kind(reference), ns, reference.name)
        return any(parts.identifies(b, self.spiffe(ns, ""), spiffe, pod) for b in bindings)

    def routes(self, target: Thing) -> list[Thing] | None:
        """The matches that it selects (A2: all, where it names none), `None` for any bytes."""
        rules = [r for r in target.spec.rules if r.kind == GROUP]
        groups = [(r, g) for r in rules for g in self.of(GROUP, target.metadata.namespace, r.name)]
        written = [(r, m) for r, g in groups for m in g.spec.matches if parts.is_sound(m)]
        return [m for r, m in written if not r.matches or m.name in r.matches] if rules else None

    def has_port(self, target: Thing, kind: str, other: str | None, port: int) -> bool:
        """A7: a number is the pods' own port, else where a Service leads. Or any `other` rule."""
        ns, own, through = target.metadata.namespace, set[int](), set[tuple[int, Any]]()
        rules = [rule.name for rule in target.spec.rules if rule.kind == kind]
        routes = [route.spec.matches.ports for name in rules for route in self.of(kind, ns, name)]
        opened = [p for p in self.of("Pod", ns) if self.opens(target, p)]
        for pod in [p for p in opened if not parts.has_ended(p)]:
            own |= {p.container_port for c in pod.spec.containers for p in c.ports}
            services = [s for s in self.of("Service", ns) if parts.selects(s.spec.selector, pod)]
            leads = {(p.port, parts.target_port(p, pod)) for s in services for p in s.spec.ports}
            own, through = own | {to for _, to in leads if to}, through | leads
        leading = {(n, to) for n, to in through if n not in own and to}
        met = {n for n, to in leading if to == port} | {port} - set(dict(leading))
        other_says = not rules and other in {r.kind for r in target.spec.rules}
        listed = other_says or any(not ports or met & set(ports) for ports in routes)
        return listed and parts.destination_port(target) in {None, *met}
