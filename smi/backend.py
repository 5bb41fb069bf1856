"""The door between the product and a data plane. Backends register under "smi.backends"."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.mesh import Mesh
from smi.model.workload import Workload

ProxyId = NamespacedName
"""A proxy is named after the pod that it stands beside."""

Json = Mapping[str, Any]


class Feature(StrEnum):
    """What a data plane can enforce."""

    HTTP_ROUTES = "HTTPRoutes"
    TCP_ROUTES = "TCPRoutes"
    TRAFFIC_SPLIT = "TrafficSplit"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A process to run beside a workload: its command, and its files by name (mode 0600).

    `{directory}` in the command and in the files stands for the directory that holds the files.
    Files may change while the process runs (a token is renewed); the command never does.
    """

    command: tuple[str, ...]
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What one proxy said of its configuration.

    `pending` while it has not accepted all that it should have; `refused` is its own error text.
    """

    connected: bool
    pending: bool
    refused: str | None


Acknowledgements = Mapping[ProxyId, Acknowledgement]


class Backend(Protocol):
    """A data plane that can be told what the mesh should be."""

    features: ClassVar[frozenset[Feature]]
    writes_cluster: ClassVar[bool]

    def sidecar(self, workload: Workload) -> Sidecar:
        """What runs beside `workload`."""
        ...

    def render(self, mesh: Mesh, proxy: ProxyId) -> Json:
        """The configuration of one proxy, without keys."""
        ...

    async def publish(self, mesh: Mesh) -> None:
        """Make `mesh` what the proxies are told. Idempotent; returns when it is under way."""
        ...

    def acknowledgements(self) -> Acknowledgements:
        """What each known proxy accepted, refused or has still to answer."""
        ...

    async def run(self) -> None:
        """Serve until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Flow:
    """Requests (TCP: connections) that one client identity sent, counted since its proxy started.

    `host` is what the client asked for; `root` the Service that it named (`None` where its proxy
    knows none); `split` the TrafficSplit that decided, `service` where it went (`None` if nowhere).
    `status` is an HTTP status, or `ok`/`failed` for TCP.
    """

    source: ServiceIdentity
    host: str
    root: NamespacedName | None
    split: NamespacedName | None
    service: NamespacedName | None
    status: str
    count: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Requests (TCP: connections) that policy denies, counted since the proxy started.

    `source` is the caller's SPIFFE ID, empty where it proved none. `destination` is the identity
    of the pods that were called and `port` their own; where the caller's own proxy refused, the
    host that was asked for and `None`. `reason` is a CamelCase class. Where it is not `enforced`,
    audit mode let through what strict mode would deny.
    """

    source: str
    destination: str
    port: int | None
    reason: str
    enforced: bool
    count: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Connections of one client identity that its proxy learnt nothing from, and took for bytes.

    They were to `port` of the Service `root`, which declares no protocol, and the client said
    nothing for as long as one was looked for. Counted since the proxy started.
    """

    source: ServiceIdentity
    root: NamespacedName
    port: int
    count: int


class Traffic(NamedTuple):
    """What proxies counted."""

    flows: tuple[Flow, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    silences: tuple[Silence, ...] = ()


class LocalBackend(Backend, Protocol):
    """A data plane that also runs on one machine, its proxies being child processes."""

    @classmethod
    def on_this_machine(
        cls, directory: Path, trust_domain: str, clock: Callable[[], datetime]
    ) -> Self:
        """A backend that keeps its keys and sockets below `directory` (private to the user)."""
        ...

    async def settled(
        self,
        proxies: Iterable[ProxyId],
        timeout: float,  # noqa: ASYNC109 - what is late is an answer here, not an error
    ) -> frozenset[ProxyId]:
        """Wait until `proxies` accepted all they should have; those that did not in `timeout` s."""
        ...

    async def traffic(self, directories: Mapping[ProxyId, Path]) -> Traffic:
        """Traffic so far, read from the proxies that run in `directories`."""
        ...

    async def drain(self, directory: Path) -> None:
        """Ask the proxy that runs in `directory` to finish what it has and take nothing new."""
        ...
