"""gRPC between real Envoys, and so HTTP/2: streams, trailers, flow control, ends of all kinds."""

import asyncio
from dataclasses import replace

import grpc
import pytest

from smi.model.outbound import Route
from smi.model.service import AppProtocol
from tests import builders as a
from tests.integration.envoy import counterpart, echo_service
from tests.integration.envoy.counterpart import Until
from tests.integration.envoy.harness import Lab

pytestmark = pytest.mark.envoy

SPEAKS = [AppProtocol.HTTP, AppProtocol.DETECT, AppProtocol.TCP]
AT_ONCE = 200

Unary = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
Downward = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
Upward = grpc.aio.StreamUnaryMultiCallable[bytes, bytes]
Bidirectional = grpc.aio.StreamStreamMultiCallable[bytes, bytes]


@pytest.mark.parametrize("speaks", SPEAKS)
async def test_grpc_arrives_with_its_streams_trailers_and_statuses(speaks: AppProtocol) -> None:
    async with (
        counterpart.vacant(speaks) as running,
        echo_service.serving(running),
        echo_service.channel(running) as channel,
    ):
        say: Unary = channel.unary_unary("/echo.Echo/Say")
        said = say(b"hello")
        assert await said == b"olleh"
        assert echo_service.TRAILER in [tuple(pair) for pair in await said.trailing_metadata()]
        count: Downward = channel.unary_stream("/echo.Echo/Count")
        assert [message async for message in count(b"3")] == [b"0", b"1", b"2"]
        gather: Upward = channel.stream_unary("/echo.Echo/Gather")
        assert await gather(iter([b"a", b"b"])) == b"a,b"
        chat: Bidirectional = channel.stream_stream("/echo.Echo/Chat")
        call = chat()
        for word in (b"ab", b"cd"):
            await call.write(word)
            assert await call.read() == word[::-1]
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        refuse: Unary = channel.unary_unary("/echo.Echo/Refuse")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await refuse(b"one")
        assert (refused.value.code(), refused.value.details()) == (
            grpc.StatusCode.NOT_FOUND,
            "no one",
        )
        every = await asyncio.gather(*(say(b"%d" % number) for number in range(AT_ONCE)))
        assert [message[::-1] for message in every] == [b"%d" % n for n in range(AT_ONCE)]


@pytest.mark.parametrize("speaks", [AppProtocol.HTTP, AppProtocol.DETECT])
async def test_grpc_that_knows_a_proxy_calls_by_name_and_is_judged_call_by_call(
    speaks: AppProtocol,
) -> None:
    """gRPC's own clients open a tunnel where `http_proxy` is set."""
    async with counterpart.vacant(speaks) as running, echo_service.serving(running):
        await _grant(running, "/echo.Echo/Say")
        options = [("grpc.http_proxy", running.proxy(counterpart.FRONT))]
        async with grpc.aio.insecure_channel("web.shop:80", options=options) as channel:
            say: Unary = channel.unary_unary("/echo.Echo/Say")
            refuse: Unary = channel.unary_unary("/echo.Echo/Refuse")
            assert await say(b"hello") == b"olleh"
            with pytest.raises(grpc.aio.AioRpcError) as denied:
                await refuse(b"hello")
            assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_deadline_and_cancellation_reach_the_application() -> None:
    async with (
        counterpart.vacant(AppProtocol.HTTP) as running,
        echo_service.serving(running) as echo,
        echo_service.channel(running) as channel,
    ):
        wait: Unary = channel.unary_unary("/echo.Echo/Wait")
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await wait(b"deadline", timeout=0.5)
        assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert 0 < await echo.remaining.get() <= 0.5
        call = wait(b"call off")
        await echo.remaining.get()
        call.cancel()
        async with asyncio.timeout(counterpart.PATIENCE):
            assert {await echo.cancelled.get(), await echo.cancelled.get()} == {
                "deadline",
                "call off",
            }


@pytest.mark.parametrize("speaks", [AppProtocol.HTTP, AppProtocol.DETECT])
async def test_denial_and_absence_are_statuses_of_grpc(speaks: AppProtocol) -> None:
    async with counterpart.vacant(speaks) as running:
        async with echo_service.channel(running) as channel:
            assert await _failure(channel) == (grpc.StatusCode.UNAVAILABLE, "")
        async with echo_service.serving(running):
            await _grant(running, "/echo.Echo/Count")
            async with echo_service.channel(running) as channel:
                assert await _failure(channel) == (
                    grpc.StatusCode.PERMISSION_DENIED,
                    "RouteNotGranted",
                )
            proxy = running.proxy(counterpart.FRONT).removeprefix("http://")
            elsewhere = (("grpc.default_authority", "vault.shop:80"),)
            async with grpc.aio.insecure_channel(proxy, options=elsewhere) as channel:
                assert await _failure(channel) == (
                    grpc.StatusCode.PERMISSION_DENIED,
                    "AccessDenied",
                )
            split = a.split("canary", {"web": 0})
            await _route(running, a.route("web", counterpart.PORT, split, speaks=speaks))
            async with echo_service.channel(running) as channel:
                assert await _failure(channel) == (grpc.StatusCode.UNAVAILABLE, "NoDestination")


async def test_no_version_of_http_is_translated_into_another() -> None:
    async with counterpart.vacant(AppProtocol.HTTP) as running:
        async with echo_service.serving(running):
            reader, writer = await counterpart.dialled(running)
            script = (b"GET / HTTP/1.1\r\nhost: web.shop\r\n\r\n", Until(b"\r\n"))
            assert b"HTTP/1.1 502 Bad Gateway\r\n" in await counterpart.follow(
                script, reader, writer
            )
            writer.close()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

        async with (
            counterpart.serving(running, serve),
            echo_service.channel(running) as channel,
        ):
            code, _ = await _failure(channel)
            assert code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL}


async def test_stream_that_nobody_reads_holds_up_no_other() -> None:
    async with (
        counterpart.vacant(AppProtocol.HTTP) as running,
        echo_service.serving(running),
        echo_service.channel(running) as channel,
    ):
        count: Downward = channel.unary_stream("/echo.Echo/Count")
        stalled = count(b"")
        assert await stalled.read() == echo_service.LARGE
        say: Unary = channel.unary_unary("/echo.Echo/Say")
        async with asyncio.timeout(counterpart.PATIENCE):
            for _ in range(20):
                assert await say(b"hello") == b"olleh"
        assert await stalled.read() == echo_service.LARGE
        stalled.cancel()


async def test_application_that_goes_lets_its_calls_end_and_the_next_is_called() -> None:
    async with (
        counterpart.vacant(AppProtocol.HTTP) as running,
        echo_service.channel(running) as channel,
    ):
        chat: Bidirectional = channel.stream_stream("/echo.Echo/Chat")
        async with echo_service.serving(running, grace=counterpart.PATIENCE):
            call = chat()
            await call.write(b"ab")
            assert await call.read() == b"ba"
            ending = asyncio.create_task(_last_word(call))
        assert await ending == b"dc"
        async with echo_service.serving(running):
            say: Unary = channel.unary_unary("/echo.Echo/Say")
            assert await say(b"hello") == b"olleh"


async def _last_word(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> bytes:
    """What is answered when the application has already said that it goes."""
    await asyncio.sleep(0.3)
    await call.write(b"cd")
    answer = await call.read()
    await call.done_writing()
    assert isinstance(answer, bytes)
    return answer


async def _failure(channel: grpc.aio.Channel) -> tuple[grpc.StatusCode, str]:
    """The status of a call that fails, and the reason that the mesh gives."""
    say: Unary = channel.unary_unary("/echo.Echo/Say")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await say(b"hello")
    details = failed.value.details() or ""
    _, _, reason = details.partition("smi-mesh: ")
    return failed.value.code(), reason.partition(":")[0]


async def _grant(running: Lab, path: str) -> None:
    rule = a.rule("web", "front", http=[a.match(path)])
    inbound = a.inbound(a.group("web"), rule)
    await running.publish(replace(running.mesh, inbound={inbound.group: inbound}))


async def _route(running: Lab, route: Route) -> None:
    sent = replace(running.mesh.outbound[a.identity("front")], routes=(route,))
    outbound = {**running.mesh.outbound, a.identity("front"): sent}
    await running.publish(replace(running.mesh, routes={route.root: (route,)}, outbound=outbound))
