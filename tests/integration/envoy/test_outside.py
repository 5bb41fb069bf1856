"""What is not in the mesh passes through, is counted, and is no way around anybody's sidecar."""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from smi_envoy.ca.authority import new_root
from tests import builders as a
from tests.integration.envoy import harness, town
from tests.integration.envoy.certificates import Certificate, pem
from tests.integration.envoy.harness import Answer
from tests.integration.envoy.town import Town

pytestmark = pytest.mark.envoy

FRONT = a.name("front-0")
BANK = "bank.shop"
COUNTED = 0.3  # seconds; access loggers count what has ended


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Town]:
    """`front` may call `web`, and not `vault`."""
    documents = [
        *(document for name in ("front", "web", "vault") for document in town.app(name)),
        town.grant("web", "web", ["front"]),
        town.routes("all"),
    ]
    async with town.town(*documents) as found:
        yield found


@asynccontextmanager
async def elsewhere() -> AsyncIterator[str]:
    """An application outside the mesh, by its host and port."""
    host, port = harness.outer_address(), harness.free_port()
    async with harness.echo("elsewhere", port, host):
        yield f"{host}:{port}"


async def tunnelled(
    running: Town, host: str, said: str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"
) -> bytes:
    """The first line that comes back: of CONNECT, or of what is `said` through the tunnel."""
    address, _, port = running.lab.proxy(FRONT).removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    try:
        writer.write(f"CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " in head:
            writer.write(said.encode())
            head = await reader.readuntil(b"\r\n\r\n")
        return head.partition(b"\r\n")[0]
    finally:
        writer.transport.abort()


async def flows(running: Town) -> Counter[tuple[str, str]]:
    """What clients sent, by where to and what came of it."""
    await asyncio.sleep(COUNTED)
    found: Counter[tuple[str, str]] = Counter()
    for flow in (await running.lab.backend.traffic(running.lab.directories())).flows:
        found[str(flow.root or flow.host), flow.status] += flow.count
    return found


def seen(answer: Answer) -> dict[str, str]:
    """The headers that the application saw."""
    return {name.lower(): value for name, value in json.loads(answer.text)["headers"]}


async def test_host_outside_passes_through_as_it_is_and_is_counted_as_one(running: Town) -> None:
    async with elsewhere() as one, elsewhere() as two:
        for host in (one, two):
            answer = await running.lab.request(FRONT, f"http://{host}/a?b")
            assert (answer.status, seen(answer)["host"]) == (200, host)
            assert b" 200 " in await tunnelled(running, host)
        assert await flows(running) == {("external", "200"): 4}


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.9.9.9", "127.1", "0x7f.0.0.1", "0177.0.0.1", "0.0.0.0", "0.1"),
        *("169.254.169.254", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    ],
)
async def test_address_of_the_machine_itself_is_refused_however_it_is_written(
    running: Town, host: str
) -> None:
    port = harness.free_port()
    async with harness.echo("secret", port):
        answer = await running.lab.request(FRONT, f"http://{host}:{port}/")
        assert answer.status == 403
        assert answer.text.startswith("smi-mesh: Loopback: ")
        assert b" 403 " in await tunnelled(running, f"{host}:{port}")
    refusals = (await running.lab.backend.traffic(running.lab.directories())).refusals
    assert {(r.destination, r.reason) for r in refusals} <= {("external", "Loopback")}


async def test_nobody_goes_around_a_sidecar_by_way_of_its_own(running: Town) -> None:
    """By the application's port, the peer's proxy, or its name in words of another."""
    vault = running.lab.mesh.workloads[a.name("vault-0")]
    assert vault.loopback is not None
    places = [f"127.0.0.1:{d.application}" for d in vault.loopback.detours.values()]
    places += [f"{vault.address}:{vault.loopback.proxy}", "vault.shop", "localhost:80", "vault"]
    places += ["vault.shop.svc", "vault.shop.svc.cluster.local.", "VAULT.shop:8080", vault.address]
    for place in places:
        assert (await running.lab.request(FRONT, f"http://{place}/")).status == 403, place
        end = place if place[-1].isdigit() and ":" in place else f"{place}:80"
        assert b" 403 " in await tunnelled(running, end), end


async def test_host_that_nobody_knows_is_said_to_be_none(running: Town) -> None:
    answer = await running.lab.request(FRONT, "http://nothing.invalid/")
    assert answer.status == 503
    assert answer.text.startswith("smi-mesh: NoSuchHost: ")


async def test_external_name_leads_to_its_host_with_the_host_that_was_sent(running: Town) -> None:
    async with elsewhere() as host:
        address, _, port = host.partition(":")
        await running.play(town.external("ext", address, int(port)))
        answer = await running.lab.request(FRONT, f"http://ext.shop:{port}/x")
        assert (answer.status, seen(answer)["host"]) == (200, f"ext.shop:{port}")
        assert b" 200 " in await tunnelled(running, f"ext:{port}")
        assert await flows(running) == {("shop/ext", "200"): 2}


async def test_external_name_of_the_machine_itself_is_refused(running: Town) -> None:
    port = harness.free_port()
    async with harness.echo("secret", port):
        for host in ("localhost", "127.0.0.1"):
            await running.play(town.external("ext", host, port))
            answer = await running.lab.request(FRONT, f"http://ext.shop:{port}/x")
            assert (answer.status, answer.text[:18]) == (403, "smi-mesh: Loopback")


async def test_external_name_of_a_service_is_another_name_of_it(running: Town) -> None:
    await running.play(
        town.external("w", "web.shop.svc.cluster.local"),
        town.external("v", "vault.shop.svc.cluster.local"),
    )
    answer = await running.lab.request(FRONT, "http://w.shop/")
    assert (answer.status, answer.headers["x-pod"]) == (200, "shop/web-0")
    assert (await running.lab.request(FRONT, "http://v.shop/")).status == 403
    await running.play(town.routes("all", {"pathRegex": "/y"}))
    assert (await running.lab.request(FRONT, "http://w.shop/x")).status == 403


@asynccontextmanager
async def of_tls(host: str, port: int, directory: Path) -> AsyncIterator[ssl.SSLContext]:
    """An application of HTTPS that proves to be `bank.shop`, and what its clients know it by."""
    root, file = new_root("bank", harness.clock().timestamp()), directory / "bank.pem"
    file.write_bytes(pem([Certificate(dns=(BANK,)).signed(root, harness.clock())]))
    server, client = (
        ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
    )
    server.load_cert_chain(file)
    client.load_verify_locations(cadata=root.pem.decode())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nprivate")

    async with await asyncio.start_server(serve, host, port, ssl=server):
        yield client


async def test_tls_of_an_application_goes_through_a_tunnel_from_end_to_end(
    running: Town, tmp_path: Path
) -> None:
    bank = town.bytes_service("bank", "vault")
    bank["spec"]["ports"][0] |= {"name": "https", "port": 443}
    await running.play(bank, *town.bytes_grant("bank", "vault", ["front"]))
    await running.lab.apps[a.name("vault-0")].aclose()
    vault = running.lab.mesh.workloads[a.name("vault-0")].loopback
    assert vault is not None
    inside, outside = vault.detours[town.PORT].application, harness.free_port()
    outer = harness.outer_address()
    for host, port, url in (
        ("127.0.0.1", inside, f"https://{BANK}/"),
        (outer, outside, f"https://{outer}:{outside}/"),
    ):
        async with of_tls(host, port, tmp_path) as tls, aiohttp.ClientSession() as session:
            proxy = running.lab.proxy(FRONT)
            get = session.get(url, proxy=proxy, ssl=tls, server_hostname=BANK)
            async with get as response:
                assert await response.text() == "private"
    assert await flows(running) == {("shop/bank", "ok"): 1, ("external", "200"): 1}
