"""Services of which some pods, or addresses outside the mesh, have no sidecar."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from fractions import Fraction

import pytest
import pytest_asyncio

from smi.decision.request import Protocol, Request
from smi.model.mesh import Mesh
from smi.model.service import Endpoint
from tests import builders as a
from tests.integration.envoy import harness, shares, speech, town
from tests.integration.envoy.speech import Answer, Dialled
from tests.integration.envoy.town import PORT, Document, Town

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

TIMES = 200
NEW, OLD, FRONT = "shop/new-0", "shop/old-0", "front-0"
EVERY = [Protocol.HTTP, Protocol.H2, Protocol.TCP]


def half_meshed() -> list[Document]:
    """`web`: one pod with a sidecar, which opens for `front`, and one without."""
    selector = {"app": "web"}
    return [
        *town.app("new", of="web"),
        *town.app("old", of="web", meshed=False),
        *town.app("front"),
        *town.app("intruder"),
        *town.app("stray", meshed=False),
        town.service("web", selector),
        {
            **(plain := town.bytes_service("bytes", "")),
            "spec": {**plain["spec"], "selector": selector},
        },
        *town.bytes_grant("new", "new", ["front"]),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Town]:
    async with town.town(*half_meshed()) as found:
        yield found


def through(
    running: Town, client: str, service: str, protocol: Protocol
) -> tuple[Dialled, Request]:
    """How a pod's sidecar is asked for a Service, and for what."""
    at = Dialled(*running.lab.door(a.name(client), a.name(service), 80))
    return at, Request(f"pod/shop/{client}", f"shop/{service}:80", protocol, path="/x")


async def asked(at: Dialled, request: Request) -> Answer:
    return await speech.ask(at, request, request.path, "web.shop")


def of(protocol: Protocol) -> str:
    """The Service that carries `protocol`."""
    return "bytes" if protocol is Protocol.TCP else "web"


@pytest.mark.parametrize("protocol", EVERY)
async def test_both_answer_and_no_request_fails(running: Town, protocol: Protocol) -> None:
    at, request = through(running, FRONT, of(protocol), protocol)
    answers = Counter([(await asked(at, request)).pod for _ in range(20)])
    assert answers == {NEW: 10, OLD: 10}


async def test_one_is_reached_over_mutual_tls_and_the_other_in_plain(running: Town) -> None:
    at, request = through(running, FRONT, "web", Protocol.HTTP)
    for _ in range(4):
        assert (await asked(at, request)).status == 200
    found = await running.counters(FRONT, "web_80.http.(ssl.handshake|upstream_cx_total)")
    handshakes, connections = sorted(found.values())
    assert handshakes >= 1
    assert connections > handshakes
    (served, *_) = sorted((await running.counters("new-0", "inbound.*cx_ssl_total")).values())
    assert served == handshakes


@pytest.mark.parametrize("protocol", EVERY)
async def test_policy_binds_the_one_with_a_sidecar_alone(running: Town, protocol: Protocol) -> None:
    at, request = through(running, "intruder-0", of(protocol), protocol)
    answers = Counter([(await asked(at, request))[:2] for _ in range(20)])
    denied = (0, "") if protocol is Protocol.TCP else (403, "")
    if protocol is Protocol.TCP:
        # A connection that one refuses is made to another, or is refused when all is said.
        assert set(answers) <= {denied, (200, OLD)}
        assert answers[200, OLD] >= 10
    else:
        assert answers == {denied: 10, (200, OLD): 10}


@pytest.mark.parametrize("protocol", EVERY)
async def test_split_shares_between_them_by_weight(running: Town, protocol: Protocol) -> None:
    service = of(protocol)
    by_version = [("new", "new-v"), ("old", "old-v")]
    backends = [
        town.bytes_service(name, version)
        if protocol is Protocol.TCP
        else town.service(name, {"version": version})
        for version, name in by_version
    ]
    await running.play(*backends, town.split("s", service, {"new-v": 3, "old-v": 1}))
    at, request = through(running, FRONT, service, protocol)
    wanted = {NEW: Fraction(3, 4), OLD: Fraction(1, 4)}
    assert not await shares.surprises(lambda: asked(at, request), wanted, TIMES)
    await running.drop(("TrafficSplit", "s"), ("Service", "new-v"), ("Service", "old-v"))


@pytest.mark.parametrize("protocol", EVERY)
async def test_caller_without_a_sidecar_reaches_those_without_one_alone(
    running: Town, protocol: Protocol
) -> None:
    request = Request("pod/shop/stray-0", f"shop/{of(protocol)}:80", protocol)
    pods = {e.pod: (e.address, e.port) for e in _behind(running.lab.mesh)}
    assert await asked(Dialled(*pods[a.name("new-0")]), request) == Answer(0)
    assert (await asked(Dialled(*pods[a.name("old-0")]), request)).pod == OLD


def _behind(mesh: Mesh) -> tuple[Endpoint, ...]:
    return mesh.services[a.name("web")].ports[0].endpoints


async def test_connections_live_on_when_pods_without_a_sidecar_come_and_go(running: Town) -> None:
    at, _ = through(running, FRONT, "bytes", Protocol.TCP)
    reader, writer = await asyncio.open_connection(at.address, at.port)
    while await _said(reader, writer) != NEW:
        writer.close()
        reader, writer = await asyncio.open_connection(at.address, at.port)
    for replicas in (0, 2, 1):
        await running.play(*town.app("old", replicas, of="web", meshed=False))
        assert await _said(reader, writer) == NEW
    writer.close()


async def _said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Whom a connection leads to."""
    writer.write(speech.HELLO)
    return (await reader.readline()).decode().strip()


async def test_no_request_fails_while_the_last_without_a_sidecar_goes_and_one_comes(
    running: Town,
) -> None:
    at, request = through(running, FRONT, "web", Protocol.HTTP)
    answers: Counter[int] = Counter()
    over = asyncio.Event()

    async def load() -> None:
        while not over.is_set():
            answers[(await asked(at, request)).status] += 1

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load())
        for replicas, unready in ((1, True), (0, True), (1, True), (1, False)):
            running.absent = {a.name("old-0")} if unready else set()
            await running.play(*town.app("old", replicas, of="web", meshed=False))
            await asyncio.sleep(0.3)
        over.set()
    assert answers[200] > 20
    assert set(answers) == {200}


async def test_application_without_a_sidecar_sees_what_any_client_would_send() -> None:
    documents = half_meshed()
    async with town.town(*documents) as running, AsyncExitStack() as stack:
        await running.lab.apps[a.name("old-0")].aclose()
        old = running.lab.mesh.workloads[a.name("old-0")]
        await stack.enter_async_context(harness.echo(OLD, PORT, old.address))
        await running.play(*town.app("new", 0, of="web"))
        door = running.lab.door(a.name(FRONT), a.name("web"), 80)
        seen = await running.lab.request(a.name(FRONT), "http://web/x?y", headers=[("a", "b")])
        assert seen.status == 200, (seen, door)
        assert '["a", "b"]' in seen.text
        for foreign in ("x-envoy", "x-forwarded-client-cert", "x-request-id"):
            assert foreign not in seen.text.lower()
        assert "x-envoy" not in str(seen.headers).lower()


async def test_addresses_are_pods_of_the_mesh_or_are_reached_in_plain(running: Town) -> None:
    mesh = running.lab.mesh
    new, old = (mesh.workloads[a.name(n)] for n in ("new-0", "old-0"))
    host = f"{old.address.rpartition('.')[0]}.251"
    async with speech.application("outside", 9999, host):
        lists = town.addresses("listed", (new.address, PORT), (old.address, PORT), (host, 9999))
        await running.play(*lists)
        for client, refused in ((FRONT, 0), ("intruder-0", 10)):
            at, request = through(running, client, "listed", Protocol.HTTP)
            answers = Counter([(await asked(at, request))[:2] for _ in range(30)])
            served = {(200, OLD): 10, (200, "outside"): 10}
            assert answers == served | ({(403, ""): 10} if refused else {(200, NEW): 10})
        # A change of the slice is in force like any other.
        await running.drop(("EndpointSlice", "listed-0"), ("EndpointSlice", "listed-1"))
        at, request = through(running, "intruder-0", "listed", Protocol.H2)
        assert {(await asked(at, request)).pod for _ in range(4)} == {"outside"}
    await running.drop(*((d["kind"], d["metadata"]["name"]) for d in (lists[0], lists[3])))
