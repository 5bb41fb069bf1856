"""Both ends of a connection through two sidecars: each says and hears by its part of a script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from smi.model.inbound import Mode
from smi.model.mesh import Mesh
from smi.model.service import AppProtocol
from tests import builders as a
from tests.integration.envoy.harness import Lab, Loopback, lab

FRONT, WEB = a.name("front-0"), a.name("web-0")
PORT = 80
PATIENCE = 10.0  # seconds; what is said arrives within some milliseconds
QUIET = 0.2  # seconds without a byte: nothing more is to come
LIMIT = 2**23


class Until(NamedTuple):
    """Hear all up to and with `end`."""

    end: bytes


class Pause(NamedTuple):
    """Do nothing for some seconds."""

    seconds: float


class Close(NamedTuple):
    """Say no more; the other side may."""


Step = bytes | Until | Pause | Close
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def world(loopback: Loopback, speaks: AppProtocol, mode: Mode = Mode.STRICT) -> Mesh:
    """`front` may send anything to `web`, whose port is declared as it `speaks`."""
    detours = loopback.detours(8080)
    web = a.workload("web-0", "web", address=loopback.address(), detours=detours)
    doors = {("web", PORT): 15080}
    front = a.workload("front-0", "front", address=loopback.address(), services=doors)
    route = a.route("web", PORT, speaks=speaks)
    return a.mesh(
        workloads=[web, front],
        services=[a.service("web", PORT, [web], target=8080, speaks=speaks)],
        routes=[route],
        inbounds=[a.inbound(a.group("web"), a.rule("web", "front"), mode=mode)],
        outbounds={"front": [route]},
    )


@asynccontextmanager
async def vacant(speaks: AppProtocol, mode: Mode = Mode.STRICT) -> AsyncIterator[Lab]:
    """That world, in which `web` has no application yet."""
    async with lab() as running:
        await running.publish(world(Loopback(), speaks, mode))
        await running.apps[WEB].aclose()
        yield running


def application_port(running: Lab) -> int:
    """Where the application of `web` is to listen."""
    loopback = running.mesh.workloads[WEB].loopback
    assert loopback is not None
    return loopback.detours[8080].application


def door(running: Lab) -> tuple[str, int]:
    """Where `front` reaches `web`."""
    return running.door(FRONT, a.name("web"), PORT)


@asynccontextmanager
async def serving(running: Lab, serve: Serve) -> AsyncIterator[None]:
    """An application in the place of `web`'s."""
    writers: set[asyncio.StreamWriter] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)
        finally:
            writers.discard(writer)
            writer.close()

    port = application_port(running)
    server = await asyncio.start_server(served, "127.0.0.1", port, limit=LIMIT)
    try:
        yield
    finally:
        server.close()
        for writer in tuple(writers):
            writer.transport.abort()
        await server.wait_closed()


async def dialled(running: Lab) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of `front` to `web`."""
    return await asyncio.open_connection(*door(running), limit=LIMIT)


async def follow(
    script: Sequence[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    """Say and hear by `script`; all that was heard, up to where the other side went silent."""
    heard = b""
    try:
        async with asyncio.timeout(PATIENCE):
            for step in script:
                match step:
                    case Until(end):
                        heard += await reader.readuntil(end)
                    case Pause(seconds):
                        await asyncio.sleep(seconds)
                    case Close():
                        writer.write_eof()
                    case said:
                        writer.write(said)
                        await writer.drain()
    except asyncio.IncompleteReadError as end:
        return heard + end.partial + b"<end>"
    except (OSError, TimeoutError) as error:
        return heard + repr(error).encode()
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(QUIET):
            while data := await reader.read(LIMIT):
                heard += data
    return heard
