import asyncio
import contextlib
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import grpc
import pytest

from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.xds import wire
from smi_envoy.xds.resources import ResourceKey, TypeUrl
from smi_envoy.xds.snapshot import Snapshot
from tests.integration.envoy import xds_lab
from tests.integration.envoy.xds_lab import ControlPlane, Envoy, envoy, key

CDS, EDS, SDS, LDS, RDS = TypeUrl

pytestmark = pytest.mark.envoy

SERVED = ("cluster_manager.cds", "cluster.a", "listener_manager.lds", "http.in.rds.web")

World = dict[ResourceKey, bytes]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, since the path of a Unix socket has room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="xds-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def upstream() -> AsyncIterator[int]:
    """A port on which every request is answered `hello`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


def world(port: int, upstream: int) -> World:
    return {
        key(CDS, "a"): xds_lab.cluster("a"),
        key(EDS, "a"): xds_lab.endpoints("a", upstream),
        key(LDS, "in"): xds_lab.listener("in", port, "web"),
        key(RDS, "web"): xds_lab.routes("web", "a"),
    }


def publish(control: ControlPlane, proxy: str, contents: World) -> None:
    control.cache.apply(contents, {proxy: Snapshot.of(contents)})


async def settle(control: ControlPlane, *proxies: str) -> None:
    """Wait until `proxies` have answered all that is published."""
    assert await control.cache.settled(proxies, 10) == frozenset()


async def connected(running: Envoy, streams: int = 1) -> None:
    await running.until("cluster.smi-control-plane.upstream_rq_total", streams)
    await running.until("control_plane.connected_state", 1)


async def ask(port: int, tls: ssl.SSLContext | None = None) -> str:
    scheme = "http" if tls is None else "https"
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{scheme}://127.0.0.1:{port}/", ssl=tls or True) as answer,
    ):
        return await answer.text()


async def updates(running: Envoy) -> dict[str, int]:
    return {name: await running.stat(f"{name}.update_success") for name in SERVED}


async def test_envoy_serves_what_it_is_told_and_follows_every_change(
    directory: Path, upstream: int
) -> None:
    control, port = ControlPlane(directory), xds_lab.free_port()
    contents = world(port, upstream)
    publish(control, "shop/web", contents)
    async with (
        control.serving(),
        envoy(directory / "e", control, "shop/web", control.token("web")) as web,
    ):
        await web.until("listener_manager.lds.update_success", 1)
        await settle(control, "shop/web")
        assert await ask(port) == "hello"

        contents[key(CDS, "a")] = xds_lab.cluster("a", connect_timeout=2)
        publish(control, "shop/web", contents)
        await settle(control, "shop/web")
        assert await web.stat("cluster_manager.warming_clusters") == 0

        moved = {
            key(CDS, "b"): xds_lab.cluster("b"),
            key(EDS, "b"): xds_lab.endpoints("b", upstream),
            key(RDS, "web"): xds_lab.routes("web", "b"),
            key(LDS, "in"): contents[key(LDS, "in")],
        }
        gone = {k: None for k in contents if k not in moved}
        control.cache.apply({**moved, **gone}, {"shop/web": Snapshot.of(moved)})
        await settle(control, "shop/web")
        assert await ask(port) == "hello"
        assert await web.stat("cluster_manager.active_clusters") == 2  # b and the control plane
        assert control.cache.acknowledgements()["shop/web"].refused is None
        assert "[error]" not in web.log()


async def test_refused_resource_is_reported_and_the_rest_goes_on(
    directory: Path, upstream: int
) -> None:
    control, port = ControlPlane(directory), xds_lab.free_port()
    contents = world(port, upstream)
    contents[key(CDS, "bad")] = xds_lab.cluster("bad", connect_timeout=-1)
    publish(control, "shop/web", contents)
    async with (
        control.serving(),
        envoy(directory / "e", control, "shop/web", control.token("web")) as web,
    ):
        await web.until("listener_manager.lds.update_success", 1)
        await settle(control, "shop/web")
        refused = control.cache.acknowledgements()["shop/web"].refused
        assert refused is not None
        assert refused.startswith("cluster bad: ")
        assert await ask(port) == "hello"


async def test_restarted_server_sends_nothing_that_has_not_changed(
    directory: Path, upstream: int
) -> None:
    control, port = ControlPlane(directory), xds_lab.free_port()
    publish(control, "shop/web", world(port, upstream))
    async with envoy(directory / "e", control, "shop/web", control.token("web")) as web:
        async with control.serving():
            await web.until("listener_manager.lds.update_success", 1)
            await settle(control, "shop/web")
            config = await web.admin("/config_dump?resource=dynamic_active_clusters")
        await asyncio.sleep(0.1)
        assert await ask(port) == "hello"
        before = await updates(web)
        changed = {key(RDS, "web"): xds_lab.routes("web", "a", prefix="/x")}
        control.cache.apply(changed, {})
        async with control.serving():
            await connected(web, 2)
            await settle(control, "shop/web")
            after = await updates(web)
            # an empty answer counts for the types that are subscribed to as a whole
            assert after["cluster.a"] == before["cluster.a"]
            assert after["http.in.rds.web"] == before["http.in.rds.web"] + 1
            assert await web.admin("/config_dump?resource=dynamic_active_clusters") == config
            assert await web.stat("listener_manager.listener_modified") == 0


async def test_cluster_that_a_server_left_without_endpoints_gets_them_from_the_next(
    directory: Path, upstream: int
) -> None:
    control, port = ControlPlane(directory), xds_lab.free_port()
    contents = world(port, upstream)
    publish(control, "shop/web", contents)
    async with envoy(directory / "e", control, "shop/web", control.token("web")) as web:
        async with control.serving():
            await web.until("listener_manager.lds.update_success", 1)
            await settle(control, "shop/web")
            contents[key(CDS, "a")] = xds_lab.cluster("a", connect_timeout=2)
            left = {k: v for k, v in contents.items() if k != key(EDS, "a")}
            control.cache.apply({**left, key(EDS, "a"): None}, {"shop/web": Snapshot.of(left)})
            await web.until("cluster_manager.warming_clusters", 1)
        publish(control, "shop/web", contents)
        async with control.serving():
            await settle(control, "shop/web")
            await connected(web, 2)
            await web.until("cluster.a.update_success", 2)
            await settle(control, "shop/web")
            assert await web.stat("cluster_manager.warming_clusters") == 0
            assert await ask(port) == "hello"


async def test_change_elsewhere_does_not_reach_an_uninvolved_envoy(
    directory: Path, upstream: int
) -> None:
    control = ControlPlane(directory)
    web = world(xds_lab.free_port(), upstream)
    db = {
        key(CDS, "db"): xds_lab.cluster("db"),
        key(EDS, "db"): xds_lab.endpoints("db", upstream),
        key(LDS, "db"): xds_lab.listener("db", xds_lab.free_port(), "db"),
        key(RDS, "db"): xds_lab.routes("db", "db"),
    }
    publish(control, "shop/web", web)
    publish(control, "shop/db", db)
    async with (
        control.serving(),
        envoy(directory / "w", control, "shop/web", control.token("web")) as first,
        envoy(directory / "d", control, "shop/db", control.token("db")) as second,
    ):
        await first.until("listener_manager.lds.update_success", 1)
        await second.until("listener_manager.lds.update_success", 1)
        await settle(control, "shop/web", "shop/db")
        before, attempts = await second.stats("update_success$"), await messages(second)
        for round_ in range(2, 7):
            change = {key(CDS, "a"): xds_lab.cluster("a", connect_timeout=round_)}
            assert control.cache.apply(change, {}) == {"shop/web"}
            await settle(control, "shop/web")
        assert await second.stats("update_success$") == before
        assert await messages(second) == attempts
        assert await first.stat("cluster_manager.cds.update_success") >= 6


async def messages(running: Envoy) -> int:
    """Requests of every kind that this Envoy has sent on its stream, its ACKs among them."""
    return await running.stat("cluster_manager.cds.update_attempt")


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("absent", "TokenAbsent"),
        ("noise", "TokenMalformed"),
        ("other key", "KeyUnknown"),
        ("expired", "TokenExpired"),
        ("gone", "PodGone"),
    ],
)
async def test_envoy_that_cannot_prove_itself_gets_nothing(
    directory: Path, case: str, reason: str
) -> None:
    control = ControlPlane(directory)
    token = {
        "absent": None,
        "noise": "noise",
        "other key": ControlPlane(directory).token("web"),
        "expired": control.token("web", lifetime=-60),
        "gone": control.token("gone"),
    }[case]
    publish(control, "shop/web", world(xds_lab.free_port(), 1))
    async with (
        control.serving(),
        envoy(directory / "e", control, "shop/web", token) as web,
    ):
        await web.until("cluster.smi-control-plane.upstream_rq_total", 1)
        await web.until("cluster_manager.cds.update_failure", 1)
        assert f"closed: 16, {reason}" in web.log()
        assert not control.cache.acknowledgements()["shop/web"].connected
        assert await web.stat("cluster_manager.cds.update_success") == 0
        assert control.issued == 0


async def test_node_id_of_another_proxy_is_refused(directory: Path, upstream: int) -> None:
    control = ControlPlane(directory)
    publish(control, "shop/web", world(xds_lab.free_port(), upstream))
    async with (
        control.serving(),
        envoy(directory / "e", control, "shop/web", control.token("intruder")) as web,
    ):
        await web.until("cluster_manager.cds.update_failure", 1)
        assert "closed: 7, " in web.log()
        assert await web.stat("cluster_manager.cds.update_success") == 0


async def test_renewed_token_carries_on_where_the_old_one_ended(
    directory: Path, upstream: int
) -> None:
    control, port = ControlPlane(directory), xds_lab.free_port()
    publish(control, "shop/web", world(port, upstream))
    token = control.token("web", lifetime=2)
    async with control.serving(), envoy(directory / "e", control, "shop/web", token) as web:
        await web.until("listener_manager.lds.update_success", 1)
        await settle(control, "shop/web")
        renewed = directory / "e" / "renewed"
        renewed.write_text(control.token("web"))
        renewed.replace(directory / "e" / "secrets" / "token")
        await web.until("cluster.smi-control-plane.upstream_rq_total", 2)
        await connected(web, 2)
        await settle(control, "shop/web")
        assert "closed: 16, token expired" in web.log()
        assert await ask(port) == "hello"


async def test_svid_serves_tls_is_kept_over_a_reconnect_and_renewed_in_time(
    directory: Path, upstream: int
) -> None:
    control, port = ControlPlane(directory, lifetime=9.0), xds_lab.free_port()
    contents = world(port, upstream)
    contents[key(LDS, "in")] = xds_lab.listener("in", port, "web", tls=True)
    contents[key(SDS, "trust")] = xds_lab.trust("trust", control.authority.root.pem)
    publish(control, "shop/web", contents)
    trusting = ssl.create_default_context(cadata=control.authority.root.pem.decode())
    trusting.check_hostname = False
    async with envoy(directory / "e", control, "shop/web", control.token("web")) as web:
        async with control.serving():
            await web.until("sds.svid.update_success", 1)
            await settle(control, "shop/web")
            assert await ask(port, trusting) == "hello"
        async with control.serving():
            await connected(web, 2)
            await settle(control, "shop/web")
            assert (await web.stat("sds.svid.update_success"), control.issued) == (1, 1)
            await web.until("sds.svid.update_success", 2)
            assert control.issued == 2
            assert await ask(port, trusting) == "hello"
    for packed in control.cache._contents.values():
        assert b"PRIVATE" not in packed.body


async def test_removed_proxy_is_disconnected(directory: Path, upstream: int) -> None:
    control = ControlPlane(directory)
    publish(control, "shop/web", world(xds_lab.free_port(), upstream))
    async with (
        control.serving(),
        envoy(directory / "e", control, "shop/web", control.token("web")) as web,
    ):
        await web.until("listener_manager.lds.update_success", 1)
        control.cache.apply({}, {"shop/web": None})
        await web.until("cluster.smi-control-plane.upstream_rq_total", 2)
        assert "closed: 7, proxy is no longer known" in web.log()


async def test_envoys_pings_do_not_close_the_connection(directory: Path, upstream: int) -> None:
    control = ControlPlane(directory)
    publish(control, "shop/web", world(xds_lab.free_port(), upstream))
    async with (
        control.serving(),
        envoy(
            directory / "e", control, "shop/web", control.token("web"), ping_interval="1.1s"
        ) as web,
    ):
        await web.until("listener_manager.lds.update_success", 1)
        await asyncio.sleep(5)
        assert await web.stat("cluster.smi-control-plane.upstream_cx_total") == 1


def stream_method(
    channel: grpc.aio.Channel,
) -> grpc.aio.StreamStreamMultiCallable[bytes, bytes]:
    found: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
    found = channel.stream_stream(f"/{wire.SERVICE}/{wire.METHOD}")
    return found


async def answer_of(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> bytes:
    message = await call.read()
    assert isinstance(message, bytes)
    return message


async def test_burst_of_streams_is_accepted_whole(directory: Path) -> None:
    control = ControlPlane(directory)
    names = [f"p{n}" for n in range(1500)]
    contents = {key(EDS, "a"): xds_lab.endpoints("a", 1)}
    snapshot = Snapshot.of(contents)
    control.cache.apply(contents, {f"shop/{name}": snapshot for name in names})
    tokens = {name: control.token(name) for name in names}
    request = discovery_pb2.DeltaDiscoveryRequest(type_url=EDS, resource_names_subscribe=["a"])

    async with control.serving(), grpc.aio.insecure_channel(f"unix:{control.socket}") as channel:
        method = stream_method(channel)

        async def stream(name: str) -> None:
            call = method(metadata=(("authorization", tokens[name]),))
            request.node.CopyFrom(base_pb2.Node(id=f"shop/{name}"))
            await call.write(request.SerializeToString())
            answer = discovery_pb2.DeltaDiscoveryResponse.FromString(await answer_of(call))
            assert answer.resources[0].name == "a"
            call.cancel()

        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            for name in names:
                tasks.create_task(stream(name))


async def test_second_stream_of_a_proxy_replaces_the_first(directory: Path) -> None:
    control = ControlPlane(directory)
    contents = {key(EDS, "a"): xds_lab.endpoints("a", 1)}
    publish(control, "shop/web", contents)
    request = discovery_pb2.DeltaDiscoveryRequest(type_url=EDS, resource_names_subscribe=["a"])
    async with control.serving(), grpc.aio.insecure_channel(f"unix:{control.socket}") as channel:
        method = stream_method(channel)
        calls = []
        for _ in range(2):
            bearer = f"Bearer {control.token('web')}"
            calls.append(method(metadata=(("authorization", bearer),)))
            await calls[-1].write(request.SerializeToString())
            assert await answer_of(calls[-1])
        assert await calls[0].code() is grpc.StatusCode.ABORTED
        assert control.cache.acknowledgements()["shop/web"].connected
        assert control.issued == 1
        calls[1].cancel()
