"""What a change and a request cost as the mesh grows: `make bench`.

For meshes of 10, 100 and 1000 services, each pod having a connected sidecar (simulated, in another
process), it changes one weight and one endpoint that concern ten callers, and reads the CPU time
of the control plane's process from the change to the last acknowledgement. A change to 1000
services of which ten callers notice one must not cost more than in a mesh of ten: the log-log slope
of CPU over services is printed.

Before that a list of 10 000 objects is decoded, beside its JSON alone. At last real sidecars take
requests under policies of 1, 100 and 1000 callers, which must cost the same. Exit status 1 says
that something is above its limit.
"""

import argparse
import asyncio
import gc
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lists
import sidecars
from meshes import TRUST_DOMAIN, callers, cluster, with_endpoint, with_weight

from smi.backend import ProxyId
from smi.compiler.compile import Compiler
from smi.compiler.state import ClusterState
from smi.model.mesh import Mesh
from smi_envoy.backend import EnvoyBackend
from smi_envoy.translate import proxy as proxies
from smi_envoy.xds.resources import TypeUrl

LIMIT = 0.1  # of the slope; issue and design: a change costs what it touches
MOST = 30.0  # seconds that a change may take before the run is given up


class ControlPlane:
    """Owns a compiler and a backend whose sidecars are simulated by a child process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._compiler = Compiler()
        self._backend = EnvoyBackend.on_this_machine(
            directory, TRUST_DOMAIN, lambda: datetime.now(UTC)
        )

    @asynccontextmanager
    async def serving(self, state: ClusterState) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            server = tasks.create_task(self._backend.run())
            mesh = self._compiler.update(state).mesh
            await self._backend.publish(mesh)
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                str(Path(__file__).with_name("simulated.py")),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                assert child.stdin is not None
                assert child.stdout is not None
                child.stdin.write(json.dumps(self._told(mesh)).encode() + b"\n")
                await child.stdin.drain()
                async with asyncio.timeout(300):
                    assert await child.stdout.readline() == b"ready\n"
                assert not await self._backend.settled(mesh.workloads, MOST)
                yield
            finally:
                child.kill()
                await child.wait()
                server.cancel()

    def _told(self, mesh: Mesh) -> dict[str, Any]:
        told = []
        for workload in mesh.workloads.values():
            reach = proxies.reach(mesh.outbound.get(workload.identity))
            parts = proxies.server_parts(workload) | proxies.client_parts(workload, reach)
            snapshot = proxies.snapshot(parts)
            names = {str(t): sorted(map(str, snapshot.names(t))) for t in TypeUrl}
            names[TypeUrl.CLUSTER] = names[TypeUrl.LISTENER] = []
            names[TypeUrl.SECRET] = [*names[TypeUrl.SECRET], "svid"]
            token = self._backend.sidecar(workload).files["token"]
            told.append({"token": token, "names": names})
        return {"address": f"unix:{self._directory}/ads.sock", "proxies": told}

    async def cost(self, state: ClusterState, affected: Sequence[ProxyId]) -> float:
        """CPU milliseconds of this process until `affected`, and nobody else, accepted `state`."""
        before = time.process_time()
        await self._backend.publish(self._compiler.update(state).mesh)
        told = time.process_time() - before
        pending = {name for name, ack in self._backend.acknowledgements().items() if ack.pending}
        assert pending == set(affected), (sorted(pending), affected)
        before = time.process_time()
        assert not await self._backend.settled(affected, MOST)
        return (told + time.process_time() - before) * 1000


async def measure(sizes: Sequence[int], rounds: int) -> dict[str, dict[int, float]]:
    """The median CPU milliseconds of each change in each mesh, the meshes taken in turn."""
    states = {size: cluster(size) for size in sizes}
    costs: dict[str, dict[int, list[float]]] = {
        change: {size: [] for size in sizes} for change in ("weight", "endpoint")
    }
    async with AsyncExitStack() as stack:
        planes = {}
        for size in sizes:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="smi-bench-"))
            planes[size] = ControlPlane(Path(directory))
            print(f"starting {size} services ...", file=sys.stderr, flush=True)
            await stack.enter_async_context(planes[size].serving(states[size]))
        gc.collect()
        gc.freeze()
        for turn in range(rounds + 2):
            for size in sizes:
                for change in costs:
                    states[size] = (
                        with_weight(states[size], 10 + turn)
                        if change == "weight"
                        else with_endpoint(states[size], ready=turn % 2 == 1)
                    )
                    cost = await planes[size].cost(states[size], callers(size))
                    if turn >= 2:  # the first two warm caches
                        costs[change][size].append(cost)
    return {
        change: {size: statistics.median(found) for size, found in by_size.items()}
        for change, by_size in costs.items()
    }


def slope(costs: dict[int, float]) -> float:
    """The least-squares slope of log cost over log size."""
    points = [(math.log(size), math.log(cost)) for size, cost in costs.items()]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="fewer rounds")
    arguments = parser.parse_args()
    sizes = (10, 100, 1000)
    failed = lists.report(lists.measure(rounds=3 if arguments.smoke else 9))
    found = asyncio.run(measure(sizes, rounds=5 if arguments.smoke else 21))
    print(f"CPU ms of one change, 10 affected proxies ({'smoke' if arguments.smoke else 'full'})")
    print(f"{'change':10}" + "".join(f"{size:>10}" for size in sizes) + f"{'slope':>10}")
    for change, costs in found.items():
        steepness = slope(costs)
        failed |= steepness > LIMIT
        row = "".join(f"{cost:10.2f}" for cost in costs.values())
        print(f"{change:10}{row}{steepness:10.3f}")
    print(f"limit of the slope {LIMIT}: {'ABOVE' if failed else 'kept'}")
    rounds = 12 if arguments.smoke else 60
    failed |= sidecars.report(asyncio.run(sidecars.measure(rounds, requests=500)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
