"""A gRPC application with a method of every kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from tests.integration.envoy import counterpart
from tests.integration.envoy.harness import Lab

TRAILER = ("trailer", "seen")
LARGE = bytes(64 * 1024)


@dataclass(slots=True)
class Echo:
    """Owns what is known of calls that ended before they were answered."""

    cancelled: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    remaining: asyncio.Queue[float] = field(default_factory=asyncio.Queue)

    async def say(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Say it backwards, and something after."""
        context.set_trailing_metadata((TRAILER,))
        return request[::-1]

    async def refuse(
        self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> bytes:
        """Fail, as an application does."""
        await context.abort(grpc.StatusCode.NOT_FOUND, f"no {request.decode()}", (TRAILER,))
        return b""

    async def wait(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Answer never."""
        self.remaining.put_nowait(context.time_remaining() or 0.0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.put_nowait(request.decode())
            raise
        return b""

    async def count(
        self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        """Say as many messages as are asked for; without a number, large ones for ever."""
        number = 0
        while not request or number < int(request):
            yield b"%d" % number if request else LARGE
            number += 1

    async def gather(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> bytes:
        """Answer when all is said."""
        return b",".join([request async for request in requests])

    async def chat(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        """Answer each message before the next."""
        async for request in requests:
            yield request[::-1]


@asynccontextmanager
async def serving(running: Lab, grace: float | None = None) -> AsyncIterator[Echo]:
    """The application in the place of `web`'s; at its end it lets calls go on for `grace`."""
    echo, server = Echo(), grpc.aio.server()
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Say": grpc.unary_unary_rpc_method_handler(echo.say),
        "Refuse": grpc.unary_unary_rpc_method_handler(echo.refuse),
        "Wait": grpc.unary_unary_rpc_method_handler(echo.wait),
        "Count": grpc.unary_stream_rpc_method_handler(echo.count),
        "Gather": grpc.stream_unary_rpc_method_handler(echo.gather),
        "Chat": grpc.stream_stream_rpc_method_handler(echo.chat),
    }
    service = grpc.method_handlers_generic_handler("echo.Echo", methods)
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(f"127.0.0.1:{counterpart.application_port(running)}")
    await server.start()
    try:
        yield echo
    finally:
        await server.stop(grace)


@asynccontextmanager
async def channel(running: Lab) -> AsyncIterator[grpc.aio.Channel]:
    """One HTTP/2 connection of `front` to `web`."""
    address, port = counterpart.door(running)
    async with grpc.aio.insecure_channel(f"{address}:{port}") as found:
        yield found
