"""A pod that comes under other policies judges by them, and fails no request of the allowed."""

import asyncio
import time
from dataclasses import replace
from typing import NamedTuple, Self

import pytest

from smi.model.mesh import Mesh
from smi.model.outbound import Outbound
from tests import builders as a
from tests.integration.envoy import witness
from tests.integration.envoy.harness import Loopback, lab
from tests.integration.envoy.load import Client, load, turns
from tests.integration.envoy.witness import FRONT, WEB, Witness

pytestmark = pytest.mark.envoy

OTHER = a.name("other-0")
REVOKED_AFTER = 1.0  # seconds from the ACK


class Kept(NamedTuple):
    """A connection to the server's sidecar that stays open between requests."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, running: Witness, account: str) -> Self:
        """One with the certificate of `account`."""
        address, port, context = witness.SERVER.to(running, account)
        return cls(
            *await asyncio.open_connection(
                address, port, ssl=context, server_hostname="http.smi-mesh"
            )
        )

    async def status(self) -> int:
        """What a request is answered with."""
        self.writer.write(b"GET /api HTTP/1.1\r\nhost: web.shop\r\n\r\n")
        async with asyncio.timeout(witness.PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            await self.reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
        return int(head.split()[1])


def world(loopback: Loopback) -> Mesh:
    """`web` belongs to a binding whose pods `front` and `other` may call."""
    found = witness.world(loopback)
    other = a.workload("other-0", "other", address=loopback.address())
    sent = Outbound(other.identity, (a.route("web", 80),))
    mesh = replace(
        found,
        workloads={**found.workloads, other.name: other},
        outbound={**found.outbound, other.identity: sent},
    )
    return grouped(mesh, "members")


def grouped(mesh: Mesh, *bindings: str) -> Mesh:
    """`mesh` with `web` in other bindings: `front` may call members, `other` all."""
    group = a.group("web", *bindings)
    fronts = [a.rule("members", "front")] if bindings else []
    inbound = a.inbound(group, *fronts, a.rule("others", "other"))
    web = replace(mesh.workloads[WEB], group=group)
    return replace(mesh, workloads={**mesh.workloads, WEB: web}, inbound={inbound.group: inbound})


async def test_revocation_by_a_binding_meets_idle_connections_and_closes_none() -> None:
    async with lab() as found:
        running = Witness(found.state, found.backend, found.banners)
        try:
            await running.publish(world(Loopback()))
            kept = {who: await Kept.to(running, who) for who in ("front", "other")}
            assert [await one.status() for one in kept.values()] == [200, 200]
            await running.publish(grouped(running.mesh))
            assert await kept["front"].status() == 403  # the first request after the ACK
            await asyncio.sleep(4)  # longer than a listener drains
            assert [await one.status() for one in kept.values()] == [403, 200]
            for one in kept.values():
                one.writer.transport.abort()
        finally:
            await running.close()


async def test_revocation_by_a_binding_is_in_force_on_busy_connections() -> None:
    async with lab() as found:
        running = Witness(found.state, found.backend, found.banners)
        try:
            await running.publish(world(Loopback()))
            clients = [Client(p, "http://web.shop/api") for p in (FRONT, OTHER)]
            async with load(running, clients, a_second=200) as asked:
                await asyncio.sleep(1)
                await running.publish(grouped(running.mesh))
                in_force = time.monotonic()
                await asyncio.sleep(4)  # longer than the old door drains
            assert turns(asked.of(FRONT)) == [200, 403]
            late = [x for x in asked.of(FRONT) if x.at > in_force + REVOKED_AFTER]
            assert {x.status for x in late} == {403}
            assert asked.failures(OTHER) == []
        finally:
            await running.close()
