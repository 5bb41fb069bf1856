import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.xds import connection
from smi_envoy.xds.cache import Cache
from smi_envoy.xds.channel import Ending
from smi_envoy.xds.connection import Connection
from smi_envoy.xds.resources import ResourceKey, ResourceName, TypeUrl
from smi_envoy.xds.secrets import SVID, Secrets
from smi_envoy.xds.session import Session
from smi_envoy.xds.snapshot import Snapshot
from smi_envoy.xds.state import Gate

PROXY = "shop/web"
A = ResourceKey(TypeUrl.ENDPOINT, ResourceName("a"))


@dataclass(frozen=True)
class Issued:
    cert_chain_pem: bytes
    key_pem: bytes
    not_after: float


@dataclass
class Wire:
    """Both ends of one stream in this process."""

    now: float = 0.0
    issued: int = 0
    cache: Cache = field(default_factory=Cache)
    requests: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    responses: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.cache.apply({A: b"1"}, {PROXY: Snapshot.of([A])})
        self.channel = self.cache.attach(PROXY)
        self.secrets = Secrets(self.issue, lambda now, end: end - 100, self.clock)
        session = Session(PROXY, "web", expires_at=1000.0)
        self.connection = Connection(session, self.cache, self.secrets, self.clock, self.channel)

    def clock(self) -> float:
        return self.now

    def issue(self, identity: str) -> Issued:
        self.issued += 1
        return Issued(identity.encode(), b"key %d" % self.issued, self.now + 500)

    async def reading(self) -> AsyncIterator[bytes]:
        while (message := await self.requests.get()) is not None:
            yield message

    async def serve(self) -> Ending:
        async with asyncio.timeout(5):
            return await self.connection.serve(self.reading(), self.responses.put)

    def ask(self, type_url: TypeUrl, *names: str, node: str = "", nonce: str = "") -> None:
        request = discovery_pb2.DeltaDiscoveryRequest(
            type_url=type_url, resource_names_subscribe=names, response_nonce=nonce
        )
        if node:
            request.node.CopyFrom(base_pb2.Node(id=node))
        self.requests.put_nowait(request.SerializeToString())

    async def response(self) -> discovery_pb2.DeltaDiscoveryResponse:
        async with asyncio.timeout(5):
            return discovery_pb2.DeltaDiscoveryResponse.FromString(await self.responses.get())

    def value(self, response: discovery_pb2.DeltaDiscoveryResponse) -> bytes:
        return response.resources[0].resource.value


async def test_stream_ends_when_the_proxy_closes_it() -> None:
    wire = Wire()
    wire.requests.put_nowait(None)
    assert await wire.serve() is Ending.CLOSED


async def test_stream_ends_when_its_token_does() -> None:
    wire = Wire()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(wire.serve())
        wire.ask(A.type_url, "a", node=PROXY)
        assert wire.value(await wire.response()) == b"1"
        wire.now = 1000.0
        wire.channel.wake.set()
    assert serving.result() is Ending.EXPIRED


async def test_token_that_has_ended_already_gets_nothing() -> None:
    wire = Wire(now=1000.0)
    wire.ask(A.type_url, "a")
    assert await wire.serve() is Ending.EXPIRED
    assert wire.responses.empty()


async def test_node_id_of_another_proxy_ends_the_stream_unanswered() -> None:
    wire = Wire()
    wire.ask(A.type_url, "a", node="shop/other")
    assert await wire.serve() is Ending.FOREIGN_NODE
    assert wire.responses.empty()


async def test_noise_ends_the_stream() -> None:
    wire = Wire()
    wire.requests.put_nowait(b"\xff\xff")
    assert await wire.serve() is Ending.MALFORMED


async def test_proxy_that_floods_is_cut_off() -> None:
    wire = Wire()
    for _ in range(connection._INBOX_LIMIT + 1):
        wire.ask(A.type_url)
    await wire.connection._read(wire.reading())
    assert await wire.serve() is Ending.FLOODED


@pytest.mark.parametrize("ending", [Ending.REMOVED, Ending.REPLACED])
async def test_stream_ends_with_its_proxy_or_for_its_successor(ending: Ending) -> None:
    wire = Wire()
    if ending is Ending.REMOVED:
        wire.cache.apply({}, {PROXY: None})
    else:
        wire.cache.attach(PROXY)
    assert await wire.serve() is ending


async def test_type_that_is_not_served_is_left_unanswered() -> None:
    wire = Wire()
    request = discovery_pb2.DeltaDiscoveryRequest(type_url="type.googleapis.com/other")
    wire.requests.put_nowait(request.SerializeToString())
    wire.requests.put_nowait(None)
    assert await wire.serve() is Ending.CLOSED
    assert wire.responses.empty()


async def test_first_change_goes_out_at_once_and_the_next_ones_together() -> None:
    wire = Wire()
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wire.serve())
        wire.ask(A.type_url, "a")
        first = await wire.response()
        wire.ask(A.type_url, nonce=first.nonce)
        await asyncio.sleep(connection._COALESCE * 2)
        start = loop.time()
        wire.cache.apply({A: b"2"}, {})
        second = await wire.response()
        assert loop.time() - start < connection._COALESCE
        wire.ask(A.type_url, nonce=second.nonce)
        for contents in (b"3", b"4", b"5"):
            wire.cache.apply({A: contents}, {})
            await asyncio.sleep(0.001)
        assert wire.value(await wire.response()) == b"5"
        assert loop.time() - start >= connection._COALESCE
        assert wire.responses.empty()
        wire.requests.put_nowait(None)


async def test_request_that_comes_while_a_change_waits_is_answered_with_it() -> None:
    wire = Wire()
    b = ResourceKey(TypeUrl.ENDPOINT, ResourceName("b"))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wire.serve())
        wire.ask(A.type_url, "a")
        first = await wire.response()
        wire.cache.apply({A: b"2", b: b"2"}, {PROXY: Snapshot.of([A, b])})
        wire.ask(A.type_url, "a", "b", nonce=first.nonce)
        assert {found.name for found in (await wire.response()).resources} == {"a", "b"}
        wire.requests.put_nowait(None)


async def test_answers_reach_the_cache() -> None:
    wire = Wire()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wire.serve())
        wire.ask(A.type_url, "a")
        response = await wire.response()
        assert wire.cache.acknowledgements()[PROXY].pending
        wire.ask(A.type_url, nonce=response.nonce)
        assert await wire.cache.settled([PROXY], 5) == frozenset()
        wire.requests.put_nowait(None)


async def test_svid_is_renewed_on_the_open_stream() -> None:
    wire = Wire()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wire.serve())
        wire.ask(TypeUrl.SECRET, "svid")
        first = await wire.response()
        assert b"key 1" in wire.value(first)
        wire.ask(TypeUrl.SECRET, nonce=first.nonce)
        wire.now = 400.0
        wire.channel.wake.set()
        assert b"key 2" in wire.value(await wire.response())
        wire.requests.put_nowait(None)


async def test_svid_that_is_to_be_another_is_awaited_like_any_change() -> None:
    wire = Wire()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wire.serve())
        wire.ask(A.type_url, "a")
        wire.ask(TypeUrl.SECRET, "svid")
        for _ in range(2):
            first = await wire.response()
            wire.ask(TypeUrl(first.type_url), nonce=first.nonce)
        assert await wire.cache.settled([PROXY], 5) == frozenset()
        wire.secrets.renew()
        wire.cache.renew(SVID)
        assert wire.cache.acknowledgements()[PROXY].generation < wire.cache.generation
        renewed = await wire.response()
        assert b"key 2" in wire.value(renewed)
        wire.ask(TypeUrl.SECRET, nonce=renewed.nonce)
        assert await wire.cache.settled([PROXY], 5) == frozenset()
        assert wire.cache.acknowledgements()[PROXY].generation == wire.cache.generation
        wire.requests.put_nowait(None)


async def test_shut_gate_is_lifted_after_its_limit() -> None:
    wire = Wire()
    cluster = ResourceKey(TypeUrl.CLUSTER, A.name)
    listener = ResourceKey(TypeUrl.LISTENER, ResourceName("in"))
    keys = {cluster: b"1", A: b"1", listener: b"1"}
    wire.cache.apply(keys, {PROXY: Snapshot.of(keys)})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wire.serve())
        wire.ask(TypeUrl.CLUSTER)
        assert (await wire.response()).type_url == TypeUrl.CLUSTER
        wire.ask(TypeUrl.LISTENER)
        await asyncio.sleep(0.001)
        assert wire.connection._state.waiting is Gate.MAKE
        assert wire.connection._gate_until is not None
        wire.connection._gate_until -= connection._GATE_LIMIT
        wire.channel.wake.set()
        assert (await wire.response()).type_url == TypeUrl.LISTENER
        assert wire.connection._gate_until is None
        wire.requests.put_nowait(None)
