"""The control plane dies under load: nobody notices, and the next one brings what changed."""

import asyncio
import pickle
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi_envoy.backend import EnvoyBackend
from tests import builders as a
from tests.integration.envoy.harness import TRUST_DOMAIN, Lab, Loopback, clock

pytestmark = pytest.mark.envoy

ROOT = Path(__file__).parents[3]
FRONT, LATE = a.name("front-0"), a.name("late-0")


def before(loopback: Loopback) -> Mesh:
    """`front` may call all of `web`."""
    web = a.workload("web-0", "web", address=loopback.address(), detours=loopback.detours(8080))
    front = a.workload("front-0", "front", address=loopback.address())
    route = a.route("web", 80)
    return a.mesh(
        workloads=[web, front],
        services=[a.service("web", 80, [web], target=8080)],
        routes=[route],
        inbounds=[a.inbound(a.group("web"), a.rule("web", "front"))],
        outbounds={"front": [route]},
    )


def after(mesh: Mesh, loopback: Loopback) -> Mesh:
    """`front` may call only /ok, and so may `late`, which is new."""
    late = a.workload("late-0", "late", address=loopback.address())
    web = a.inbound(a.group("web"), a.rule("web", "front", "late", http=[a.match("/ok")]))
    routes = mesh.outbound[a.identity("front")].routes
    sent = replace(mesh.outbound[a.identity("front")], identity=a.identity("late"), routes=routes)
    return replace(
        mesh,
        workloads={**mesh.workloads, late.name: late},
        inbound={web.group: web},
        outbound={**mesh.outbound, sent.identity: sent},
    )


@asynccontextmanager
async def control_plane(state: Path, file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A control plane in a process, killed at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.envoy.control_plane",
        str(state),
        str(file),
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'backends'}"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def status(running: Lab, client: NamespacedName, path: str) -> int:
    """What a client is answered; 0 where its sidecar is not there yet."""
    try:
        url = f"http://web.shop{path}"
        return (await running.request(client, url)).status
    except aiohttp.ClientError:
        return 0


async def until(running: Lab, client: NamespacedName, path: str, expected: int) -> None:
    """Wait until a client is answered so."""
    async with asyncio.timeout(20):
        while True:
            if await status(running, client, path) == expected:
                return
            await asyncio.sleep(0.05)


async def test_nobody_notices_that_the_control_plane_restarts() -> None:
    loopback = Loopback()
    mesh = before(loopback)
    with tempfile.TemporaryDirectory(prefix="smi") as directory:
        state, file = Path(directory), Path(directory) / "mesh"
        issuer = EnvoyBackend.on_this_machine(state, TRUST_DOMAIN, clock)
        running = Lab(state, issuer, frozenset())
        file.write_bytes(pickle.dumps(mesh))
        try:
            await through_a_restart(running, mesh, loopback, file)
        finally:
            await running.close()


async def through_a_restart(running: Lab, mesh: Mesh, loopback: Loopback, file: Path) -> None:
    """Kill the control plane under load, change policy and pods, start another one."""
    statuses: list[int] = []
    stop = asyncio.Event()

    async def load() -> None:
        async with aiohttp.ClientSession() as session:
            while not stop.is_set():
                answer = await running.request(FRONT, "http://web.shop/ok", session=session)
                statuses.append(answer.status)

    async with control_plane(running.state, file) as first:
        await running.start(mesh)
        await until(running, FRONT, "/ok", 200)
        assert await status(running, FRONT, "/other") == 200
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load())
            await asyncio.sleep(0.3)
            first.kill()
            await first.wait()
            changed = after(mesh, loopback)
            await asyncio.to_thread(file.write_bytes, pickle.dumps(changed))
            await running.start(changed)
            await asyncio.sleep(1)
            assert await status(running, FRONT, "/other") == 200
            async with control_plane(running.state, file):
                await until(running, FRONT, "/other", 403)
                await until(running, LATE, "/ok", 200)
                assert await status(running, LATE, "/other") == 403
                await asyncio.sleep(0.3)
            stop.set()
    assert len(statuses) > 100
    assert set(statuses) == {200}
