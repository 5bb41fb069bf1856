"""Who comes in where policy does not bind: callers without an identity, and those it would deny."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from smi.model.inbound import Mode
from smi_envoy import admin
from tests import builders as a
from tests.integration.envoy.harness import BANNER, Lab, Loopback, lab
from tests.integration.envoy.witness import (
    ALLOWED,
    DENIED,
    SERVER,
    WEB,
    Witness,
    get,
    say,
    spoken,
    witness,
)

pytestmark = pytest.mark.envoy

OPEN = [Mode.PERMISSIVE, Mode.AUDIT]


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Witness]:
    async with witness() as found:
        yield found


async def bind(running: Lab, account: str, mode: Mode) -> None:
    """Publish the mesh with another mode for the pods of `account`."""
    inbound = replace(running.mesh.inbound[a.group(account)], mode=mode)
    table = {**running.mesh.inbound, inbound.group: inbound}
    await running.publish(replace(running.mesh, inbound=table))


async def plain(running: Witness, path: str) -> list[int]:
    """The statuses of all that is answered to plain text at the server."""
    address, port, _ = SERVER.to(running, "front")
    return await spoken(address, port, None, get(path))


async def audited(running: Witness) -> dict[tuple[str, str], int]:
    """How many requests there were, by caller and by what strict mode would say."""
    text = await admin.ask(running.directory(WEB), "/stats?format=prometheus&filter=^smi")
    found: dict[tuple[str, str], int] = {}
    for line in (text or "").splitlines():
        labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
        if "audit" in labels:
            key = labels["source"].rpartition("/")[2], labels["audit"]
            found[key] = found.get(key, 0) + int(line.rpartition(" ")[2])
    return found


async def test_plain_text_is_refused_in_strict_mode_and_admitted_in_others(
    running: Witness,
) -> None:
    assert await plain(running, ALLOWED) == []
    for mode in OPEN:
        await bind(running, "web", mode)
        assert await plain(running, ALLOWED) == [200], mode
        assert await plain(running, DENIED) == [200], mode
    await bind(running, "web", Mode.STRICT)
    arrived = len(running.arrived)
    assert await plain(running, ALLOWED) == []
    assert len(running.arrived) == arrived


@pytest.mark.parametrize("mode", OPEN)
async def test_identity_that_policy_would_deny_is_admitted(running: Witness, mode: Mode) -> None:
    assert await say(running, SERVER, "front", get(DENIED)) == [403]
    await bind(running, "web", mode)
    for account, path in (("front", ALLOWED), ("front", DENIED), ("intruder", "/api/a%2fb")):
        assert await say(running, SERVER, account, get(path)) == [200]


async def test_audit_counts_what_strict_mode_would_say(running: Witness) -> None:
    await bind(running, "web", Mode.AUDIT)
    for account, path in (
        ("front", ALLOWED),
        ("front", DENIED),
        ("front", f"{ALLOWED}/a%2fb"),
        ("intruder", ALLOWED),
    ):
        assert await say(running, SERVER, account, get(path)) == [200]
    assert await plain(running, ALLOWED) == [200]
    await asyncio.sleep(0.2)
    assert await audited(running) == {
        ("front", "allowed"): 1,
        ("front", "denied"): 2,
        ("intruder", "denied"): 1,
        ("", "denied"): 1,
    }


async def test_caller_without_identity_cannot_claim_one(running: Witness) -> None:
    await bind(running, "web", Mode.PERMISSIVE)
    address, port, _ = SERVER.to(running, "front")
    forged = f"x-forwarded-client-cert: URI={a.spiffe('front')}"
    assert await spoken(address, port, None, get(ALLOWED, forged)) == [200]
    assert "x-forwarded-client-cert" not in running.headers()


@pytest_asyncio.fixture
async def database() -> AsyncIterator[Lab]:
    """A server that speaks first, and that nobody may call."""
    async with lab(banners=[5432]) as found:
        loopback = Loopback()
        db = a.workload("db-0", "db", address=loopback.address(), detours=loopback.detours(5432))
        await found.publish(a.mesh([db], inbounds=[a.inbound(a.group("db"))]))
        yield found


async def heard(running: Lab, said: bytes = b"") -> bytes:
    """What an application that speaks first, and echoes, answers to `said` in plain text."""
    db = running.mesh.workloads[a.name("db-0")]
    assert db.loopback is not None
    reader, writer = await asyncio.open_connection(db.address, db.loopback.detours[5432].inbound)
    try:
        async with asyncio.timeout(10):
            writer.write(said)
            await writer.drain()
            expected = BANNER + b"shop/db-0\r\n" + said
            return await reader.readexactly(len(expected))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        return getattr(error, "partial", b"")
    finally:
        writer.transport.abort()


def client_hello(server_name: str) -> bytes:
    """How a TLS connection of an application's own begins."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=server_name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("mode", OPEN)
async def test_bytes_and_foreign_tls_pass_as_they_are(database: Lab, mode: Mode) -> None:
    foreign = client_hello("db.example.org")
    assert await heard(database, foreign) == b""
    await bind(database, "db", mode)
    for said in (foreign, b"hello", b""):
        assert await heard(database, said) == BANNER + b"shop/db-0\r\n" + said
    assert (
        await heard(database, client_hello("tcp.smi-mesh")) != BANNER
    )  # not without a certificate
