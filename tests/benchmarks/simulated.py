"""Many simulated sidecars in a process of their own: they ask, read and acknowledge.

Reads `{"address": ..., "proxies": [{"token": ..., "names": {type URL: [names]}}, ...]}` from
standard input. Says `ready` when every proxy was answered for every type, then stays.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Mapping

import grpc

from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.xds import wire

CHANNELS = 20  # connections that the proxies share, so that their set-up is not what is measured


class Proxy:
    """Owns one stream until the process ends."""

    def __init__(self, token: str, names: Mapping[str, list[str]]) -> None:
        self._token = token
        self._names = names
        self._requests: asyncio.Queue[bytes] = asyncio.Queue()
        self._unanswered = set(names)
        self.answered = asyncio.Event()

    async def run(self, channel: grpc.aio.Channel) -> None:
        for type_url, names in self._names.items():
            self._ask(type_url, names=names)
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        method = channel.stream_stream(f"/{wire.SERVICE}/{wire.METHOD}")
        call = method(self._outgoing(), metadata=(("authorization", f"Bearer {self._token}"),))
        async for message in call:
            response = discovery_pb2.DeltaDiscoveryResponse.FromString(message)
            self._ask(response.type_url, response.nonce)
            self._unanswered.discard(response.type_url)
            if not self._unanswered:
                self.answered.set()

    def _ask(self, type_url: str, nonce: str = "", names: Iterable[str] = ()) -> None:
        request = discovery_pb2.DeltaDiscoveryRequest(
            type_url=type_url, response_nonce=nonce, resource_names_subscribe=names
        )
        self._requests.put_nowait(request.SerializeToString())

    async def _outgoing(self) -> AsyncIterator[bytes]:
        while True:
            yield await self._requests.get()


async def main() -> None:
    told = json.loads(sys.stdin.readline())
    proxies = [Proxy(**proxy) for proxy in told["proxies"]]
    options = (("grpc.use_local_subchannel_pool", 1),)
    channels = [
        grpc.aio.insecure_channel(told["address"], options=options)
        for _ in range(min(CHANNELS, len(proxies)))
    ]
    async with asyncio.TaskGroup() as tasks:
        for index, proxy in enumerate(proxies):
            tasks.create_task(proxy.run(channels[index % len(channels)]))
        for proxy in proxies:
            await proxy.answered.wait()
        print("ready", flush=True)


asyncio.run(main())
