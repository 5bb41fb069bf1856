"""What a proxy proves itself with ends, and is renewed, while the mesh is under load."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace

import grpc
import pytest

from smi.k8s.resource import NamespacedName
from smi.model.workload import Workload
from smi_envoy.backend import EnvoyBackend, Lifetimes
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.xds import wire
from tests import builders as a
from tests.integration.envoy import harness, town
from tests.integration.envoy.load import Client, load
from tests.integration.envoy.streams import EVERYTHING, opened
from tests.integration.envoy.town import Town

pytestmark = pytest.mark.envoy

FRONT, WEB = a.name("front-0"), a.name("web-0")
CLIENTS = [Client(FRONT, f"http://web.shop/{n}", keeps=n != 2) for n in range(3)]
STREAMS = r"^cluster\.smi-control-plane\.upstream_rq_total$"


def documents() -> list[town.Document]:
    """`front` calls `web`."""
    return [
        *town.app("front"),
        *town.app("web"),
        town.routes("all"),
        town.routes("nothing", {"pathRegex": "/nothing"}),
        town.grant("web", "web", ["front"]),
    ]


async def streams(running: Town, pod: NamespacedName) -> int:
    """How often a proxy has opened a stream."""
    return sum((await town.counters(running.lab, pod, STREAMS)).values())


async def test_renewed_tokens_are_picked_up_before_the_old_ones_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "smi_envoy.xds")
    async with town.town(*documents(), lifetimes=Lifetimes(token=6)) as running:
        opened = await streams(running, FRONT)
        async with load(running.lab, CLIENTS, a_second=100) as asked:
            for _ in range(26):
                await asyncio.sleep(0.5)
                running.lab.renew()
            await running.play(town.grant("web", "web", ["front"], group="nothing"))
            await running.play(town.grant("web", "web", ["front"]))
        ended = [r for r in caplog.records if r.getMessage() == "stream closed"]
        assert {r.__dict__["reason"] for r in ended} == {"token expired"}
        assert not [r for r in caplog.records if r.getMessage() == "stream refused"]
        assert await streams(running, FRONT) >= opened + 2
        assert not await running.lab.backend.settled([FRONT, WEB], 5)
        assert {x.status for x in asked.failures()} <= {403}
        assert asked.statuses()[200] > 500


async def test_stream_proves_which_pod_it_is_of() -> None:
    """By a token of the pod that bears the name now; nothing else that it says counts."""
    async with harness.lab() as running:
        socket = running.state / "ads.sock"
        pods = [a.workload("web-0", "web"), a.workload("front-0", "front")]
        await running.backend.publish(a.mesh(pods))
        web, front = tokens_of(running.backend, pods)
        answer = await opened(socket, web, "shop/web-0")
        assert isinstance(answer, discovery_pb2.DeltaDiscoveryResponse)
        assert [r.name for r in answer.resources] == ["proxy/shop/web-0"]
        denied = grpc.StatusCode.PERMISSION_DENIED
        for node in ("shop/front-0", "shop/web-00", "web-0"):
            found = await opened(socket, web, node)
            assert isinstance(found, tuple), node
            assert found[0] is denied, node
        elsewhere = EnvoyBackend.on_this_machine(
            running.state / "elsewhere", harness.TRUST_DOMAIN, harness.clock
        )
        signature = front.rpartition(".")[2]
        forged = ("", "x", f"{web.rpartition('.')[0]}.{signature}", *tokens_of(elsewhere, pods))
        for token in forged:
            found = await opened(socket, token, "shop/web-0")
            assert isinstance(found, tuple), token
            assert found[0] is grpc.StatusCode.UNAUTHENTICATED, token


def tokens_of(backend: EnvoyBackend, pods: Iterable[Workload]) -> list[str]:
    """The tokens that a backend gives to pods."""
    return [backend.sidecar(pod).files["token"] for pod in pods]


async def test_token_of_a_replaced_pod_ends_its_stream_and_opens_none() -> None:
    async with harness.lab() as running:
        socket = running.state / "ads.sock"
        web = a.workload("web-0", "web")
        await running.backend.publish(a.mesh([web]))
        token = running.backend.sidecar(web).files["token"]
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            method: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
            method = channel.stream_stream(f"/{wire.SERVICE}/{wire.METHOD}")
            call = method(metadata=(("authorization", f"Bearer {token}"),))
            await call.write(EVERYTHING.SerializeToString())
            assert isinstance(await call.read(), bytes)
            other = a.workload("web-0", "intruder", uid="another")
            await running.backend.publish(a.mesh([other]))
            assert await call.code() is grpc.StatusCode.PERMISSION_DENIED
        # Both wait for news of their pod, that does not come.
        with_its_uid = running.backend.sidecar(replace(web, uid=other.uid)).files["token"]
        async with asyncio.TaskGroup() as tasks:
            tried = [
                tasks.create_task(opened(socket, each, "shop/web-0"))
                for each in (token, with_its_uid)
            ]
        for each in tried:
            assert each.result() == (grpc.StatusCode.UNAUTHENTICATED, "PodGone")


async def test_token_that_has_ended_opens_no_stream() -> None:
    async with harness.lab(lifetimes=Lifetimes(token=1)) as running:
        web = a.workload("web-0", "web")
        await running.backend.publish(a.mesh([web]))
        token = running.backend.sidecar(web).files["token"]
        await asyncio.sleep(1.1)
        assert await opened(running.state / "ads.sock", token, "shop/web-0") == (
            grpc.StatusCode.UNAUTHENTICATED,
            "TokenExpired",
        )
