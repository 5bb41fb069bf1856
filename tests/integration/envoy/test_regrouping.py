"""A pod that comes under other policies judges by them, and fails no request of the allowed."""

import asyncio
import time
from dataclasses import replace

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
