"""Certificates end, and roots and trust domains change, while everything goes on."""

import asyncio
import json
import os
import random
import signal
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from smi.decision.request import Protocol, Request
from smi.k8s.resource import NamespacedName
from smi.model.identity import spiffe_id
from smi.standalone.addressing import Machine
from smi_envoy import admin
from smi_envoy.backend import EnvoyBackend, Lifetimes
from smi_envoy.ca import store
from smi_envoy.ca.authority import Authority, Root, new_root
from smi_envoy.ca.rollover import HANDSHAKE, Phase
from smi_envoy.translate import names
from tests import builders as a
from tests.integration.envoy import harness, lasting, speech, town
from tests.integration.envoy.control_plane import acked
from tests.integration.envoy.harness import TRUST_DOMAIN
from tests.integration.envoy.lasting import Lasting
from tests.integration.envoy.load import Client, Load, load
from tests.integration.envoy.speech import Dialled
from tests.integration.envoy.test_restart import accepted, control_plane, put
from tests.integration.envoy.town import Town

pytestmark = pytest.mark.envoy

FRONT, WEB, DB, IDLE = (a.name(f"{name}-0") for name in ("front", "web", "db", "idle"))
CLIENTS = [Client(FRONT, f"http://web.shop/{n}", keeps=n != 2) for n in range(3)]
SOON = 8.0  # seconds after which a root is to be replaced
ROLLS = 60.0  # seconds that a rollover may take


def now() -> float:
    """The real time."""
    return harness.clock().timestamp()


def documents() -> list[town.Document]:
    """`front` calls `web` over HTTP and `db` over TCP; `idle` does nothing."""
    return [
        *town.app("front"),
        *town.app("web"),
        *town.app("db"),
        *town.app("idle"),
        town.bytes_service("bytes", "db"),
        town.routes("all"),
        town.grant("web", "web", ["front"]),
        *town.bytes_grant("db", "db", ["front"]),
    ]


def aged(life: float = 600.0) -> Root:
    """A root of which two thirds are over soon."""
    return new_root(TRUST_DOMAIN, now() + SOON - life * 2 / 3, life)


@dataclass(frozen=True, slots=True)
class Traffic:
    """All that goes on at the same time."""

    asked: Load
    stream: Lasting
    connection: Lasting

    def has_not_noticed(self) -> bool:
        """Whether nothing failed and nothing was cut."""
        assert self.asked.failures() == []
        assert (self.stream.end, self.connection.end) == ("", "")
        assert min(self.stream.answers, self.connection.answers) > 50
        return self.asked.statuses()[200] > 500


@asynccontextmanager
async def traffic(running: Town, *, a_second: float = 100) -> AsyncIterator[Traffic]:
    """New and kept HTTP/1 connections, one HTTP/2 stream, one TCP connection."""
    async with (
        load(running.lab, CLIENTS, a_second=a_second) as asked,
        lasting.stream(running.lab, FRONT, a.name("web")) as stream,
        lasting.connection(running.lab, FRONT, a.name("bytes")) as connection,
    ):
        yield Traffic(asked, stream, connection)


async def certificate(running: Town, pod: NamespacedName) -> str:
    """The serial number of the SVID that a proxy uses now."""
    text = await admin.ask(running.lab.directory(pod), "/certs")
    found = json.loads(text or "{}")["certificates"]
    serials = {own["serial_number"] for each in found for own in each.get("cert_chain", ())}
    assert len(serials) == 1, serials
    return str(serials.pop())


async def until(running: Town, *phases: Phase) -> None:
    """Wait until a rollover has come to one of `phases`."""
    async with asyncio.timeout(ROLLS):
        while running.lab.backend.phase not in phases:  # noqa: ASYNC110 - proxies decide
            await asyncio.sleep(0.05)


async def ask(running: Town, protocol: Protocol, context: ssl.SSLContext) -> int:
    """What who dials a door by itself is answered; 0 if nothing is."""
    tcp = protocol is Protocol.TCP
    door = running.lab.mesh.workloads[DB if tcp else WEB]
    assert door.loopback is not None
    port = door.loopback.detours[town.PORT].inbound
    front = running.lab.mesh.workloads[FRONT].uid
    to = Dialled(door.address, port, context, names.tcp_sni(front) if tcp else names.HTTP_SNI)
    return (await speech.ask(to, Request("none", "none", protocol), "/", "web.shop")).status


def svid(running: Town, authority: Authority) -> ssl.SSLContext:
    """A client's TLS with an SVID of the pod of `front` that `authority` issues."""
    front = running.lab.mesh.workloads[FRONT]
    issued = authority.issue(spiffe_id(authority._trust_domain, front.identity), (front.uid,))
    return tls(running.lab.state, issued.cert_chain_pem + issued.key_pem)


def tls(state: Path, pem: bytes) -> ssl.SSLContext:
    """A client's TLS that takes any server."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    file = state / "client.pem"
    file.write_bytes(pem)
    context.load_cert_chain(file)
    return context


async def doors(running: Town, authority: Authority) -> list[int]:
    """What `front` is answered by HTTP and by TCP with an SVID of `authority`."""
    context = svid(running, authority)
    return [await ask(running, protocol, context) for protocol in (Protocol.HTTP, Protocol.TCP)]


OPEN, SHUT = [200, 200], [0, 0]


async def shown(running: Town, pod: NamespacedName, issuer: Root) -> bool:
    """Whether a sidecar shows a certificate that `issuer` has issued."""
    workload = running.lab.mesh.workloads[pod]
    assert workload.loopback is not None
    port = workload.loopback.detours[town.PORT].inbound
    context = svid(running, Authority(issuer, now))
    _, writer = await asyncio.open_connection(
        workload.address, port, ssl=context, server_hostname="http.smi-mesh"
    )
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    try:
        x509.load_der_x509_certificate(der).verify_directly_issued_by(issuer.certificate)
    except InvalidSignature:
        return False
    return True


@pytest.mark.timeout(240)
async def test_certificates_of_five_seconds_change_under_load_and_an_open_stream() -> None:
    async with town.town(*documents(), lifetimes=Lifetimes(svid=5)) as running:
        seen: dict[NamespacedName, set[str]] = {FRONT: set(), WEB: set()}
        async with traffic(running) as going:
            begun = time.monotonic()
            while time.monotonic() < begun + 60:
                await asyncio.sleep(0.5)
                for pod, serials in seen.items():
                    serials.add(await certificate(running, pod))
            assert going.has_not_noticed()
            assert going.asked.statuses()[200] > 3000
            assert going.stream.answers > 300
        assert all(len(serials) >= 12 for serials in seen.values()), seen


@pytest.mark.timeout(240)
async def test_root_is_replaced_and_nobody_notices() -> None:
    old = aged()
    lifetimes = Lifetimes(svid=60, root=600)
    async with town.town(*documents(), lifetimes=lifetimes, root=old) as running:
        held = running.lab.envoys[IDLE].pid
        async with traffic(running) as going:
            os.kill(held, signal.SIGSTOP)
            try:
                await until(running, Phase.INTRODUCED)
                await asyncio.sleep(HANDSHAKE + 2)
                assert running.lab.backend.phase is Phase.INTRODUCED
                new = store.load_roots(running.lab.state, TRUST_DOMAIN, now)[1]
                assert await shown(running, WEB, old)
                # Who can be asked trusts both already.
                assert await doors(running, Authority(new, now)) == OPEN
            finally:
                os.kill(held, signal.SIGCONT)
            await until(running, Phase.SWITCHED)
            await running.lab.backend.settled([FRONT, WEB, DB, IDLE], 10)
            assert await shown(running, WEB, new)
            assert await doors(running, Authority(old, now)) == OPEN
            await until(running, Phase.STEADY)
            assert not await running.lab.backend.settled([FRONT, WEB, DB, IDLE], 10)
            assert await doors(running, Authority(old, now)) == SHUT
            assert await doors(running, Authority(new, now)) == OPEN
            await asyncio.sleep(2)
            assert going.has_not_noticed()


def named(authority: Authority, trust_domain: str) -> Authority:
    """`authority`, but issuing identities of another trust domain."""
    found = Authority(authority.root, now)
    found._trust_domain = trust_domain
    return found


@pytest.mark.timeout(240)
async def test_trust_domain_changes_and_nobody_notices() -> None:
    async with town.town(*documents()) as running:
        (old,) = store.load_roots(running.lab.state, TRUST_DOMAIN, now)
        async with traffic(running) as going:
            running.trust_domain, running.aliases = "new.example", (TRUST_DOMAIN,)
            await running.play()
            assert running.lab.backend.phase is not Phase.STEADY
            assert await doors(running, Authority(old, now)) == OPEN
            await until(running, Phase.STEADY)
            assert not await running.lab.backend.settled([FRONT, WEB, DB, IDLE], 10)
            (new,) = store.load_roots(running.lab.state, TRUST_DOMAIN, now)
            issuing = Authority(new, now)
            assert await shown(running, WEB, new)
            assert await doors(running, Authority(old, now)) == SHUT
            assert await doors(running, issuing) == OPEN
            assert await doors(running, named(issuing, TRUST_DOMAIN)) == OPEN
            running.aliases = ()
            await running.play()
            # TCP knows the pod by its uid, which no other certificate bears.
            assert await doors(running, named(issuing, TRUST_DOMAIN)) == [403, 200]
            assert await doors(running, issuing) == OPEN
            await asyncio.sleep(3)
            assert going.has_not_noticed()


async def test_certificate_is_refused_from_its_end_on() -> None:
    async with town.town(*documents()) as running:
        (root,) = store.load_roots(running.lab.state, TRUST_DOMAIN, now)
        front = running.lab.mesh.workloads[FRONT]
        spiffe = spiffe_id(TRUST_DOMAIN, front.identity)
        issued = Authority(root, now).issue(spiffe, (front.uid,), 3.0)
        context = tls(running.lab.state, issued.cert_chain_pem + issued.key_pem)
        assert [await ask(running, p, context) for p in (Protocol.HTTP, Protocol.TCP)] == OPEN
        assert now() < issued.not_after
        await asyncio.sleep(issued.not_after - now() + 0.5)
        assert [await ask(running, p, context) for p in (Protocol.HTTP, Protocol.TCP)] == SHUT


@pytest.mark.timeout(240)
async def test_rollover_goes_on_wherever_the_control_plane_was_killed() -> None:
    old = aged()
    with tempfile.TemporaryDirectory(prefix="smi") as directory:
        state, file = Path(directory), Path(directory) / "mesh"
        store.save_roots(state, (old,))
        issuer = EnvoyBackend.on_this_machine(state, TRUST_DOMAIN, harness.clock)
        network = f"127.{random.randint(16, 250)}.{random.randint(0, 250)}"
        machine = Machine(network, UUID(int=random.getrandbits(128)), harness.is_free)
        running = Town(town.Speaking(state, issuer, frozenset()), machine)
        try:
            await through_every_phase(running, old, file)
        finally:
            await running.lab.close()


async def through_every_phase(running: Town, old: Root, file: Path) -> None:
    """Kill the control plane in every phase of a rollover; the next one goes on from there."""
    state, mesh = running.lab.state, running.mesh(*documents())
    async with AsyncExitStack() as ends:
        told = await put(file, mesh)
        async with control_plane(state, file, 60):
            await running.lab.start(mesh)
            await accepted(file, told)
            going = await ends.enter_async_context(traffic(running))
            _, new = await kept(state, lambda roots: len(roots) == 2)
        assert await shown(running, WEB, old)
        async with control_plane(state, file, 60):
            await kept(state, lambda roots: roots[0].pem == new.pem)
            await asyncio.sleep(HANDSHAKE / 2)
        assert len(store.load_roots(state, TRUST_DOMAIN, now)) == 2
        async with control_plane(state, file, 60):
            await kept(state, lambda roots: len(roots) == 1)
        acked(file).unlink()
        async with control_plane(state, file, 60):
            await accepted(file, told)
            assert await shown(running, WEB, new)
            assert await doors(running, Authority(old, now)) == SHUT
            assert await doors(running, Authority(new, now)) == OPEN
            await asyncio.sleep(2)
        assert going.has_not_noticed()


async def kept(state: Path, wanted: Callable[[tuple[Root, ...]], bool]) -> tuple[Root, ...]:
    """Wait until the roots that are kept are the `wanted` ones."""
    async with asyncio.timeout(ROLLS):
        while True:
            found = store.load_roots(state, TRUST_DOMAIN, now)
            if wanted(found):
                return found
            await asyncio.sleep(0.05)
