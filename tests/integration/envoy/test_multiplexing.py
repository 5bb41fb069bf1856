"""Requests that share an HTTP/2 connection are judged one by one."""

import asyncio

import h2.config
import h2.connection
import h2.events
import pytest

from tests import builders as a
from tests.integration.envoy import town

pytestmark = pytest.mark.envoy

PATIENCE = 5.0


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
        arrived, denied = (200, "shop/web-0"), (403, "")
        assert await multiplexed(client.address, port, asked) == [arrived, denied, denied, arrived]


async def multiplexed(
    address: str, port: int, asked: list[tuple[str, str]]
) -> list[tuple[int, str]]:
    """The statuses of requests (authority and path) that share a connection, and who answered."""
    reader, writer = await asyncio.open_connection(address, port)
    connection = h2.connection.H2Connection(
        h2.config.H2Configuration(client_side=True, validate_outbound_headers=False)
    )
    connection.initiate_connection()
    told: dict[int, tuple[int, str]] = {}
    for number, (authority, path) in enumerate(asked):
        pseudo = {":method": "GET", ":scheme": "http", ":authority": authority, ":path": path}
        connection.send_headers(2 * number + 1, list(pseudo.items()), end_stream=True)
    writer.write(connection.data_to_send())
    async with asyncio.timeout(PATIENCE):
        while len(told) < len(asked) and (data := await reader.read(65536)):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    assert event.stream_id is not None
                    found = dict(event.headers or ())
                    pod = found.get(b"x-pod", b"").decode()
                    told[event.stream_id] = (int(found[b":status"]), pod)
            writer.write(connection.data_to_send())
    writer.transport.abort()
    return [told[2 * number + 1] for number in range(len(asked))]
