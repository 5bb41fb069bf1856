"""A control plane as a process of its own: publishes the mesh that a file holds, as it changes.

Arguments: the state directory, and the file, which holds a pickled Mesh.
"""

import asyncio
import pickle
import sys
from pathlib import Path

from smi_envoy.backend import EnvoyBackend
from tests.integration.envoy.harness import TRUST_DOMAIN, clock


async def follow(backend: EnvoyBackend, file: Path) -> None:
    """Publish what `file` holds whenever it is another one."""
    seen = b""
    while True:
        now = await asyncio.to_thread(file.read_bytes)
        if now != seen:
            await backend.publish(pickle.loads(now))
            seen = now
        await asyncio.sleep(0.02)


async def main(state: Path, file: Path) -> None:
    """Serve until killed."""
    backend = EnvoyBackend.on_this_machine(state, TRUST_DOMAIN, clock)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(backend.run())
        tasks.create_task(follow(backend, file))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
