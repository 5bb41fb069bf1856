"""Sidecars of pods that ask for it write a line of JSON for every request and connection."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.service import AppProtocol
from tests import builders as a
from tests.integration.envoy import lasting
from tests.integration.envoy.churn import BYTES, churn
from tests.integration.envoy.harness import BANNER, SETTLED, Lab, Loopback, lab
from tests.integration.envoy.volley import get, volley

pytestmark = pytest.mark.envoy

FRONT, INTRUDER, WEB = a.name("front-0"), a.name("intruder-0"), a.name("web-0")
MAIL = a.name("mail")
SECRET = "s3cret"
TIME = 2.0  # seconds that what lasts has at least; `--drain-time-s` is 3


def world(loopback: Loopback) -> Mesh:
    """`front` may GET /api of `web` and open connections to its port 25, `intruder` may nothing.

    All pods write lines.
    """
    web = a.workload("web-0", "web", address=loopback.address(), detours=loopback.detours(8080, 25))
    doors = {("web", 80): 15080, ("mail", 25): 15025}
    clients = [
        a.workload(f"{n}-0", n, address=loopback.address(), services=doors)
        for n in ("front", "intruder")
    ]
    http = a.route("web", 80, a.split("canary", {"web": 1}))
    tcp = a.route("mail", 25, speaks=AppProtocol.TCP)
    pods = [replace(pod, logs=True) for pod in (web, *clients)]
    return a.mesh(
        workloads=pods,
        services=[
            a.service("web", 80, pods[:1], 8080),
            a.service("mail", 25, pods[:1], 25, AppProtocol.TCP),
        ],
        routes=[http, tcp],
        inbounds=[
            a.inbound(
                a.group("web"),
                a.rule("api", "front", http=[a.match("/api", ["GET"])], ports=[8080]),
                a.rule("mail", "front", ports=[25]),
            )
        ],
        outbounds={"front": [http, tcp], "intruder": [http, tcp]},
    )


@asynccontextmanager
async def logging() -> AsyncIterator[Lab]:
    async with lab(banners=[25]) as running:
        await running.publish(world(Loopback()))
        yield running


async def lines(running: Lab, pod: NamespacedName, count: int) -> list[dict[str, Any]]:
    """What a sidecar has written, once it is so many lines."""
    async with asyncio.timeout(20):
        while True:
            text = (running.directory(pod) / "log").read_text()
            found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            if len(found) >= count:
                assert SECRET not in text
                return found
            await asyncio.sleep(0.05)


FIELDS = {
    *("time", "direction", "pod", "port", "source", "destination", "address", "route", "upstream"),
    *("policy", "protocol", "method", "path", "status", "flags", "details", "failure"),
    *("requestBytes", "responseBytes", "durationMs"),
}


def holds(line: dict[str, Any], **said: object) -> None:
    """A line has all fields and no other, of which some say this."""
    assert set(line) == FIELDS
    assert {name: line[name] for name in said} == said
    datetime.fromisoformat(line["time"])
    assert line["durationMs"] >= 0


async def test_line_says_who_asked_what_and_what_came_of_it() -> None:
    front, web = a.spiffe("front"), a.spiffe("web")
    async with logging() as running:
        headers = [("authorization", f"Bearer {SECRET}"), ("cookie", SECRET)]
        url = f"http://web.shop/api?token={SECRET}"
        assert (await running.request(FRONT, url, headers=headers)).status == 200
        post = await running.request(FRONT, "http://web.shop/api", "POST", data=b"12345")
        assert post.status == 403
        assert (await running.request(INTRUDER, "http://web.shop/api")).status == 403
        got, posted, denied = await lines(running, WEB, 3)
        common = {"direction": "inbound", "pod": "shop/web-0", "port": 8080, "route": None}
        common |= {"destination": web, "protocol": "HTTP/1.1", "path": "/api", "failure": None}
        holds(got, source=front, method="GET", status=200, policy="shop/api", **common)
        holds(posted, source=front, method="POST", status=403, policy="RouteNotGranted", **common)
        assert posted["details"] == "rbac_access_denied_matched_policy[RouteNotGranted]"
        holds(denied, source=a.spiffe("intruder"), policy="SourceNotListed", status=403, **common)
        sent, *_ = await lines(running, FRONT, 2)
        holds(
            sent,
            direction="outbound",
            pod="shop/front-0",
            source=front,
            destination=web,
            route="shop/web:80|shop/canary",
            upstream="shop/web:80|http",
            method="GET",
            path="/api",
            status=200,
        )
        assert sent["responseBytes"] > 0


async def test_line_says_who_connected_and_who_may_not() -> None:
    async with logging() as running:
        reader, writer = await asyncio.open_connection(*running.door(FRONT, MAIL, 25))
        assert await reader.readline() == BANNER
        writer.close()
        (made,) = await lines(running, WEB, 1)
        common = {"direction": "inbound", "port": 25, "status": None, "method": None, "path": None}
        holds(made, source=a.spiffe("front"), protocol="TCP", failure=None, policy=None, **common)
        assert made["responseBytes"] > len(BANNER)
        holds((await lines(running, FRONT, 1))[0], route="shop/mail:25", protocol="TCP")

        reader, writer = await asyncio.open_connection(*running.door(INTRUDER, MAIL, 25))
        assert await reader.read() == b""
        writer.close()
        _, refused = await lines(running, WEB, 2)
        holds(refused, source=a.spiffe("intruder"), policy="NotGranted", **common)
        assert "SAN matcher" in refused["failure"].replace("_", " ")

        loopback = running.mesh.workloads[WEB].loopback
        assert loopback is not None
        plain = running.mesh.workloads[WEB].address, loopback.detours[8080].inbound
        reader, writer = await asyncio.open_connection(*plain)
        writer.write(f"GET /{SECRET} HTTP/1.1\r\nhost: {SECRET}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        *_, strange = await lines(running, WEB, 3)
        holds(strange, source=None, details="filter_chain_not_found", port=8080, path=None)


async def test_lines_are_turned_on_and_off_under_load_and_no_request_fails() -> None:
    async with logging() as running:
        door = running.door(FRONT, a.name("web"), 80)
        async with volley(door, get("web.shop", "/api"), connections=6, a_second=120) as asked:
            for logs in (False, True, False):
                await asked.reaches(asked.statuses.total() + 60)
                pods = {n: replace(w, logs=logs) for n, w in running.mesh.workloads.items()}
                await running.publish(replace(running.mesh, workloads=pods))
            written = len(await lines(running, WEB, 60))
            await asked.reaches(asked.statuses.total() + 60)
        assert asked.failures == []
        assert len(await lines(running, WEB, 60)) - written < 60


async def test_what_lasts_has_its_time_when_lines_are_turned_on_and_can_be_made_anew() -> None:
    web = a.name("web")
    async with churn() as running:

        async def lasts(stack: AsyncExitStack) -> tuple[lasting.Lasting, ...]:
            enter = stack.enter_async_context
            return (
                await enter(lasting.stream(running, FRONT, web)),
                await enter(lasting.websocket(running, FRONT, web)),
                await enter(lasting.connection(running, FRONT, BYTES)),
            )

        async with AsyncExitStack() as stack:
            before = await lasts(stack)
            mesh = running.mesh
            pods = {n: replace(w, logs=True) for n, w in mesh.workloads.items()}
            await running.backend.publish(replace(mesh, workloads=pods))
            assert not await running.backend.settled(mesh.workloads, SETTLED)
            await asyncio.sleep(TIME)
            assert [one.end for one in before] == ["", "", ""]
            async with asyncio.timeout(10):
                while not all(one.end for one in before):  # noqa: ASYNC110 - they end by themselves
                    await asyncio.sleep(0.1)
            again = await lasts(stack)
            await asyncio.sleep(TIME * 2)
            assert [one.end for one in again] == ["", "", ""]
            assert all(one.answers for one in again)
