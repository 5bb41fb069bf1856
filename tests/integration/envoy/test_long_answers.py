"""What goes on for long between real Envoys: WebSockets, events, long polls, large bodies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import grpc
import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from smi.model.service import AppProtocol
from tests.integration.envoy import counterpart, echo_service
from tests.integration.envoy.harness import Lab

pytestmark = pytest.mark.envoy

SPEAKS = [AppProtocol.HTTP, AppProtocol.DETECT]
SILENT = 16.0  # seconds; a route of Envoy's ends after 15 unless it is told otherwise
LARGE = 128 * 2**20
PIECE = bytes(2**16)
MEMORY = 32 * 2**20
"""Bytes by which a sidecar may grow while it carries four times as much."""


class Application:
    """Owns an HTTP application in the place of `web`'s, and what its WebSockets heard last."""

    def __init__(self) -> None:
        self.closed: asyncio.Queue[int | None] = asyncio.Queue()
        self.release = asyncio.Event()

    async def echo(self, request: web.Request) -> web.WebSocketResponse:
        """Say back what is said, until it is `close`."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.data == "close":
                await socket.close(code=WSCloseCode.GOING_AWAY, message=b"that is all")
            elif message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            else:
                await socket.send_str(message.data)
        self.closed.put_nowait(socket.close_code)
        return socket

    async def events(self, request: web.Request) -> web.StreamResponse:
        """One event at once, the next when it is time."""
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: one\n\n")
        await self.release.wait()
        await answer.write(b"data: two\n\n")
        return answer

    async def poll(self, request: web.Request) -> web.Response:
        """Answer when it is time."""
        await self.release.wait()
        return web.Response(text="at last")

    async def swallow(self, request: web.Request) -> web.Response:
        """How many bytes came."""
        return web.Response(text=str(sum([len(part) async for part in request.content.iter_any()])))

    async def pour(self, request: web.Request) -> web.StreamResponse:
        """As many bytes as are asked for."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(LARGE // len(PIECE)):
            await answer.write(PIECE)
        return answer


@asynccontextmanager
async def serving(running: Lab) -> AsyncIterator[Application]:
    """The application."""
    found, application = Application(), web.Application()
    for path in ("echo", "events", "poll", "pour"):
        application.router.add_get(f"/{path}", getattr(found, path))
    application.router.add_post("/swallow", found.swallow)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", counterpart.application_port(running)).start()
    try:
        yield found
    finally:
        found.release.set()
        await runner.cleanup()


def url(running: Lab, path: str) -> str:
    """Where `front` finds it."""
    address, port = counterpart.door(running)
    return f"http://{address}:{port}/{path}"


@pytest.mark.parametrize("speaks", SPEAKS)
async def test_websocket_carries_both_ways_and_closes_as_either_side_says(
    speaks: AppProtocol,
) -> None:
    async with (
        counterpart.vacant(speaks) as running,
        serving(running) as application,
        aiohttp.ClientSession() as session,
    ):
        async with session.ws_connect(url(running, "echo")) as socket:
            await socket.send_str("one")
            assert await socket.receive_str() == "one"
            await socket.send_bytes(PIECE)
            assert await socket.receive_bytes() == PIECE
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
        assert await application.closed.get() == WSCloseCode.POLICY_VIOLATION
        async with session.ws_connect(url(running, "echo")) as socket:
            await socket.send_str("close")
            end = await socket.receive()
            assert (end.type, end.data, end.extra) == (
                WSMsgType.CLOSE,
                WSCloseCode.GOING_AWAY,
                "that is all",
            )


async def test_nobody_ends_what_is_silent() -> None:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(counterpart.vacant(AppProtocol.HTTP))
        application = await stack.enter_async_context(serving(running))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        socket = await stack.enter_async_context(session.ws_connect(url(running, "echo")))
        events = await stack.enter_async_context(session.get(url(running, "events")))
        poll = asyncio.create_task(session.get(url(running, "poll")))
        assert await events.content.readuntil(b"\n\n") == b"data: one\n\n"
        await asyncio.sleep(SILENT)
        application.release.set()
        assert await events.content.readuntil(b"\n\n") == b"data: two\n\n"
        assert await (await poll).text() == "at last"
        await socket.send_str("still there")
        assert await socket.receive_str() == "still there"


async def test_call_of_grpc_may_be_silent_for_as_long_as_it_likes() -> None:
    async with (
        counterpart.vacant(AppProtocol.DETECT) as running,
        echo_service.serving(running),
        echo_service.channel(running) as channel,
    ):
        chat: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        chat = channel.stream_stream("/echo.Echo/Chat")
        call = chat()
        await call.write(b"ab")
        assert await call.read() == b"ba"
        await asyncio.sleep(SILENT)
        await call.write(b"cd")
        assert await call.read() == b"dc"


async def test_large_bodies_cost_a_sidecar_no_memory() -> None:
    async with (
        counterpart.vacant(AppProtocol.HTTP) as running,
        serving(running),
        aiohttp.ClientSession() as session,
    ):
        before = memory(running)
        async with session.post(url(running, "swallow"), data=_pieces()) as answer:
            assert await answer.text() == str(LARGE)
        async with session.get(url(running, "pour")) as answer:
            await asyncio.sleep(1.0)  # nobody reads: what is sent has to wait where it comes from
            assert sum([len(part) async for part in answer.content.iter_any()]) == LARGE
        grown = {pod: peak - before[pod] for pod, peak in memory(running).items()}
        assert all(more < MEMORY for more in grown.values()), grown


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(LARGE // len(PIECE)):
        yield PIECE


def memory(running: Lab) -> dict[str, int]:
    """The most that each sidecar ever held, in bytes."""
    return {str(pod): _peak(envoy.pid) for pod, envoy in running.envoys.items()}


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
