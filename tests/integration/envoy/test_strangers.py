"""Who is taken for whom by what a TLS handshake shows."""

import asyncio
import itertools
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import NamedTuple

import pytest
import pytest_asyncio

from smi.model.identity import PodUid
from smi.model.inbound import Mode
from smi.model.mesh import Mesh
from smi.model.workload import Workload
from smi_envoy.ca import authority, store
from smi_envoy.ca.authority import Root
from smi_envoy.translate import names
from tests import builders as a
from tests.integration.envoy import certificates, frames, harness, http2_attacks, raw, speech
from tests.integration.envoy.callers import (
    AS_FRONT,
    AS_SOMEBODY,
    BLUE,
    FRONTS,
    INTRUDER,
    Caller,
    callers,
)
from tests.integration.envoy.certificates import Certificate
from tests.integration.envoy.harness import BANNER, Lab, Loopback, lab
from tests.integration.envoy.raw import Door, Outcome

pytestmark = pytest.mark.envoy

HTTP, TCP = 8080, 5432
AT_ONCE = 6
MODES = {mode: a.name(f"{mode}-0") for mode in Mode}


def world(loopback: Loopback) -> Mesh:
    """A pod in each mode, whose port 8080 `front` and a pod may GET /api of, and dial 5432."""
    pods = [
        a.workload(
            f"{mode}-0", mode, address=loopback.address(), detours=loopback.detours(HTTP, TCP)
        )
        for mode in Mode
    ]
    front = a.workload("front-0", "front", address=loopback.address())
    get = a.match("/api", ["GET"])
    rules = [
        a.rule("requests", "front", http=[get], ports=[HTTP], pods=[BLUE]),
        a.rule("bytes", "front", ports=[TCP], pods=[BLUE]),
    ]
    inbounds = [a.inbound(a.group(mode), *rules, mode=mode) for mode in Mode]
    return a.mesh([*pods, front], inbounds=inbounds)


class _Speaking(Lab):
    """Owns pods that speak HTTP of both versions on one port, and speak first on another."""

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for port, detour in workload.loopback.detours.items():
            app = harness.banner if port == TCP else speech.application
            await stack.enter_async_context(app(str(workload.name), detour.application))


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Lab]:
    async with lab() as found:
        own = _Speaking(found.state, found.backend, found.banners)
        try:
            await own.publish(world(Loopback()))
            yield own
        finally:
            await own.close()


def tls(running: Lab, caller: Caller, alpn: str) -> ssl.SSLContext | None:
    """How `caller` opens a connection."""
    if caller.is_plain:
        return None
    chain = []
    if caller.shows:
        root = own_root(running)
        chain = [caller.shows.signed(root, harness.clock()), *caller.shows.chain]
    return certificates.client(*chain, alpn=alpn, highest=caller.highest)


def own_root(running: Lab) -> Root:
    """The mesh's CA."""
    now = harness.clock().timestamp()
    return store.load_roots(running.state, harness.TRUST_DOMAIN, lambda: now)[0]


def door(running: Lab, mode: Mode, port: int, caller: Caller) -> Door:
    """One port of the pod in a mode."""
    pod = running.mesh.workloads[MODES[mode]]
    assert pod.loopback is not None
    sni = caller.http_sni if port == HTTP else server_name(caller)
    alpn = caller.alpn
    return Door(pod.address, pod.loopback.detours[port].inbound, tls(running, caller, alpn), sni)


def server_name(caller: Caller) -> str:
    """The name under which the pod that `caller` says it is opens connections, as it writes it."""
    uids = caller.shows.dns if caller.shows else ()
    name = names.tcp_sni(PodUid(uids[0] if uids else "nobody"))
    return caller.tcp_sni.replace("{upper}", name.upper()).replace("{}", name)


async def over_http(running: Lab, mode: Mode, caller: Caller) -> str:
    """What becomes of `caller` at the door for HTTP."""
    to = door(running, mode, HTTP, caller)
    ask = _asked_h2 if caller.speaks_h2 else _asked
    match await ask(to, "/api"), await ask(to, "/secret"):
        case 200, 403:
            return "front"
        case 403, 403:
            return "denied"
        case 200, 200:
            return "open"
        case 503, 503:
            return "unavailable"
        case 0 | 400, 0 | 400:
            return "out"
        case statuses:
            return str(statuses)


async def _asked(to: Door, path: str) -> int:
    answer = await raw.send(to, f"GET {path} HTTP/1.1\r\nhost: web.shop\r\n\r\n".encode())
    assert not answer.is_hang
    return answer.statuses[0] if answer.statuses else 0


async def _asked_h2(to: Door, path: str) -> int:
    request = frames.headers(http2_attacks.but(":path", path))
    answer = await raw.send(
        to, frames.opening() + request, is_answer=lambda text: frames.told(text).is_something
    )
    assert not answer.is_hang
    return frames.told(answer.data).statuses.get(1, 0)


async def over_tcp(running: Lab, mode: Mode, caller: Caller) -> str:
    """What becomes of `caller` at the door for bytes."""
    found = await raw.send(door(running, mode, TCP, caller), patience=8)
    if found.is_hang:
        return "hangs"
    return "in" if found.data.startswith(BANNER) else "out"


async def test_callers_are_taken_for_whom_the_table_says(running: Lab) -> None:
    now = harness.clock()
    own, foreign = own_root(running), authority.new_root(harness.TRUST_DOMAIN, now.timestamp())
    table = callers(own, foreign, FRONTS.signed(own, now))
    found: dict[tuple[str, Mode], tuple[str, str]] = {}
    room = asyncio.Semaphore(AT_ONCE)

    async def try_both(name: str, mode: Mode) -> None:
        async with room:
            bytes_ = await over_tcp(running, mode, table[name])
            found[name, mode] = await over_http(running, mode, table[name]), bytes_

    async with asyncio.TaskGroup() as tasks:
        for name, mode in itertools.product(table, Mode):
            tasks.create_task(try_both(name, mode))
    wanted = {
        (name, mode): caller.verdict.strict if mode is Mode.STRICT else caller.verdict.otherwise
        for (name, caller), mode in itertools.product(table.items(), Mode)
    }
    assert found == wanted


async def test_name_of_the_other_protocol_is_judged_by_its_own_rules(running: Lab) -> None:
    request = b"GET /api HTTP/1.1\r\nhost: web.shop\r\n\r\n"
    front, intruder = Caller(AS_FRONT, FRONTS), Caller(AS_SOMEBODY, Certificate((INTRUDER,)))
    bytes_of_requests = door(running, Mode.STRICT, HTTP, front)._replace(sni=server_name(front))
    assert await raw.send(bytes_of_requests, request) == Outcome(b"", closed=True)
    for caller, status in ((intruder, 403), (front, 502)):  # the banner is no answer to a request
        to = door(running, Mode.STRICT, TCP, caller)._replace(sni=caller.http_sni)
        assert (await raw.send(to, request)).statuses == [status]


@pytest.mark.parametrize("port", [HTTP, TCP])
async def test_no_session_is_resumed_so_that_every_connection_is_judged(
    running: Lab, port: int
) -> None:
    """Without tickets there is no early data either."""
    to = door(running, Mode.STRICT, port, Caller(AS_FRONT, FRONTS))
    first = await asyncio.to_thread(handshake, to, None)
    assert (first.answer[:3], first.has_ticket) == (ANSWERS[port], False)
    nobody = [a.inbound(a.group(mode), mode=mode) for mode in Mode]
    mesh = replace(running.mesh, inbound={each.group: each for each in nobody})
    await running.publish(mesh)
    second = await asyncio.to_thread(handshake, to, first.session)
    assert not second.resumed
    assert b"200" not in second.answer
    assert BANNER not in second.answer


ANSWERS = {HTTP: b"HTT", TCP: BANNER[:3]}


class Shaken(NamedTuple):
    """A TLS connection, and what was answered to a request over it."""

    session: ssl.SSLSession | None
    has_ticket: bool
    resumed: bool
    answer: bytes


def handshake(to: Door, session: ssl.SSLSession | None) -> Shaken:
    """Connect, with the session of an earlier connection, and ask for what `front` may."""
    assert to.tls is not None
    with (
        socket.create_connection((to.address, to.port), raw.PATIENCE) as plain,
        to.tls.wrap_socket(plain, server_hostname=to.sni, session=session) as wrapped,
    ):
        try:
            wrapped.sendall(b"GET /api HTTP/1.1\r\nhost: web.shop\r\n\r\n")
            answer = wrapped.recv(65536)
        except OSError:
            answer = b""
        found = wrapped.session
        ticket = found is not None and found.has_ticket
        return Shaken(found, ticket, bool(wrapped.session_reused), answer)
