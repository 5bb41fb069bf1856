"""Servers that one, many or very many callers may call, by each way to grant it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from meshes import decoded

from smi.compiler.compile import compile  # noqa: A004 - the field's word for it
from smi.compiler.state import collect
from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity, SpiffeId, spiffe_id
from smi.model.mesh import Mesh
from smi.model.workload import Detour, Loopback

Document = Mapping[str, Any]

PORT = 8080
INBOUND = 28080
SHAPES = ("sources", "targets", "labels")
SIZES = (1, 100, 1000)


class Server(NamedTuple):
    """A server by the shape of its policy and the number of its callers, in a namespace alone."""

    shape: str
    callers: int

    @property
    def namespace(self) -> str:
        """Where all that concerns it is."""
        return f"{self.shape}-{self.callers}"

    @property
    def pod(self) -> NamespacedName:
        """Its one pod."""
        return NamespacedName(self.namespace, "web-0")

    @property
    def last(self) -> tuple[SpiffeId, PodUid]:
        """The last of its callers, by name and by pod."""
        number = self.callers - 1
        account = "caller" if self.shape == "labels" else f"c{number}"
        identity = ServiceIdentity(self.namespace, account)
        return spiffe_id("bench.local", identity), PodUid(f"uid-c{number}")


SERVERS = [Server(shape, size) for shape in SHAPES for size in SIZES]


def mesh(addresses: Mapping[Server, str], application: int) -> Mesh:
    """All servers at their addresses, before one application of 127.0.0.1."""
    documents = [d for server, address in addresses.items() for d in _documents(server, address)]
    doors = Loopback({PORT: Detour(INBOUND, application)}, 15001, {})
    state = collect(
        [decoded(document) for document in documents],
        {server.pod: doors for server in addresses},
        "bench.local",
    )
    found = compile(state)
    assert not [d for d in found.diagnostics if d.severity == "error"]
    return found.mesh


def _documents(server: Server, address: str) -> Iterator[Document]:
    namespace = server.namespace
    matches = [{"name": "api", "pathRegex": "/api", "methods": ["GET"]}]
    yield _pod(namespace, "web-0", "web", address)
    yield _object("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", namespace, "r", matches=matches)
    names = [f"c{number}" for number in range(server.callers)]
    match server.shape:
        case "labels":
            selector = {"podLabelSelector": {"matchLabels": {"app": "caller"}}}
            kind = "IdentityBinding"
            yield _object("access.smi-spec.io/v1alpha4", kind, namespace, "b", schemes=selector)
            yield _target(namespace, "t", [(kind, "b")])
            for number, name in enumerate(names):
                at = f"127.1.{number // 250}.{number % 250 + 1}"
                yield _pod(namespace, name, "caller", at)
        case "targets":
            yield from (_account(namespace, name) for name in names)
            yield from (_target(namespace, f"t-{n}", [("ServiceAccount", n)]) for n in names)
        case _:
            yield from (_account(namespace, name) for name in names)
            yield _target(namespace, "t", [("ServiceAccount", name) for name in names])


def _target(namespace: str, name: str, sources: list[tuple[str, str]]) -> Document:
    return _object(
        "access.smi-spec.io/v1alpha4",
        "TrafficTarget",
        namespace,
        name,
        destination={"kind": "ServiceAccount", "name": "web"},
        rules=[{"kind": "HTTPRouteGroup", "name": "r"}],
        sources=[{"kind": kind, "name": source} for kind, source in sources],
    )


def _account(namespace: str, name: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
    }


def _pod(namespace: str, name: str, account: str, address: str) -> Document:
    ports = [{"containerPort": PORT}]
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "labels": {"app": account},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"serviceAccountName": account, "containers": [{"name": "c", "ports": ports}]},
        "status": {
            "phase": "Running",
            "podIP": address,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _object(version: str, kind: str, namespace: str, name: str, **spec: object) -> Document:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
