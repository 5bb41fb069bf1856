"""Whether what came back over the wire is what `decide` says."""

import re
from dataclasses import replace

from smi.decision.decide import Decision, Destination, decide
from smi.decision.judge import Verdict
from smi.decision.reception import is_too_large
from smi.decision.request import Protocol, Request, target
from smi.model.denial import Denial
from smi.model.mesh import Mesh
from smi.model.path import authority
from smi.model.service import AppProtocol
from tests.integration.envoy.speech import Answer, Dialled
from tests.integration.envoy.stage import Way, is_stranger
from tests.outsiders import UNPLACED

SURELY_READ = 8192
"""Bytes of a first line in which HTTP is found for sure.

Of a longer one it depends on how it arrives; beyond 64 KiB the connection may be closed.
"""


def is_expected(mesh: Mesh, request: Request, decision: Decision, way: Way, answer: Answer) -> bool:
    """Whether `answer` is what `decision` says."""
    if way.name == "proxy":  # whoever speaks to one speaks HTTP, whatever is declared
        decision = decide(_undeclared(mesh, request), request)
    elif decision.protocol is not request.protocol:
        request = replace(request, protocol=decision.protocol)
    if is_stranger(mesh, request) and decision.enforced:
        return decision.verdict is not Verdict.ALLOW and answer.status == 0  # no handshake
    path = request.forwarded if request.is_http else ""
    if not way.nameable:
        denials = {0, 403} | (_refusals(request) if path is None else set())
        refused = answer.status == 0 if way.name == "door" else answer.status in denials
        return refused and decision.verdict not in {Verdict.ALLOW, Verdict.MIXED}
    if way.carries_bytes(request) or (
        _is_long(request, way) and _is_of_bytes(mesh, request, way, answer)
    ):
        return _is_of_bytes(mesh, request, way, answer)
    if path is None:
        return not answer.pod and answer.status in _refusals(request) | _tunnels(request, way)
    if way.speaks is AppProtocol.HTTP and not request.is_http and way.name == "door":
        told = {destination.judgement.reason for destination in decision.destinations}
        is_refusal = answer.status == 0 or answer.pod.startswith("HTTP/1.1 400")
        return is_refusal and told <= {Denial.BAD_REQUEST}
    if not decision.destinations:
        return answer.status == (503 if request.is_http else 0)
    arrived = path
    if way.name in {"door", "proxy", "pod"} and request.is_http:
        decision, arrived = _at_server(mesh, request, decision, path)
    return any(
        _is_answer_of(mesh, request, arrived if d.place.meshed else path, d, answer)
        for d in decision.destinations
    )


def _undeclared(mesh: Mesh, request: Request) -> Mesh:
    """`mesh` in which nothing is declared of the Service that `request` is for."""
    service = mesh.services[target(request.target).name]
    ports = tuple(replace(port, speaks=AppProtocol.DETECT) for port in service.ports)
    undeclared = replace(service, ports=ports)
    return replace(mesh, services={**mesh.services, service.name: undeclared})


def _is_of_bytes(mesh: Mesh, request: Request, way: Way, answer: Answer) -> bool:
    """Whether it is the answer to the same as bytes."""
    connection = replace(request, protocol=Protocol.TCP)
    destinations = decide(mesh, connection).destinations
    is_closed = answer.status == 0 and (_is_long(request, way) or not destinations)
    return is_closed or any(
        _is_answer_of(mesh, connection, "", destination, answer) for destination in destinations
    )


def _is_long(request: Request, way: Way) -> bool:
    return way.speaks is AppProtocol.DETECT and len(request.path) > SURELY_READ


def _at_server(mesh: Mesh, request: Request, decision: Decision, path: str) -> tuple[Decision, str]:
    """What the servers decide of `path`, which the client's sidecar made of a request, and of it.

    A second sidecar leaves what the first forwards as it is, unless escapes hid dot segments. Where
    a split sends it is up to the first.
    """
    named = None if request.protocol is Protocol.H2 else authority(request.path)
    host = named or Way("door", Dialled("", 0)).authority(request)
    arrived = replace(request, path=path, authority=host)
    forwarded = arrived.forwarded
    assert forwarded is not None, arrived
    if forwarded == path:
        return decision, path
    judged = [_at_pods(mesh, arrived, destination) for destination in decision.destinations]
    return replace(decision, destinations=tuple(judged)), forwarded


def _at_pods(mesh: Mesh, request: Request, destination: Destination) -> Destination:
    """What the pods of `destination`, which decide alike, make of `request`."""
    if not destination.place.meshed:
        return destination
    named, *_ = _those(mesh, request, destination)
    # Of a pod that is published before it is ready, `decide` says nothing when it is named itself.
    pod = next(w for w in mesh.workloads.values() if str(w.name) == named)
    mesh = replace(mesh, workloads={**mesh.workloads, pod.name: replace(pod, ready=True)})
    to = f"pod/{named}:{destination.place.target_port}"
    (same,) = decide(mesh, replace(request, target=to)).destinations
    return replace(destination, judgement=same.judgement)


def _refusals(request: Request) -> set[int]:
    """How Envoy answers what is no request; HTTP/2 may reset a stream instead."""
    http2 = request.protocol is Protocol.H2
    found = {0} if http2 else set[int]()
    if is_too_large(request.path, request.headers, http2=http2):
        return found or {400, 431}
    if request.method == "CONNECT":  # no route takes it, or it names none
        return found or {400, 403, 404}
    if request.method == "OPTIONS" and request.path.startswith("*"):
        is_sound = request.path == "*" and "404" in request.refused
        return found | ({404} if is_sound else {400, 404})
    if not http2 and re.match("(?i)https?://[^/?]+[?]", request.path):
        return {400, 404}
    return found | {400}


def _tunnels(request: Request, way: Way) -> set[int]:
    """What CONNECT may get where it is no refusal: a proxy opens a tunnel, or there is nobody."""
    opens = request.method == "CONNECT" and request.protocol is Protocol.HTTP
    return {200, 503} if opens and way.name in {"proxy", "pod"} else set()


def _is_answer_of(
    mesh: Mesh, request: Request, path: str, destination: Destination, answer: Answer
) -> bool:
    if destination.judgement.verdict is Verdict.ALLOW:
        pods = _those(mesh, request, destination)
        if UNPLACED in pods and not answer.pod:  # an address at which nobody is
            return answer.status in {0, 503}
        arrived = not request.is_http or (answer.method, answer.path) == (request.method, path)
        return answer.status == 200 and answer.pod in pods and arrived
    if not request.is_http:
        return answer.status == 0
    reason = destination.judgement.reason
    if reason == Denial.ESCAPED_SLASH:
        return answer.status == 400
    tells = request.protocol is Protocol.HTTP and request.method != "HEAD"
    return (answer.status, answer.reason) == (403, reason if tells else "")


def _those(mesh: Mesh, request: Request, destination: Destination) -> list[str]:
    """The pods of a destination; exactly one where the request names it."""
    wanted = target(request.target)
    return [str(wanted.name)] if wanted.kind == "pod" else pods_of(mesh, destination)


def pods_of(mesh: Mesh, destination: Destination) -> list[str]:
    """The pods of a destination."""
    place = destination.place
    if place.service is None:
        return [
            str(w.name)
            for w in mesh.workloads.values()
            if (w.identity, w.meshed) == (place.identity, place.meshed)
        ]
    port = mesh.services[place.service].port(place.port)
    return [
        str(e.pod or e.address)
        for e in (port.endpoints if port else ())
        if (e.target_port, e.identity, e.meshed)
        == (place.target_port, place.identity, place.meshed)
    ]
