"""The answer to `smi explain` for people: the verdict, the chain of reasons, the way out. Pure."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby

from rich.text import Text

from smi.access import TrafficTarget
from smi.cli.answer import Answer
from smi.cli.remedy import in_target, without_target
from smi.compiler.state import ResourceKey
from smi.decision.decide import Destination, Place
from smi.decision.judge import ALLOWED, PERMISSIVE, Near, Obstacle, Verdict
from smi.decision.matching import failure, seen
from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Severity
from smi.model.outbound import Split
from smi.sources.manifests import Manifest
from smi.split import TrafficSplit

_HEADS = {
    Verdict.ALLOW: ("ALLOWED", "bold green"),
    Verdict.DENY: ("DENIED", "bold red"),
    Verdict.MIXED: ("MIXED", "bold yellow"),
    Verdict.UNAVAILABLE: ("UNAVAILABLE", "bold red"),
}
_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_EXCLUDED = {
    "BackendNotFound": "there is no such Service",
    "PortMismatch": "it lacks this port",
    "NoReadyEndpoints": "none of its pods is ready",
    "ExternalName": "it is another name of a host outside the mesh",
}
_MOST_SOURCES = 5
_MOST_DIAGNOSTICS = 10  # so that the answer stays on the screen


def as_text(answer: Answer) -> Text:
    """The answer, the whole of it in a few lines; the most important one first."""
    return Text("\n").join(
        [
            _head(answer),
            *_way(answer),
            *_destinations(answer),
            *_unavailable(answer),
            *_diagnostics(answer),
        ]
    )


def _head(answer: Answer) -> Text:
    request, decision = answer.request, answer.decision
    asked = str(request.protocol)
    if request.is_http:
        asked = f"{'h2 ' if asked == 'h2' else ''}{request.method} {request.path}"
        asked += f" of {request.authority}" if request.authority else ""
    head = Text.assemble(_HEADS[decision.verdict], f"  {request.source} -> {request.target}  ")
    head.append(asked)
    if decision.verdict is Verdict.MIXED:
        reaches = (d.share for d in decision.destinations if d.judgement.verdict is Verdict.ALLOW)
        head.append(
            f"\n  {_percent(sum(reaches, Fraction()))} of such requests reach an application"
        )
    return head


def _way(answer: Answer) -> Iterator[Text]:
    """What turns the request from where it was sent: its path, and TrafficSplits."""
    request, decision = answer.request, answer.decision
    path = request.forwarded
    if decision.protocol is not request.protocol:
        declared = _named(answer, "Service", answer.target.name)
        yield Text(f"  carried and judged as bytes: {declared} declares the port to speak tcp")
        yield Text("    (sent through the HTTP proxy of a pod, it is HTTP whatever is declared)")
    elif request.is_http and path not in {None, request.path}:
        yield Text(f"  the path is judged and forwarded as {path}")
    for split, why in _passed_over(answer):
        yield Text(f"  not divided by {_named(answer, 'TrafficSplit', split.name)}: {why}")
    if decision.split is not None:
        yield Text(f"  divided by {_named(answer, 'TrafficSplit', decision.split)}")
    for service, reason in decision.excluded:
        yield Text(f"    nothing goes to {service}: {reason}, {_EXCLUDED.get(reason, reason)}")


def _passed_over(answer: Answer) -> Iterator[tuple[Split, str]]:
    """The splits of the Service that do not select the request, and why."""
    request, target = answer.request, answer.target
    path = request.forwarded
    routes = answer.mesh.routes.get(target.name, ()) if target.kind == "service" else ()
    for route in routes:
        if route.port != target.port or request.transport != "TCP":
            continue
        for split in route.splits:
            if split.name == answer.decision.split:
                return
            is_seen = answer.decision.protocol is request.protocol
            if not (request.is_http and is_seen) or path is None:
                yield split, "it selects HTTP requests only"
                continue
            view = seen(request, route.root, path)
            failures = [f"{m.group.name}/{m.name}: {failure(m, view)}" for m in split.matches or ()]
            yield split, "; ".join(failures) or "none of its route groups can be resolved"


def _destinations(answer: Answer) -> Iterator[Text]:
    """Where it goes, and, once for all that answer alike, why it gets in or not."""
    for judgement, alike in groupby(answer.decision.destinations, key=lambda d: d.judgement):
        places: list[Place] = []
        for destination in alike:
            places.append(destination.place)
            yield _outcome(destination)
        for policy in judgement.policies:
            yield Text(f"    by {_named(answer, 'TrafficTarget', policy)}")
        if judgement.nearest:
            yield from _nearest(answer, places[0], judgement.nearest)
        elif judgement.reason != ALLOWED:
            yield Text(f"    {judgement.message}")
            mended = without_target(answer, places[0], judgement.reason)
            if mended is not None:
                yield Text(f"      to allow it: {mended}")


def _outcome(destination: Destination) -> Text:
    place, judgement = destination.place, destination.judgement
    where = f"pods of {place.identity}, their port {place.target_port}"
    if place.identity is None:
        where = f"{place.service}:{place.port}, at port {place.target_port} of no pod"
    elif place.service is not None:
        where = f"{place.service}:{place.port}, its pods' port {place.target_port},"
        where += f" as {place.identity}"
    outcome = (f"denied, {judgement.reason}", "red")
    if judgement.verdict is Verdict.ALLOW:
        outcome = ("allowed", "green")
        if not place.meshed:
            outcome = ("let in, without a sidecar", "yellow")
        elif judgement.reason not in {ALLOWED, PERMISSIVE}:
            outcome = (f"allowed by audit mode; strict mode: denied, {judgement.reason}", "yellow")
    return Text.assemble((f"  {_percent(destination.share)}", "bold"), f"  {where}: ", outcome)


def _nearest(answer: Answer, place: Place, nearest: tuple[Near, ...]) -> Iterator[Text]:
    first, *others = nearest
    target = answer.objects[ResourceKey("TrafficTarget", first.target)]
    yield Text(f"    nearest: {_named(answer, 'TrafficTarget', first.target)} does not allow it:")
    for number, obstacle in enumerate(first.obstacles):
        yield Text(f"      {obstacle.message}{_details(obstacle, target)}")
        start = "and: " if number else "to allow it: "
        yield Text(f"        {start}{in_target(answer, place, obstacle.reason, target)}")
    if others:
        yield Text(f"    next: {', '.join(str(near.target) for near in others)}")


def _details(obstacle: Obstacle, target: Manifest) -> str:
    """The sources as they are written, where they are what is missed."""
    resource = target.resource
    if obstacle.reason != "SourceNotListed" or not isinstance(resource, TrafficTarget):
        return ""
    sources = [
        f"{s.kind} {s.namespace or resource.key.namespace}/{s.name}" for s in resource.spec.sources
    ]
    more = ", …" if len(sources) > _MOST_SOURCES else ""
    return f" ({', '.join(sources[:_MOST_SOURCES])}{more})"


def _unavailable(answer: Answer) -> Iterator[Text]:
    if answer.decision.outside:
        yield Text(
            f"  {_named(answer, 'Service', answer.target.name)} leads out of the mesh, to"
            f" {answer.decision.outside}: no policy judges what is sent there"
        )
    if answer.decision.destinations or answer.decision.outside:
        return
    target, split = answer.target, answer.decision.split
    if split is not None:
        written = answer.written("TrafficSplit", split)
        resource = written.resource if written else None
        weightless = isinstance(resource, TrafficSplit) and not any(
            backend.weight for backend in resource.spec.backends
        )
        why = "all its weights are 0" if weightless else "no backend that has a weight can get any"
        yield Text(f"  nothing answers: of {split}, {why}")
    elif target.kind != "service":
        yield Text(f"  nothing answers: no pod of {target.kind}/{target.name} is ready")
    else:
        ports = answer.mesh.services[target.name].ports
        here = [port for port in ports if port.number == target.port]
        pods = any(port.identities or port.unmeshed for port in here)
        why = "none of its pods is ready" if pods else "its selector finds no pod with that port"
        yield Text(f"  nothing answers: {_named(answer, 'Service', target.name)}: {why}")


def _diagnostics(answer: Answer) -> Iterator[Text]:
    for diagnostic in answer.diagnostics[:_MOST_DIAGNOSTICS]:
        text = f"{diagnostic.severity}: {diagnostic}"
        yield Text(text, style=_STYLES[diagnostic.severity])
    more = len(answer.diagnostics) - _MOST_DIAGNOSTICS
    if more > 0:
        yield Text(f"and {more} more findings: see -o json")


def _named(answer: Answer, kind: str, name: NamespacedName) -> str:
    manifest = answer.written(kind, name)
    return f"{kind} {name}" + (f" ({manifest.file}:{manifest.line})" if manifest else "")


def _percent(share: Fraction) -> str:
    percent = share * 100
    return f"{percent}%" if percent.denominator == 1 else str(share)
