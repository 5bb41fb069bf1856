"""What applications speak arrives as they speak it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import grpc
import pytest
from aiohttp import web

from smi.model.mesh import Mesh
from smi.model.service import AppProtocol, Service
from tests import builders as a
from tests.integration.envoy.harness import Lab, Loopback, lab

pytestmark = pytest.mark.envoy

FRONT, WEB = a.name("front-0"), a.name("web-0")

Method = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

SPEAKS = [AppProtocol.HTTP, AppProtocol.DETECT]


def world(loopback: Loopback, speaks: AppProtocol) -> Mesh:
    """`front` may ask for /echo.Echo/Say and /ws of `web`."""
    detours = loopback.detours(8080, 8081)
    web = a.workload("web-0", "web", address=loopback.address(), detours=detours)
    doors = {("web", 80): 15080, ("web", 81): 15081}
    front = a.workload("front-0", "front", address=loopback.address(), services=doors)
    routes = [a.route("web", 80, speaks=speaks), a.route("web", 81, speaks=speaks)]
    ports = [a.service("web", port, [web], target=8000 + port).ports[0] for port in (80, 81)]
    rule = a.rule("web", "front", http=[a.match("/echo.Echo/Say"), a.match("/ws")])
    return a.mesh(
        workloads=[web, front],
        services=[Service(a.name("web"), tuple(ports))],
        routes=routes,
        inbounds=[a.inbound(a.group("web"), rule)],
        outbounds={"front": routes},
    )


@asynccontextmanager
async def grpc_application(running: Lab, pod_port: int) -> AsyncIterator[None]:
    """A server of echo.Echo in the place of a pod's application."""

    async def say(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        context.set_trailing_metadata((("trailer", "seen"),))
        return request[::-1]

    server = grpc.aio.server()
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        method: grpc.unary_unary_rpc_method_handler(say) for method in ("Say", "Shout")
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", methods),))
    server.add_insecure_port(f"127.0.0.1:{application_port(running, pod_port)}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


@asynccontextmanager
async def websocket_application(running: Lab, pod_port: int) -> AsyncIterator[None]:
    """A WebSocket echo in the place of a pod's application."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    application = web.Application()
    application.router.add_get("/ws", serve)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", application_port(running, pod_port)).start()
    try:
        yield
    finally:
        await runner.cleanup()


def application_port(running: Lab, pod_port: int) -> int:
    """Where `web`'s application listens for one port of the pod."""
    loopback = running.mesh.workloads[WEB].loopback
    assert loopback is not None
    return loopback.detours[pod_port].application


@asynccontextmanager
async def without_application(speaks: AppProtocol) -> AsyncIterator[Lab]:
    """A lab in which `web` has no application yet."""
    async with lab() as running:
        await running.publish(world(Loopback(), speaks))
        await running.apps[WEB].aclose()
        yield running


@pytest.mark.parametrize("speaks", SPEAKS)
async def test_grpc_arrives_with_its_trailers(speaks: AppProtocol) -> None:
    async with without_application(speaks) as running, grpc_application(running, 8080):
        address, port = running.door(FRONT, a.name("web"), 80)
        async with grpc.aio.insecure_channel(f"{address}:{port}") as channel:
            say: Method = channel.unary_unary("/echo.Echo/Say")
            shout: Method = channel.unary_unary("/echo.Echo/Shout")
            call = say(b"hello")
            assert await call == b"olleh"
            trailers = await call.trailing_metadata() or ()
            assert ("trailer", "seen") in [tuple(pair) for pair in trailers]
            with pytest.raises(grpc.aio.AioRpcError) as denied:
                await shout(b"hello")
            assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert "RouteNotGranted" in (denied.value.details() or "")


@pytest.mark.parametrize("speaks", SPEAKS)
async def test_websocket_is_carried(speaks: AppProtocol) -> None:
    async with without_application(speaks) as running, websocket_application(running, 8081):
        address, port = running.door(FRONT, a.name("web"), 81)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{address}:{port}/ws") as socket,
        ):
            for word in ("one", "two"):
                await socket.send_str(word)
                assert await socket.receive_str() == word


async def test_http_1_0_without_a_host_is_served() -> None:
    async with lab() as running:
        await running.publish(world(Loopback(), AppProtocol.HTTP))
        reader, writer = await asyncio.open_connection(*running.door(FRONT, a.name("web"), 80))
        writer.write(b"GET /ws HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert b" 200 OK\r\n" in answer
        assert b'"web.shop:80"' in answer
