"""What is asked of `decide`: one request, who sends it, and where to."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from smi.decision.reception import refusal
from smi.errors import InvalidRequest
from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity, SpiffeId, spiffe_id
from smi.model.mesh import Mesh
from smi.model.path import normalised


class Protocol(StrEnum):
    """What the caller speaks."""

    HTTP = "http"
    H2 = "h2"
    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Request:
    """One request (over `tcp` and `udp`: one connection or flow) and who sends it where.

    `source` is `ns/serviceaccount`, `pod/ns/name`, a SPIFFE ID, or `none` for whoever has neither a
    certificate nor a sidecar. `target` is
    `ns/service:port`, or, for a port of the pods themselves, `pod/ns/name:port` or
    `sa/ns/name:port`. `path` is the request target as on the wire. `headers` are in the order
    sent; an empty `authority` stands for `name.namespace` of the target.
    """

    source: str
    target: str
    protocol: Protocol = Protocol.HTTP
    method: str = "GET"
    path: str = "/"
    authority: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_http(self) -> bool:
        """Whether a route group can say anything about it."""
        return self.protocol in {Protocol.HTTP, Protocol.H2}

    @property
    def forwarded(self) -> str | None:
        """The request target as sidecars judge and forward it; `None` where they refuse it."""
        http2 = self.protocol is Protocol.H2
        if refusal(self.method, self.path, self.headers, http2=http2) is not None:
            return None
        return normalised(self.path, http2=http2)

    @property
    def refused(self) -> str:
        """Why sidecars refuse it where they do."""
        http2 = self.protocol is Protocol.H2
        known = refusal(self.method, self.path, self.headers, http2=http2)
        status = 404 if self.method == "OPTIONS" and self.path == "*" else 400
        return known or f"{self.path!r} is no path: answered with {status}"

    @property
    def transport(self) -> str:
        """`TCP` or `UDP`, as Services spell it."""
        return "UDP" if self.protocol is Protocol.UDP else "TCP"


class Caller(NamedTuple):
    """What a server can know of a caller; both `None` for one that shows no certificate.

    One that is `meshed` calls through a sidecar of this mesh: the mesh's own identities do.
    """

    spiffe: SpiffeId | None
    pod: PodUid | None
    meshed: bool = True


class Target(NamedTuple):
    """What `Request.target` names."""

    kind: Literal["service", "pod", "sa"]
    name: NamespacedName
    port: int


def caller(mesh: Mesh, source: str) -> Caller:
    """Who `source` is to a server. Raises `InvalidRequest`."""
    match source.split("/"):
        case ["none"]:
            return Caller(None, None, meshed=False)
        case ["spiffe:", "", _, _, *_]:
            ours = any(source.startswith(f"spiffe://{domain}/") for domain in mesh.trust_domains)
            return Caller(SpiffeId(source), None, meshed=ours)
        case ["pod", namespace, name]:
            workload = mesh.workloads.get(NamespacedName(namespace, name))
            if workload is None:
                message = f"there is no pod {namespace}/{name}{_known_pods(mesh, namespace)}"
                raise InvalidRequest(message)
            if not workload.meshed:
                return Caller(None, None, meshed=False)
            return Caller(spiffe_id(mesh.trust_domain, workload.identity), workload.uid)
        case [namespace, name] if namespace and name:
            return Caller(spiffe_id(mesh.trust_domain, ServiceIdentity(namespace, name)), None)
        case _:
            message = (
                f"cannot read the source {source!r}: write NAMESPACE/SERVICEACCOUNT,"
                " pod/NAMESPACE/NAME, spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/NAME, or none"
            )
            raise InvalidRequest(message)


def _known_pods(mesh: Mesh, namespace: str) -> str:
    names = sorted(name.name for name in mesh.workloads if name.namespace == namespace)
    return f" (namespace {namespace} has {', '.join(names[:8])})" if names else ""


def target(written: str) -> Target:
    """What `written` names. Raises `InvalidRequest`."""
    address, _, port = written.rpartition(":")
    if port.isascii() and port.isdecimal() and 0 < int(port) < 65536:
        match address.split("/"):
            case [namespace, name] if namespace and name:
                return Target("service", NamespacedName(namespace, name), int(port))
            case ["pod", namespace, name] if namespace and name:
                return Target("pod", NamespacedName(namespace, name), int(port))
            case ["sa", namespace, name] if namespace and name:
                return Target("sa", NamespacedName(namespace, name), int(port))
    message = (
        f"cannot read the target {written!r}: write NAMESPACE/SERVICE:PORT,"
        " pod/NAMESPACE/NAME:PORT or sa/NAMESPACE/NAME:PORT"
    )
    raise InvalidRequest(message)
