"""A small mesh whose weights and endpoints change as fast as the control plane takes them."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.outbound import Outbound, Route
from smi.model.service import AppProtocol, Service
from smi.model.workload import Workload
from tests import builders as a
from tests.integration.envoy.harness import Lab, Loopback, lab
from tests.integration.envoy.speech import HELLO, application
from tests.integration.envoy.town import counters

FRONT, WEB, BYTES = a.name("front-0"), a.name("web"), a.name("bytes")
VERSIONS = ("v1", "v2")
PORTS = {"web": 8080, "bytes": 8081}
DOORS = {("web", 80): 15080, ("bytes", 80): 15081}
MOST = 100  # the largest weight
TURNS = 0.2  # of the changes among endpoints that are weights, 0 among them

# Requests that were under way on a connection that ended, on either side of any Envoy, and whatever
# Envoy itself counts as something gone wrong.
CUT = (
    r"cx_destroy_(local|remote)(_with)?_active_rq$|cx_connect_timeout$|protocol_error$"
    r"|rq_(rx|tx)_reset$|upstream_rq_(timeout|retry|pending_failure_eject|5xx)$"
)
BETWEEN = r"^cluster\.shop.*http.upstream_cx_destroy$|^http\.inbound.*downstream_cx_destroy$"
DOORS_LEFT = r"^http\.outbound.*downstream_cx_destroy$"

# To a proxy of bytes every connection is a request under way, also when both ends are done.
BYTES_DONE = re.compile(
    r"cluster\.(application|shop/bytes_80\|tcp)\.upstream_cx_destroy_remote_with_active_rq$"
)


class Counted(NamedTuple):
    """What all Envoys count; 0 is left out.

    `cut` are requests that ended with their connection, `between` HTTP connections between sidecars
    that ended, `left` those between a client and its sidecar. `done` counts at each Envoy the
    connections of bytes that their ends ended.
    """

    cut: Mapping[str, int]
    between: Mapping[str, int]
    left: Mapping[str, int]
    done: Mapping[str, int]


@dataclass(slots=True)
class Churn(Lab):
    """Owns `front`, which calls `web` over HTTP and `bytes` over TCP: two pods of each version.

    Weights are those of both splits; pods in `absent` are not ready.
    """

    rng: random.Random = field(default_factory=lambda: random.Random(1))
    absent: set[NamespacedName] = field(default_factory=set)
    weights: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERSIONS, 1))
    changed: int = 0

    async def turn_weights(self, least: int = 1) -> None:
        """Publish other weights of at `least` so much; they are never both 0."""
        self.weights = {v: self.rng.randint(least, MOST) for v in VERSIONS}
        if not any(self.weights.values()):
            self.weights[VERSIONS[0]] = 1
        await self._publish()

    async def turn_endpoints(self) -> None:
        """Let a pod leave or come back, of each version one is always there; or turn weights."""
        if self.rng.random() < TURNS:
            await self.turn_weights(least=0)
            return
        version = self.rng.choice(VERSIONS)
        pod = a.name(f"{version}-{self.rng.randint(0, 1)}")
        other = a.name(f"{version}-{1 - int(pod.name[-1])}")
        if pod in self.absent:
            self.absent.remove(pod)
        else:
            self.absent.discard(other)
            self.absent.add(pod)
        await self._publish()

    async def _publish(self) -> None:
        self.changed += 1
        before = self.mesh
        self.mesh = _edited(before, self.weights, self.absent)
        await self.backend.publish(self.mesh)

    async def counted(self) -> Counted:
        """What all Envoys count."""
        cut, done = await self._stats(CUT), dict[str, int]()
        for name in [name for name in cut if BYTES_DONE.search(name)]:
            pod = name.partition(" ")[0]
            done[pod] = done.get(pod, 0) + cut.pop(name)
        return Counted(cut, await self._stats(BETWEEN), await self._stats(DOORS_LEFT), done)

    async def _stats(self, pattern: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for pod in self.envoys:
            said = await counters(self, pod, pattern)
            found.update({f"{pod.name} {n}": value for n, value in said.items() if value})
        return found

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for detour in workload.loopback.detours.values():
            app = application(workload.name.name, detour.application)
            await stack.enter_async_context(app)


def _edited(mesh: Mesh, weights: Mapping[str, int], absent: set[NamespacedName]) -> Mesh:
    routes = _routes(weights)
    outbound = Outbound(a.identity("front"), tuple(routes))
    pods = [w for name, w in mesh.workloads.items() if name != FRONT and name not in absent]
    services = {s.name: _kept(mesh, s) for s in _services(pods)}
    return replace(
        mesh,
        services=services,
        routes={route.root: (route,) for route in routes},
        outbound={**mesh.outbound, outbound.identity: outbound},
    )


def _kept(mesh: Mesh, service: Service) -> Service:
    """The entry of the mesh before where nothing differs."""
    before = mesh.services.get(service.name)
    return before if before == service else service


def _routes(weights: Mapping[str, int]) -> list[Route]:
    speaks = {"web": AppProtocol.HTTP, "bytes": AppProtocol.TCP}
    return [
        a.route(
            root,
            80,
            a.split(f"{root}-split", {f"{root}-{v}": w for v, w in weights.items()}),
            speaks=speaks[root],
        )
        for root in PORTS
    ]


def _services(pods: list[Workload]) -> list[Service]:
    of = {v: [pod for pod in pods if pod.name.name.startswith(v)] for v in VERSIONS}
    return [
        a.service(name, 80, behind, port)
        for root, port in PORTS.items()
        for name, behind in [(root, pods), *((f"{root}-{v}", of[v]) for v in VERSIONS)]
    ]


def world(loopback: Loopback) -> Mesh:
    """`front` may call all of both, evenly split."""
    pods = [
        a.workload(
            f"{v}-{n}",
            "web",
            address=loopback.address(),
            detours=loopback.detours(*PORTS.values()),
        )
        for v in VERSIONS
        for n in (0, 1)
    ]
    front = a.workload("front-0", "front", address=loopback.address(), services=DOORS)
    base = a.mesh(
        workloads=[*pods, front], inbounds=[a.inbound(a.group("web"), a.rule("web", "front"))]
    )
    return _edited(base, dict.fromkeys(VERSIONS, 1), set())


@asynccontextmanager
async def churn() -> AsyncIterator[Churn]:
    """`world`, running."""
    async with lab() as found:
        own = Churn(found.state, found.backend, found.banners)
        try:
            await own.publish(world(Loopback()))
            yield own
        finally:
            await own.close()


@dataclass(slots=True)
class Connections:
    """TCP connections opened one after another: how many were answered, and what went wrong."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)


@asynccontextmanager
async def connections(running: Lab, pause: float) -> AsyncIterator[Connections]:
    """`front` opens connections to `bytes` while the context is entered."""
    found = Connections()
    stopping = asyncio.Event()

    async def connect() -> None:
        while not stopping.is_set():
            reader, writer = await asyncio.open_connection(*running.door(FRONT, BYTES, 80))
            try:
                writer.write(HELLO)
                line = await reader.readline()
                if line:
                    found.answered += 1
                else:
                    found.failures.append("ended")
            except OSError as error:
                found.failures.append(repr(error))
            finally:
                writer.transport.abort()
            await asyncio.sleep(pause)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(connect())
        try:
            yield found
        finally:
            stopping.set()
