"""A stream that ends while a turn is under way leaves nothing behind and holds nothing up."""

import asyncio
import contextlib
import json
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from smi_envoy.xds.resources import ResourceKey, TypeUrl
from smi_envoy.xds.snapshot import Snapshot
from tests.integration.envoy import xds_lab
from tests.integration.envoy.xds_lab import ControlPlane, Envoy, envoy, key

CDS, EDS, SDS, LDS, RDS = TypeUrl

pytestmark = pytest.mark.envoy

PROXY = "shop/web"
SOON = 4.0  # seconds; a reconnect takes one at most, and a gate that stays shut five more
AFTER_REFUSALS = 20.0  # seconds; Envoy's backoff grows while nobody listens
TAKEN = 0.05  # seconds until a stream has looked at a change
CUTS = (0.0, 0.001, 0.002, 0.004, 0.008, 0.016)  # seconds from the removal to the end of the stream

World = dict[ResourceKey, bytes]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, since the path of a Unix socket has room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="xds-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def part(name: str, port: int, version: int) -> World:
    """A listener, its route, its cluster and the endpoints of that, in one of many versions."""
    return {
        key(CDS, name): xds_lab.cluster(name, connect_timeout=version),
        key(EDS, name): xds_lab.endpoints(name, version),
        key(LDS, name): xds_lab.listener(name, port, name),
        key(RDS, name): xds_lab.routes(name, name, prefix=f"/{version}"),
    }


class Published:
    """Owns what one proxy must have."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._world: World = {}

    def be(self, *parts: World) -> None:
        world = {k: body for part in parts for k, body in part.items()}
        gone = {k: None for k in self._world if k not in world}
        self._control.cache.apply({**world, **gone}, {PROXY: Snapshot.of(world)})
        self._world = world

    def names(self, type_url: TypeUrl) -> set[str]:
        return {str(k.name) for k in self._world if k.type_url is type_url}

    async def settle(self, limit: float = SOON) -> None:
        late = await self._control.cache.settled([PROXY], limit, absent=True)
        assert late == frozenset()


async def held(running: Envoy) -> tuple[set[str], set[str]]:
    """The names of all dynamic clusters and listeners, whatever their state."""
    dump = json.loads(await running.admin("/config_dump"))["configs"]
    clusters = {
        entry["cluster"]["name"]
        for config in dump
        for state in ("dynamic_active_clusters", "dynamic_warming_clusters")
        for entry in config.get(state, ())
    }
    listeners = {
        entry["name"]
        for config in dump
        for entry in config.get("dynamic_listeners", ())
        if "active_state" in entry or "warming_state" in entry
    }
    return clusters, listeners


@contextlib.asynccontextmanager
async def running(directory: Path, control: ControlPlane) -> AsyncIterator[Envoy]:
    async with envoy(directory / "e", control, PROXY, control.token("web")) as web:
        yield web


def cut(control: ControlPlane) -> None:
    """End the proxy's stream; it comes again after its backoff."""
    control.cache.detach(PROXY, control.cache.attach(PROXY))


@contextlib.contextmanager
def stopped(process: asyncio.subprocess.Process) -> Iterator[None]:
    """It reads and answers nothing meanwhile."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def test_stream_that_ends_while_things_are_removed_leaves_none_of_them_behind(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    control, ports = ControlPlane(directory), [xds_lab.free_port() for _ in range(2)]
    published = Published(control)
    async with control.serving(), running(directory, control) as web:
        for version, delay in enumerate(CUTS, 1):
            published.be(part("a", ports[0], version), part("b", ports[1], version))
            await published.settle()
            published.be(part("a", ports[0], version + 1))
            await asyncio.sleep(delay)
            cut(control)
            await published.settle()
            assert await held(web) == (published.names(CDS), published.names(LDS))
    assert "gate lifted" not in caplog.messages


async def test_endpoints_that_flap_before_a_slow_proxy_answers_hold_no_removal_up(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    control, ports = ControlPlane(directory), [xds_lab.free_port() for _ in range(2)]
    published = Published(control)
    async with control.serving(), running(directory, control) as web:
        published.be(part("a", ports[0], 1), part("b", ports[1], 1))
        await published.settle()
        with stopped(web.process):
            now = part("a", ports[0], 2)
            for endpoints in (2, 3, 2):
                flapped = {key(EDS, "a"): xds_lab.endpoints("a", endpoints)}
                published.be(now, flapped, part("b", ports[1], 1))
                await asyncio.sleep(TAKEN)
            published.be(now)
            await asyncio.sleep(TAKEN)
        await published.settle()
        assert await held(web) == ({"a"}, {"a"})
    assert "gate lifted" not in caplog.messages


async def test_control_plane_that_starts_anew_tells_what_it_has_never_heard_of(
    directory: Path,
) -> None:
    control, ports = ControlPlane(directory), [xds_lab.free_port() for _ in range(2)]
    async with running(directory, control) as web:
        async with control.serving():
            before = Published(control)
            before.be(part("a", ports[0], 1), part("b", ports[1], 1))
            await before.settle()
            before.be(part("a", ports[0], 2))
        control.cache = type(control.cache)()
        after = Published(control)
        after.be(part("a", ports[0], 3))
        async with control.serving():
            await after.settle(AFTER_REFUSALS)
            assert await held(web) == ({"a"}, {"a"})
