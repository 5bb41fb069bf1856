"""Print who may call whom in a cluster, and every change to it: KUBECONFIG names the cluster."""

import asyncio
import os

from smi import access
from smi.client.client import EVERYWHERE, Client


async def main() -> None:
    async with Client(os.environ) as client:
        async for event in client.watch(access.TrafficTarget, EVERYWHERE):
            match event.value:
                case access.TrafficTarget(spec=spec):
                    sources = ", ".join(source.name for source in spec.sources)
                    print(f"{event.change} {event.key}: {sources} -> {spec.destination.name}")
                case unreadable:
                    print(f"{event.change} {event.key}: {unreadable.reason}")


asyncio.run(main())
