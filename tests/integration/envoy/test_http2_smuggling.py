"""Nothing reaches an application that `decide` does not allow, whatever frames say it."""

import asyncio
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.envoy import frames, http2_attacks, raw
from tests.integration.envoy.frames import frame, headers, opening
from tests.integration.envoy.ledger import WEB, Ledger, ledger
from tests.integration.envoy.raw import Door, http2_door
from tests.integration.envoy.witness import DOOR, SERVER, Way

pytestmark = pytest.mark.envoy

AT_ONCE = 32
WAYS = [pytest.param(way, id=way.name) for way in (DOOR, SERVER)]
ANSWERED = {100, 200, 501} | set(range(400, 500))
GROWTH = 400_000_000  # bytes; the requests of one read take some 15 KB each until all are answered


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Ledger]:
    async with ledger() as found:
        yield found


async def told(to: Door, data: bytes) -> frames.Told:
    """What is answered to a connection's bytes; a connection that ends is an answer."""
    found = await raw.send(to, data, is_answer=lambda text: frames.told(text).is_something)
    said = frames.told(found.data)
    return said._replace(gone=said.gone or found.closed)


async def told_all(running: Ledger, way: Way, caller: str) -> dict[str, frames.Told]:
    """What is answered to every case."""
    to, room, found = http2_door(running, way, caller), asyncio.Semaphore(AT_ONCE), {}

    async def say(name: str, data: bytes) -> None:
        async with room:
            found[name] = await told(to, data)

    async with asyncio.TaskGroup() as tasks:
        for name, data in http2_attacks.cases():
            tasks.create_task(say(name, data))
    return found


@pytest.mark.parametrize("way", WAYS)
async def test_frames_that_two_might_read_differently_are_refused(
    running: Ledger, way: Way
) -> None:
    found = await told_all(running, way, "front")
    seen = len(running.seen)
    assert running.judge("front") == []
    statuses = Counter(status for each in found.values() for status in each.statuses.values())
    assert set(statuses) <= ANSWERED, statuses
    assert 20 < statuses[200] <= seen
    assert statuses[403] > 20
    assert {name for name, each in found.items() if not each.is_something} == set()


@pytest.mark.parametrize("way", WAYS)
async def test_caller_without_a_grant_reaches_no_application_in_any_frames(
    running: Ledger, way: Way
) -> None:
    found = await told_all(running, way, "intruder")
    assert (running.seen, running.unreadable, running.received) == ([], [], 0)
    assert {name for name, each in found.items() if not each.is_something} == set()
    assert not {s for each in found.values() for s in each.statuses.values()} & {101, 200}


OK = b"\x88"  # :status 200, as HPACK abbreviates it
HEAD = headers(http2_attacks.BASE)
ENDLESS = frame(frames.HEADERS, frames.block(http2_attacks.BASE), frames.END_STREAM, 1)
UNENDED = http2_attacks.unended(http2_attacks.FORM)
FLOODS = {
    "pieces of a head": ENDLESS
    + frame(frames.MORE, frames.block([("x", "y" * 900)]), 0, 1) * 20_000,
    "empty pieces of a head": ENDLESS + frame(frames.MORE, b"", 0, 1) * 50_000,
    "settings": frame(frames.SETTINGS, struct.pack(">HI", 3, 100)) * 50_000,
    "pings": frame(frames.PING, b"12345678") * 50_000,
    "priorities": frame(frames.PRIORITY, b"\0\0\0\0\x10", stream=3) * 50_000,
    "empty data": UNENDED + frame(frames.DATA, b"", 0, 1) * 50_000,
    "windows": HEAD + frame(frames.WINDOW, b"\0\0\0\1") * 50_000,
    "unknown frames": frame(0xBE, b"x" * 1000) * 20_000,
    "resets": b"".join(
        headers(http2_attacks.BASE, stream=n) + frame(frames.RST_STREAM, b"\0\0\0\x08", stream=n)
        for n in range(1, 20_000, 2)
    ),
    "resets of what is denied": b"".join(
        headers(http2_attacks.DENIED, stream=n) + frame(frames.RST_STREAM, b"\0\0\0\x08", stream=n)
        for n in range(1, 20_000, 2)
    ),
    "streams": b"".join(
        headers(http2_attacks.FORM, stream=n, flags=frames.END_HEADERS) for n in range(1, 20_000, 2)
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_no_application_meets_more_streams_at_once_than_it_takes(
    running: Ledger, way: Way
) -> None:
    # The application takes 100, which it says after all have been sent.
    running.hesitates = 0.3
    streams = range(1, 1200, 2)
    heads = b"".join(
        headers(http2_attacks.FORM, stream=n, flags=frames.END_HEADERS) for n in streams
    )
    bodies = b"".join(frames.data(b"", stream=n) for n in streams)
    for _ in range(3):
        found = await raw.send(
            http2_door(running, way, "front"),
            opening() + heads,
            bodies,
            is_answer=lambda text: text.count(OK) >= len(streams),
        )
        assert running.judge("front") == []
        assert frames.told(found.data).statuses == dict.fromkeys(streams, 200)


def memory(running: Ledger) -> int:
    """Bytes that the server's sidecar has in memory."""
    statm = Path(f"/proc/{running.envoys[WEB].pid}/statm").read_text().split()
    return int(statm[1]) * 4096


@pytest.mark.parametrize("way", WAYS)
async def test_flood_of_frames_ends_itself_and_holds_up_nobody(running: Ledger, way: Way) -> None:
    to, other = http2_door(running, way, "front"), Door(*SERVER.to(running, "front"))
    before, slowest = memory(running), 0.0

    async def flood(name: str) -> None:
        found = await raw.send(to, opening(), FLOODS[name], patience=1)
        assert frames.told(found.data).statuses.keys() <= {1} or name in {"resets", "streams"}

    async def others(flooding: asyncio.Task[None]) -> float:
        worst = 0.0
        while not flooding.done():
            asked = time.monotonic()
            found = await raw.send(other, b"GET /api HTTP/1.0\r\nhost: web.shop\r\n\r\n")
            assert found.statuses == [200]
            worst = max(worst, time.monotonic() - asked)
        return worst

    for name in FLOODS:
        async with asyncio.TaskGroup() as tasks:
            flooding = tasks.create_task(flood(name))
            worst = tasks.create_task(others(flooding))
        slowest = max(slowest, worst.result())
    assert running.judge("front") == []
    assert slowest < 2
    assert memory(running) - before < GROWTH
