"""Bytes that nobody thought of: thousands of them, from a seed, at every door."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from tests.integration.envoy import frames, http1_attacks, http2_attacks, raw, strict
from tests.integration.envoy.ledger import Ledger, ledger
from tests.integration.envoy.raw import Door, Outcome, http2_door
from tests.integration.envoy.witness import DOOR, SERVER

pytestmark = pytest.mark.envoy

AT_ONCE = 48
ENOUGH = 40.0  # seconds of a run, whatever was tried by then
LEAST = 1500  # sequences of a run, on a machine that others use too
MOST = 4000
SILENCE = 0.4  # seconds, for what may be the beginning of a request

PIECES = (
    *(b"\r", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\0", b"\t", b" ", b":", b"/", b"..", b"%2f"),
    *(b"\x0b", b"\x7f", b"\xff", b";", b",", b"0\r\n\r\n", b"FFFFFFFF", b"-1", b"+1", b"0x"),
    *(b"GET", b"POST", b"CONNECT", b"/api", b"/secret", b"HTTP/1.1", b"HTTP/1.0", b"http://"),
    *(b"host: web.shop\r\n", b"content-length: 9\r\n", b"transfer-encoding: chunked\r\n"),
    *(b"connection: upgrade\r\n", b"upgrade: websocket\r\n", b"x-tenant: blue\r\n"),
    *(http1_attacks.HIDDEN, frames.PREFACE),
)

Change = Callable[[random.Random, bytes], bytes]


def _put(rng: random.Random, text: bytes) -> bytes:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(PIECES) + text[at:]


def _cut(rng: random.Random, text: bytes) -> bytes:
    start, size = rng.randrange(len(text) + 1), rng.choice((1, 1, 2, 8, 30))
    return text[:start] + text[start + size :]


def _flip(rng: random.Random, text: bytes) -> bytes:
    if not text:
        return text
    at = rng.randrange(len(text))
    return text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :]


def _again(rng: random.Random, text: bytes) -> bytes:
    start, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    return text[:end] + text[start:]


CHANGES: tuple[Change, ...] = (_put, _put, _cut, _flip, _again)


def changed(rng: random.Random, text: bytes) -> bytes:
    """`text`, changed in one place or some."""
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        text = rng.choice(CHANGES)(rng, text)
    return text


def sequences(rng: random.Random) -> Iterator[tuple[bool, bytes]]:
    """Bytes without end, and whether they are meant as HTTP/2."""
    first = [data for _, data in http1_attacks.cases() if len(data) < 2000]
    second = [data for _, data in http2_attacks.cases() if len(data) < 2000]
    while True:
        match rng.randrange(10):
            case 0:
                yield True, frames.PREFACE + changed(rng, rng.choice(second))
            case 1 | 2 | 3:
                yield True, frames.opening() + b"".join(_requests(rng))
            case _:
                yield False, changed(rng, rng.choice(first))


def _requests(rng: random.Random) -> Iterator[bytes]:
    """Well-formed frames with the heads of some requests, which are not."""
    for stream in range(1, 2 * rng.randint(1, 3), 2):
        pairs = list(rng.choice((http2_attacks.BASE, http2_attacks.FORM, http2_attacks.DENIED)))
        for _ in range(rng.choice((0, 1, 1, 2))):
            at = rng.randrange(len(pairs))
            name, value = (frames.as_bytes(text) for text in pairs[at])
            match rng.randrange(5):
                case 0:
                    pairs[at] = changed(rng, name), value
                case 1 | 2:
                    pairs[at] = name, changed(rng, value)
                case 3:
                    pairs.insert(rng.randrange(len(pairs)), (name, value))
                case _:
                    pairs.insert(at, pairs.pop(rng.randrange(len(pairs))))
        yield frames.headers(pairs, stream=stream)


def is_finished(text: bytes) -> bool:
    """Whether `text` begins with a whole request of HTTP/1, strictly read.

    The body of one that asks for another protocol waits for the answer, which waits for the body.
    """
    try:
        head, rest = strict.head(text)
        if head is None or head.values("upgrade"):
            return False
        return strict.body(head, rest)[0] is not None
    except strict.Unreadable:
        return False


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Ledger]:
    async with ledger() as found:
        yield found


async def fuzz(running: Ledger, caller: str, rng: random.Random) -> Counter[str]:
    """Send sequences as `caller`, to both doors; what came of them by kind."""
    doors = {
        (way, is_h2): (http2_door if is_h2 else raw.door)(running, way, caller)
        for way in (DOOR, SERVER)
        for is_h2 in (True, False)
    }
    counts: Counter[str] = Counter()
    end, tried = time.monotonic() + ENOUGH / 2, sequences(rng)

    async def try_some() -> None:
        while time.monotonic() < end and counts.total() < MOST / 2:
            is_h2, text = next(tried)
            to = doors[rng.choice((DOOR, SERVER)), is_h2]
            counts[await kind(to, text, is_h2=is_h2)] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(try_some())
    return counts


async def kind(to: Door, text: bytes, *, is_h2: bool) -> str:
    """What became of one sequence."""
    patience = raw.PATIENCE if is_h2 or is_finished(text) else SILENCE
    is_answer = _is_http2_answer if is_h2 else bool
    found = await raw.send(to, text, patience=patience, is_answer=is_answer)
    if found.closed and not found.data:
        return "closed"
    return _http2_kind(found) if is_h2 else _http1_kind(found, text)


def _http1_kind(found: Outcome, text: bytes) -> str:
    if found.is_hang:
        assert not is_finished(text), text
        return "waits"
    assert found.statuses or frames.told(found.data) or found.closed, (text, found.data)
    assert all(s in {100, 101, 200, 501, 505} or 400 <= s < 500 for s in found.statuses), (
        text,
        found,
    )
    return f"{found.statuses[0] // 100}xx" if found.statuses else "closed"


def _is_http2_answer(data: bytes) -> bool:
    return frames.told(data).is_something


def _http2_kind(found: Outcome) -> str:
    said = frames.told(found.data)
    first = next(iter(said.statuses.values()), 0)
    return f"{first // 100}xx over HTTP/2" if first else "refused over HTTP/2"


@pytest.mark.parametrize("caller", ["front", "intruder"])
async def test_no_bytes_make_an_application_see_what_is_not_granted(
    running: Ledger, seed: int, caller: str
) -> None:
    rng = random.Random(f"{seed} {caller}")
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails
    counts = await fuzz(running, caller, rng)
    seen = len(running.seen)
    print(dict(counts), seen)  # noqa: T201
    assert running.judge(caller) == []
    assert counts.total() >= LEAST / 2
    if caller == "intruder":
        assert (seen, running.received) == (0, 0)
        assert not counts.keys() & {"2xx", "2xx over HTTP/2"}
    else:
        assert min(counts["2xx"], counts["4xx"], counts["2xx over HTTP/2"]) > 20, counts
    after = await raw.send(
        raw.door(running, SERVER, "front"), b"GET /api HTTP/1.1\r\nhost: web.shop\r\n\r\n"
    )
    assert after.statuses == [200]
