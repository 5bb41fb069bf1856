"""Requests that share an HTTP/2 connection are judged one by one."""

import asyncio

import pytest

from tests import builders as a
from tests.integration.envoy import http2, town
from tests.integration.envoy.witness import WAYS, Way

pytestmark = pytest.mark.envoy

ARRIVED, DENIED = (200, "shop/web-0"), (403, "")
DRAINED = 4.0  # seconds, longer than a listener drains


@pytest.mark.parametrize("way", ["proxy", "door"])
async def test_streams_of_one_connection_are_judged_one_by_one(way: str) -> None:
    documents = [
        *town.app("front"),
        *town.app("web"),
        *town.app("vault"),
        town.routes("api", {"pathRegex": "/api", "methods": ["GET"]}),
        town.grant("web", "web", ["front"], group="api"),
    ]
    asked = [("web.shop", "/api"), ("web.shop", "/x"), ("vault.shop", "/x"), ("web.shop", "/api")]
    async with town.town(*documents) as running:
        client = running.lab.mesh.workloads[a.name("front-0")]
        assert client.loopback is not None
        port = client.loopback.proxy
        if way == "door":
            port = client.loopback.services[a.name("web"), 80]
        async with http2.connected(client.address, port) as connection:
            assert await connection.ask(*asked) == [ARRIVED, DENIED, DENIED, ARRIVED]


@pytest.mark.parametrize("way", WAYS)
async def test_revocation_meets_the_next_stream_and_ends_no_connection(way: Way) -> None:
    groups = [town.routes("api", {"pathRegex": "/api"}), town.routes("other", {"pathRegex": "/x"})]
    opened, shut = (town.grant("web", "web", ["front"], group=g) for g in ("api", "other"))
    async with town.town(*town.app("front"), *town.app("web"), *groups, opened) as running:
        address, port, tls = way.to(running.lab, "front")
        async with http2.connected(address, port, tls, "http.smi-mesh" if tls else None) as kept:
            asked = ("web.shop", "/api")
            assert await kept.ask(asked) == [ARRIVED]
            for edit, told in ((shut, DENIED), (opened, ARRIVED)):
                await running.play(edit)
                assert await kept.ask(asked) == [told]
                await asyncio.sleep(DRAINED)
                assert await kept.ask(asked) == [told]
