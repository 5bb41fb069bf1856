"""The control plane dies under load: nobody notices, and the next one brings what changed."""

import asyncio
import pickle
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.outbound import Outbound
from smi.model.workload import Workload
from smi_envoy.backend import EnvoyBackend, Lifetimes
from tests import builders as a
from tests.integration.envoy import speech
from tests.integration.envoy.control_plane import acked, digest
from tests.integration.envoy.harness import TRUST_DOMAIN, Lab, Loopback, clock
from tests.integration.envoy.load import Client, load, turns
from tests.integration.envoy.town import counters

pytestmark = pytest.mark.envoy

ROOT = Path(__file__).parents[3]
WEB, FRONT, GUEST, LATE = (a.name(pod) for pod in ("web-0", "front-0", "guest-0", "late-0"))
KEEPER, VAULT = a.name("keeper-0"), a.name("vault-0")

A_SECOND, SECONDS, REQUESTS = 300, 12, 2500
REVOKED_AFTER = 1.0  # seconds from the ACK

# All that is told by name; types subscribed to as a whole count empty answers too.
TOLD = (
    r"(^cluster\.shop.*|\.rds\..*|^sds\..*)\.update_success$"
    r"|^(cluster_manager\.cluster|listener_manager\.listener)_(added|modified|removed)$"
)
OWN = "sds.svid.update_success"  # a new control plane issues new SVIDs


def before(loopback: Loopback) -> Mesh:
    """`front` and `guest` may call all of `web`, `keeper` all of `vault`."""
    web, vault = (
        a.workload(f"{n}-0", n, address=loopback.address(), detours=loopback.detours(8080))
        for n in ("web", "vault")
    )
    front, guest, keeper = (
        a.workload(f"{n}-0", n, address=loopback.address()) for n in ("front", "guest", "keeper")
    )
    to_web, to_vault = a.route("web", 80), a.route("vault", 80)
    return a.mesh(
        workloads=[web, vault, front, guest, keeper],
        services=[a.service("web", 80, [web], 8080), a.service("vault", 80, [vault], 8080)],
        routes=[to_web, to_vault],
        inbounds=[
            a.inbound(a.group("web"), a.rule("web", "front", "guest")),
            a.inbound(a.group("vault"), a.rule("vault", "keeper")),
        ],
        outbounds={"front": [to_web], "guest": [to_web], "keeper": [to_vault]},
    )


def with_late(mesh: Mesh, loopback: Loopback) -> Mesh:
    """`late` is there too. It may call `web`, and `front` may call it."""
    late = a.workload("late-0", "late", address=loopback.address(), detours=loopback.detours(8080))
    route = a.route("late", 80)
    more = a.mesh(
        workloads=[late],
        services=[a.service("late", 80, [late], 8080)],
        routes=[route],
        inbounds=[
            a.inbound(a.group("late"), a.rule("late", "front")),
            a.inbound(a.group("web"), a.rule("web", "front", "guest", "late")),
        ],
        outbounds={"front": [a.route("web", 80), route], "late": [a.route("web", 80)]},
    )
    return replace(
        mesh,
        workloads={**mesh.workloads, **more.workloads},
        services={**mesh.services, **more.services},
        routes={**mesh.routes, **more.routes},
        inbound={**mesh.inbound, **more.inbound},
        outbound={**mesh.outbound, **more.outbound},
    )


def without_guest(mesh: Mesh) -> Mesh:
    """`guest` may do nothing any more, and `front` not all."""
    web = a.inbound(a.group("web"), a.rule("web", "front", "late", http=[a.match("/ok")]))
    guest = Outbound(a.identity("guest"), ())
    return replace(
        mesh,
        inbound={**mesh.inbound, web.group: web},
        outbound={**mesh.outbound, guest.identity: guest},
    )


class Running(Lab):
    """Owns pods whose applications say which pod they are."""

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for detour in workload.loopback.detours.values():
            app = speech.application(str(workload.name), detour.application)
            await stack.enter_async_context(app)


@asynccontextmanager
async def control_plane(
    state: Path, file: Path, svid: float = Lifetimes().svid
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A control plane in a process, killed at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.envoy.control_plane",
        str(state),
        str(file),
        str(svid),
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'backends'}"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def put(file: Path, mesh: Mesh) -> str:
    """Give the control plane `mesh`, whole or not at all; returns what it is told by."""
    data = pickle.dumps(mesh)
    new = file.with_suffix(".new")
    await asyncio.to_thread(new.write_bytes, data)
    new.replace(file)
    return digest(data)


async def accepted(file: Path, told_by: str) -> float:
    """Wait until all proxies have accepted a mesh; when that was."""
    async with asyncio.timeout(30):
        while True:
            if acked(file).exists():
                found = acked(file).read_text().split()
                if found and found[0] == told_by:
                    return float(found[1])
            await asyncio.sleep(0.01)


async def told(running: Lab, *pods: NamespacedName) -> dict[NamespacedName, dict[str, int]]:
    """What proxies count of what they were told."""
    counted = {pod: await counters(running, pod, TOLD) for pod in pods}
    return {pod: {n: v for n, v in c.items() if n != OWN} for pod, c in counted.items()}


@pytest.mark.timeout(180)
async def test_nobody_notices_that_the_control_plane_restarts() -> None:
    loopback = Loopback()
    with tempfile.TemporaryDirectory(prefix="smi") as directory:
        state, file = Path(directory), Path(directory) / "mesh"
        issuer = EnvoyBackend.on_this_machine(state, TRUST_DOMAIN, clock)
        running = Running(state, issuer, frozenset())
        try:
            async with control_plane(state, file) as first:
                mesh = before(loopback)
                name = await put(file, mesh)
                await running.start(mesh)
                await accepted(file, name)
                await through_a_restart(running, loopback, file, first)
        finally:
            await running.close()


def clients() -> list[Client]:
    """Who may call before and after, on kept and on new connections; and `guest`, who may not."""
    allowed = [
        Client(pod, f"http://{service}.shop/ok/{number}", keeps=number % 3 != 2)
        for pod, service in ((FRONT, "web"), (KEEPER, "vault"))
        for number in range(6)
    ]
    return [*allowed, *(Client(GUEST, "http://web.shop/ok", keeps=k) for k in (True, False))]


async def through_a_restart(
    running: Lab, loopback: Loopback, file: Path, first: asyncio.subprocess.Process
) -> None:
    """Kill the control plane under load, start a pod, start another one, change policy."""
    async with load(running, clients(), a_second=A_SECOND) as asked:
        await asked.lasts(3, 0)
        known = await told(running, FRONT, KEEPER, VAULT, WEB)
        first.kill()
        await first.wait()
        larger = with_late(running.mesh, loopback)
        await put(file, larger)
        await running.start(larger)
        await asyncio.sleep(2)
        assert turns(asked.of(GUEST)) == [200]
        async with control_plane(running.state, file):
            await serving(running.state / "ads.sock")
            smaller = without_guest(larger)
            in_force = await accepted(file, await put(file, smaller))
            await calls_of_late(running)
            await asked.lasts(SECONDS, REQUESTS)
            await asyncio.sleep(REVOKED_AFTER)
            unchanged(known, await told(running, FRONT, KEEPER, VAULT, WEB))
    assert asked.failures(FRONT, KEEPER) == []
    assert asked.statuses(FRONT, KEEPER)[200] > REQUESTS * 3 / 4
    assert turns(asked.of(GUEST)) == [200, 403]
    late = [x for x in asked.of(GUEST) if x.at > in_force + REVOKED_AFTER]
    assert {answer.status for answer in late} == {403}
    assert asked.statuses().total() / (time.monotonic() - asked.begun) > 200


async def serving(socket: Path) -> None:
    """Wait until somebody listens; the socket of a dead server is still there."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(socket)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


async def calls_of_late(running: Lab) -> None:
    """The pod that started without a control plane is called, and calls."""
    answer = await running.request(FRONT, "http://late.shop/")
    assert (answer.status, answer.headers["x-pod"]) == (200, str(LATE))
    assert (await running.request(LATE, "http://web.shop/ok")).status == 200
    assert (await running.request(LATE, "http://web.shop/other")).status == 403
    assert (await running.request(FRONT, "http://web.shop/other")).status == 403


def unchanged(
    known: dict[NamespacedName, dict[str, int]], now: dict[NamespacedName, dict[str, int]]
) -> None:
    """Only what changed has been told anew."""
    differs = {
        (pod, name): now[pod][name] - known[pod].get(name, 0)
        for pod in now
        for name in now[pod]
        if now[pod][name] != known[pod].get(name, 0)
    }
    assert not [pod for pod, _ in differs if pod in {KEEPER, VAULT}], differs
    web = {name for pod, name in differs if pod == WEB}
    assert all(re.search(r"inbound/shop/web-0/8080|listener_modified$", n) for n in web), web
    front = {name for pod, name in differs if pod == FRONT}
    fresh = r"late|outbound/shop/front|cluster_added"
    assert front, "it was told of nothing"
    assert all(re.search(fresh, name) for name in front), front
