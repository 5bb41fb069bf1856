"""What to write so that a request is allowed, by the reason why it is not. Pure."""

from smi.access import TrafficTarget, destination_port
from smi.cli.answer import Answer
from smi.decision.decide import Place
from smi.decision.request import Protocol
from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.path import without_query
from smi.sources.manifests import Manifest

_ROUTES = {
    Protocol.HTTP: "HTTPRouteGroup",
    Protocol.H2: "HTTPRouteGroup",
    Protocol.TCP: "TCPRoute",
    Protocol.UDP: "UDPRoute",
}
_WITHOUT_POLICY = {
    "NoIdentity": "call from a pod of the mesh: its sidecar shows the pod's ServiceAccount",
    "EscapedSlash": "send the path without %2F, %5C and ..;",
}


def without_target(answer: Answer, place: Place, reason: str) -> str | None:
    """What lets a request in where no TrafficTarget had a say; `None` where nothing would."""
    if reason != "NoPolicy" or place.identity is None:
        return _WITHOUT_POLICY.get(reason)
    if answer.source is None:
        return _of_this_trust_domain(answer)
    return (
        f"write a TrafficTarget in namespace {place.identity.namespace} with"
        f" destination {_account(place.identity)}, sources [{_account(answer.source)}]"
        f" and rules that name a {_ROUTES[answer.request.protocol]}"
    )


def in_target(answer: Answer, place: Place, reason: str, target: Manifest) -> str:
    """What removes one obstacle that the TrafficTarget `target` is to a request."""
    protocol = answer.request.protocol
    match reason:
        case "SourceNotListed":
            return _wider_sources(answer, target)
        case "ProtocolNotGranted" if protocol is Protocol.TCP:
            return "write another TrafficTarget, whose rules name TCPRoutes and no HTTPRouteGroup"
        case "ProtocolNotGranted":
            return f"add a rule of kind {_ROUTES[protocol]}{_at(target, 'spec.rules')}"
        case "PortNotGranted" if (
            destination_port.ANNOTATION in target.resource.metadata.annotations
        ):
            where = _at(target, "spec.destination.port")
            return f"its destination has one port{where}: write a target of {place.target_port} too"
        case "PortNotGranted":
            kind = "UDPRoute" if protocol is Protocol.UDP else "TCPRoute"
            routes = _routes(answer, target, kind, "spec.matches.ports")
            return f"add {place.target_port} to the ports of {routes}"
        case _:
            return _wider_routes(answer, target)


def _wider_sources(answer: Answer, target: Manifest) -> str:
    if answer.source is None:
        return _of_this_trust_domain(answer)
    return f"add {_account(answer.source)} to its spec.sources{_at(target, 'spec.sources')}"


def _wider_routes(answer: Answer, target: Manifest) -> str:
    path = without_query(answer.request.forwarded or "")
    routes = _routes(answer, target, "HTTPRouteGroup", "spec.matches")
    resource = target.resource
    by_name = isinstance(resource, TrafficTarget) and any(r.matches for r in resource.spec.rules)
    named = f", and its name to the rule's matches{_at(target, 'spec.rules')}" if by_name else ""
    return f"add a match for {answer.request.method} {path} to {routes}{named}"


def _routes(answer: Answer, target: Manifest, kind: str, field: str) -> str:
    """The routes of `kind` that the target's rules name, each with the line to edit."""
    resource = target.resource
    rules = resource.spec.rules if isinstance(resource, TrafficTarget) else ()
    names = dict.fromkeys(rule.name for rule in rules if rule.kind == kind)
    routes = (NamespacedName(resource.key.namespace, name) for name in names)
    return " or ".join(f"{kind} {route}{_where(answer, kind, route, field)}" for route in routes)


def _where(answer: Answer, kind: str, name: NamespacedName, field: str) -> str:
    written = answer.written(kind, name)
    return _at(written, field) if written else " (it does not exist)"


def _at(manifest: Manifest, field: str) -> str:
    return f" ({manifest.file}:{manifest.line_of(field)})"


def _account(identity: ServiceIdentity) -> str:
    return f"{{kind: ServiceAccount, name: {identity.name}, namespace: {identity.namespace}}}"


def _of_this_trust_domain(answer: Answer) -> str:
    return f"call from a pod of trust domain {answer.mesh.trust_domain}: no other can be a source"
