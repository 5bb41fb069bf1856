"""The admin socket of a proxy: questions to it, and the end of its life."""

import asyncio
import json
from pathlib import Path

import aiohttp

from smi_envoy.bootstrap import ADMIN_SOCKET

PATIENCE = aiohttp.ClientTimeout(total=2.0)  # it is a neighbour, and answers in milliseconds

FINISHING = 5.0  # seconds that what is under way may take to end
POLL = 0.05

# For so long nothing has to be under way: a caller's sidecar that has just accepted that this pod
# is none of its endpoints may have a request on its way all the same.
QUIET = 0.5

# Requests and TCP connections that peers have under way.
_UNDER_WAY = (
    r"/stats?format=json&filter="
    r"^http\.inbound.*downstream_rq_active$|^tcp\.inbound.*downstream_cx_active$"
)


async def ask(directory: Path, path: str) -> str | None:
    """What the proxy in `directory` answers, or `None` where none does."""
    return await _request("GET", directory, path)


async def drain(directory: Path) -> None:
    """Let the proxy in `directory` finish what peers have under way, and take nothing new.

    Its own application may go on calling. Returns when it is done, or after 5 s.
    """
    await _request("POST", directory, "/healthcheck/fail")
    await _request("POST", directory, "/drain_listeners?inboundonly&graceful")
    try:
        async with asyncio.timeout(FINISHING):
            quiet = 0.0
            while quiet < QUIET:
                quiet = 0.0 if await _under_way(directory) else quiet + POLL
                await asyncio.sleep(POLL)
    except TimeoutError:
        return


async def _under_way(directory: Path) -> int:
    answer = await ask(directory, _UNDER_WAY)
    if answer is None:
        return 0
    return sum(stat.get("value", 0) for stat in json.loads(answer)["stats"])


async def _request(method: str, directory: Path, path: str) -> str | None:
    connector = aiohttp.UnixConnector(str(directory / ADMIN_SOCKET))
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=PATIENCE) as session,
            session.request(method, f"http://envoy{path}") as response,
        ):
            return await response.text() if response.ok else None
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
