"""A control plane as a process of its own: publishes the mesh that a file holds, as it changes.

Arguments: the state directory, the file, which holds a pickled Mesh, and for how long SVIDs are
good, in seconds. When all proxies accepted
the mesh whose bytes have a hash, the file with the suffix `.acked` holds it and the time
(monotonic seconds, the same for all processes).
"""

import asyncio
import hashlib
import pickle
import sys
import time
from pathlib import Path

from smi_envoy.backend import EnvoyBackend, Lifetimes
from tests.integration.envoy.harness import TRUST_DOMAIN, clock

PATIENCE = 30.0


def digest(data: bytes) -> str:
    """What a mesh is told by."""
    return hashlib.sha256(data).hexdigest()


def acked(file: Path) -> Path:
    """Where the last mesh that all proxies accepted is named."""
    return file.with_suffix(".acked")


async def follow(backend: EnvoyBackend, file: Path) -> None:
    """Publish what `file` holds whenever it is another one."""
    seen = b""
    while True:
        now = await asyncio.to_thread(file.read_bytes)
        if now != seen:
            mesh = pickle.loads(now)
            await backend.publish(mesh)
            if not await backend.settled(mesh.workloads, PATIENCE):
                acked(file).write_text(f"{digest(now)} {time.monotonic()}")
            seen = now
        await asyncio.sleep(0.02)


async def main(state: Path, file: Path, svid: float) -> None:
    """Serve until killed."""
    lifetimes = Lifetimes(svid=svid)
    backend = EnvoyBackend.on_this_machine(state, TRUST_DOMAIN, clock, lifetimes)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(backend.run())
        tasks.create_task(follow(backend, file))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
