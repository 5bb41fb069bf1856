"""A proxy that misbehaves, and many that come at once, hold up nobody."""

import asyncio
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.translate import proxy as proxies
from smi_envoy.xds import wire
from smi_envoy.xds.resources import TypeUrl
from smi_envoy.xds.snapshot import Snapshot
from tests import builders as a
from tests.integration.envoy import harness
from tests.integration.envoy.xds_lab import ControlPlane, key

pytestmark = pytest.mark.envoy

SIMULATED = Path(__file__).parents[2] / "benchmarks" / "simulated.py"
MANY = 300

LARGE = 1_000_000  # bytes of a resource; more than gRPC reads ahead of its application
CHANGES = 150
MOST = 60_000_000  # bytes that memory may grow by; a queue of the changes would hold 150 MB


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, since the path of a Unix socket has room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="xds-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@asynccontextmanager
async def stream(
    control: ControlPlane, pod: str, name: str
) -> AsyncIterator[grpc.aio.StreamStreamCall[bytes, bytes]]:
    """A stream of `pod` that has asked for the endpoints `name`."""
    options = (
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.http2.bdp_probe", 0),  # or the window grows until gRPC itself takes all in
    )
    async with grpc.aio.insecure_channel(f"unix:{control.socket}", options=options) as channel:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        method = channel.stream_stream(f"/{wire.SERVICE}/{wire.METHOD}")
        call = method(metadata=(("authorization", control.token(pod)),))
        request = discovery_pb2.DeltaDiscoveryRequest(
            type_url=TypeUrl.ENDPOINT, resource_names_subscribe=[name]
        )
        await call.write(request.SerializeToString())
        yield call
        call.cancel()


async def answered(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> bytes:
    """Read a response and accept it; returns the contents of its one resource."""
    message = await call.read()
    assert isinstance(message, bytes)
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(message)
    accepted = discovery_pb2.DeltaDiscoveryRequest(
        type_url=response.type_url, response_nonce=response.nonce
    )
    await call.write(accepted.SerializeToString())
    found: bytes = response.resources[0].resource.value
    return found


def memory() -> int:
    """Bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_proxy_that_stops_reading_holds_up_neither_others_nor_memory(
    directory: Path,
) -> None:
    control = ControlPlane(directory)
    large, small = key(TypeUrl.ENDPOINT, "large"), key(TypeUrl.ENDPOINT, "small")
    control.cache.apply(
        {large: b"0" * LARGE, small: b"0"},
        {"shop/deaf": Snapshot.of([large, small]), "shop/web": Snapshot.of([small])},
    )
    async with (
        control.serving(),
        stream(control, "deaf", "large"),
        stream(control, "web", "small") as web,
    ):
        assert await answered(web) == b"0"
        before = memory()
        for change in range(1, CHANGES):
            control.cache.apply({large: b"%d" % change * LARGE, small: b"%d" % change}, {})
            async with asyncio.timeout(10):
                assert await answered(web) == b"%d" % change
            assert await control.cache.settled(["shop/web"], 10) == frozenset()
        grown = memory() - before
        assert grown < MOST
        said = control.cache.acknowledgements()
        assert said["shop/deaf"].connected
        assert said["shop/deaf"].pending


async def test_proxy_has_eight_streams_at_most_and_others_have_theirs(directory: Path) -> None:
    control = ControlPlane(directory)
    large, small = key(TypeUrl.ENDPOINT, "large"), key(TypeUrl.ENDPOINT, "small")
    control.cache.apply(
        {large: b"0" * LARGE, small: b"0"},
        {"shop/deaf": Snapshot.of([large, small]), "shop/web": Snapshot.of([small])},
    )
    async with control.serving(), AsyncExitStack() as stack, asyncio.timeout(30):
        deaf = []
        for _ in range(8):
            deaf.append(await stack.enter_async_context(stream(control, "deaf", "large")))
            await deaf[-1].initial_metadata()  # its response is under way, and never read
        for _ in range(3):
            async with stream(control, "deaf", "small") as refused:
                assert await refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        async with stream(control, "web", "small") as web:
            assert await answered(web) == b"0"
        assert control.cache.acknowledgements()["shop/deaf"].connected
        assert not any(call.done() for call in deaf)
        deaf[0].cancel()
        await opened(control, "deaf", "small")


async def opened(control: ControlPlane, pod: str, name: str) -> None:
    """Come back until the server has seen that another stream is gone."""
    while True:
        async with stream(control, pod, name) as call:
            if await call.read() is not grpc.aio.EOF:
                return


async def test_many_streams_that_come_at_once_are_all_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pods = [
        a.workload(f"p{n}", f"p{n}", address=f"127.90.{n // 250}.{n % 250 + 1}")
        for n in range(MANY)
    ]
    mesh = a.mesh(pods)
    async with harness.lab() as running:
        await running.backend.publish(mesh)
        told = []
        for pod in pods:
            parts = proxies.server_parts(pod) | proxies.client_parts(pod, proxies.reach(None))
            snapshot = proxies.snapshot(parts)
            asked = {str(t): sorted(map(str, snapshot.names(t))) for t in TypeUrl}
            asked[TypeUrl.CLUSTER] = asked[TypeUrl.LISTENER] = []
            asked[TypeUrl.SECRET] = ["svid"]
            told.append({"token": running.backend.sidecar(pod).files["token"], "names": asked})
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SIMULATED),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert child.stdin is not None
            address = f"unix:{running.state}/ads.sock"
            child.stdin.write(json.dumps({"address": address, "proxies": told}).encode() + b"\n")
            assert not await running.backend.settled(mesh.workloads, 60)
        finally:
            child.kill()
            await child.wait()
        async with asyncio.timeout(10):
            while any(s.connected for s in running.backend.acknowledgements().values()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    worst = [r for r in caplog.records if r.levelno >= logging.WARNING and "smi_envoy" in r.name]
    assert not worst
