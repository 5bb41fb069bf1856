"""A door whose guards are not all there admits nobody."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from smi_envoy.pb.envoy.config.route.v3 import route_components_pb2, route_pb2
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.translate import names
from smi_envoy.xds.resources import ResourceKey, TypeUrl
from tests import builders as a
from tests.integration.envoy.harness import SETTLED
from tests.integration.envoy.witness import (
    ALLOWED,
    PROXY,
    SERVER,
    WAYS,
    WEB,
    Way,
    Witness,
    get,
    say,
    spoken,
    witness,
)

pytestmark = pytest.mark.envoy

INBOUND = names.key(TypeUrl.ROUTE, names.inbound(a.name("web-0"), 8080))
PEERS = names.key(TypeUrl.SECRET, names.PEERS)


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Witness]:
    async with witness() as found:
        yield found


@pytest.mark.parametrize("missing", [INBOUND, PEERS], ids=["routes", "peers"])
async def test_door_stays_shut_until_all_that_guards_it_has_arrived(
    running: Witness, missing: ResourceKey
) -> None:
    cache, mesh = running.backend._cache, running.mesh
    kept = cache._contents[missing]
    await running.stop(WEB)
    cache.apply({missing: None}, {})
    await running.start(mesh)
    await running.backend.settled([WEB], 1.5)
    for sni in ("http.smi-mesh", "tcp.smi-mesh"):
        address, port, context = SERVER.to(running, "front")
        assert await spoken(address, port, context, get(ALLOWED), sni) == []
    assert running.arrived == []
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(kept.body)
    cache.apply({missing: response.resources[0].resource.value}, {})
    assert not await running.backend.settled([WEB], SETTLED)
    assert await say(running, SERVER, "front", get(ALLOWED)) == [200]


@pytest.mark.parametrize("way", WAYS)
async def test_routes_without_a_judgement_admit_nobody(running: Witness, way: Way) -> None:
    host = route_components_pb2.VirtualHost(
        name="all",
        domains=["*"],
        routes=[
            route_components_pb2.Route(
                match=route_components_pb2.RouteMatch(prefix="/"),
                route=route_components_pb2.RouteAction(cluster=names.APPLICATION),
            )
        ],
    )
    bare = route_pb2.RouteConfiguration(name=INBOUND.name, virtual_hosts=[host])
    running.backend._cache.apply({INBOUND: bare.SerializeToString()}, {})
    assert not await running.backend.settled([WEB], SETTLED)
    path = "http://web.shop" if way is PROXY else ""
    assert await say(running, way, "front", get(path + ALLOWED)) == [403]
    assert running.arrived == []
