"""Where many requests of a kind arrive, against the shares that `decide` gives."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from fractions import Fraction

from smi.decision.decide import Decision
from smi.decision.judge import Verdict
from smi.decision.request import Request
from smi.model.mesh import Mesh
from tests import chance
from tests.integration.envoy import http2
from tests.integration.envoy.speech import Answer, Dialled
from tests.integration.envoy.verdicts import pods_of

AT_ONCE = 8
FALSE_ALARM = 1e-9  # of one distribution; runs judge fewer than a thousand

TIMES, ALARM = 6000, 1e-6
"""Requests, and rate of false alarms, that tell 70/30 from 75/25 (`tests/unit/test_chance.py`)."""

PIPELINED = 100


def expected(mesh: Mesh, request: Request, decision: Decision) -> dict[str, Fraction]:
    """The share of each pod, and of the refusal where some refuse."""
    refusal = "403" if request.is_http else "0"
    shares: dict[str, Fraction] = {}
    for destination in decision.destinations:
        pods = pods_of(mesh, destination)
        for pod in pods:
            at = pod if destination.judgement.verdict is Verdict.ALLOW else refusal
            shares[at] = shares.get(at, Fraction()) + destination.share / len(pods)
    return shares


async def surprises(
    send: Callable[[], Awaitable[Answer]], shares: Mapping[str, Fraction], times: int
) -> list[str]:
    """What of about `times` answers chance does not explain."""
    heard = await on_new_connections(send, times)
    return chance.surprises(heard, shares, FALSE_ALARM)


async def on_new_connections(send: Callable[[], Awaitable[Answer]], times: int) -> Counter[str]:
    """Who answers about `times` requests, each of which `send` sends on its own."""
    heard: Counter[str] = Counter()

    async def one() -> None:
        answer = await send()
        heard[answer.pod or str(answer.status)] += 1

    for _ in range(max(1, times // AT_ONCE)):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(one())
    return heard


async def on_one_connection(to: Dialled, request: Request, host: str, times: int) -> Counter[str]:
    """Who answers `times` requests that follow each other on one HTTP/1 connection."""
    lines = [f"{request.method} {request.path} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    said, heard = "\r\n".join([*lines, "", ""]).encode(), Counter[str]()
    reader, writer = await asyncio.open_connection(to.address, to.port)
    try:
        for _ in range(times // PIPELINED):
            writer.write(said * PIPELINED)
            for _ in range(PIPELINED):
                heard[await _answered(reader)] += 1
    finally:
        writer.transport.abort()
    return heard


async def _answered(reader: asyncio.StreamReader) -> str:
    """The pod that answers, or the status of a failure."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    await reader.readexactly(int(headers.get("content-length", "0")))
    return headers.get("x-pod", head[0].split()[1])


async def on_one_http2_connection(to: Dialled, host: str, path: str, times: int) -> Counter[str]:
    """Who answers `times` requests of one HTTP/2 connection, some of them at once."""
    heard: Counter[str] = Counter()
    async with http2.connected(to.address, to.port) as connection:
        for _ in range(times // PIPELINED):
            told = await connection.ask(*[(host, path)] * PIPELINED)
            heard.update(answer.pod or str(answer.status) for answer in told)
    return heard
