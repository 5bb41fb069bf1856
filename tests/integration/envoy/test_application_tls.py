"""TLS of an application's own passes as it is, inside the mesh's or beside it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from smi.model.inbound import Mode
from smi.model.service import AppProtocol
from smi_envoy.ca.authority import new_root, private_pem
from tests import builders as a
from tests.integration.envoy import counterpart, harness
from tests.integration.envoy.certificates import Certificate
from tests.integration.envoy.harness import Lab

pytestmark = pytest.mark.envoy

NAME = "bank.example.org"


class Party(NamedTuple):
    """The two ends of a handshake, and the server names that were asked for."""

    client: ssl.SSLContext
    asked: list[str | None]


@asynccontextmanager
async def bank(running: Lab, directory: Path) -> AsyncIterator[Party]:
    """An application that speaks TLS under a certificate of its own, and chooses by ALPN."""
    asked = list[str | None]()
    root, file = new_root("bank", harness.clock().timestamp()), directory / "bank.pem"
    own = Certificate(dns=(NAME,)).signed(root, harness.clock())
    file.write_bytes(own.pem + private_pem(own.key))
    server, client = (
        ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
    )
    server.load_cert_chain(file)
    client.load_verify_locations(cadata=root.pem.decode())
    server.set_alpn_protocols(["bank/2", "bank/1"])
    client.set_alpn_protocols(["bank/1"])
    server.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
            writer.write(chosen.encode() + b" " + line)

    port = counterpart.application_port(running)
    listening = await asyncio.start_server(serve, "127.0.0.1", port, ssl=server)
    try:
        yield Party(client, asked)
    finally:
        listening.close()


async def spoken(party: Party, address: str, port: int) -> bytes:
    """What the bank answers to a client that trusts nobody else; nothing where it is kept out."""
    try:
        reader, writer = await asyncio.open_connection(
            address, port, ssl=party.client, server_hostname=NAME
        )
    except (OSError, ssl.SSLError):
        return b""
    try:
        async with asyncio.timeout(counterpart.PATIENCE):
            writer.write(b"hello\n")
            return await reader.readline()
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("speaks", [AppProtocol.TCP, AppProtocol.DETECT])
@pytest.mark.parametrize("mode", [Mode.STRICT, Mode.PERMISSIVE])
async def test_tls_of_an_application_passes_with_its_names(
    speaks: AppProtocol, mode: Mode, tmp_path: Path
) -> None:
    async with counterpart.vacant(speaks, mode) as running, bank(running, tmp_path) as party:
        assert await spoken(party, *counterpart.door(running)) == b"bank/1 hello\n"
        assert party.asked == [NAME]


async def test_stranger_speaks_tls_to_the_application_of_an_open_namespace_alone(
    tmp_path: Path,
) -> None:
    async with (
        counterpart.vacant(AppProtocol.TCP, Mode.PERMISSIVE) as running,
        bank(running, tmp_path) as party,
    ):
        web = running.mesh.workloads[counterpart.WEB]
        assert web.loopback is not None
        at = web.address, web.loopback.detours[8080].inbound
        assert await spoken(party, *at) == b"bank/1 hello\n"
        strict = a.inbound(a.group("web"), a.rule("web", "front"))
        await running.publish(replace(running.mesh, inbound={strict.group: strict}))
        assert await spoken(party, *at) == b""
        assert party.asked == [NAME]
