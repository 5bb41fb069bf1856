"""Who may call whom over HTTP, between real Envoys."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from smi.k8s.resource import NamespacedName
from smi.model.inbound import Rule
from smi.model.mesh import Mesh
from smi_envoy import admin
from smi_envoy.ca import store
from smi_envoy.ca.authority import Authority
from tests import builders as a
from tests.integration.envoy.harness import TRUST_DOMAIN, Lab, Loopback, clock, lab

pytestmark = pytest.mark.envoy

WEB, FRONT, INTRUDER = a.name("web-0"), a.name("front-0"), a.name("intruder-0")

GET_API = a.rule("web", "front", http=[a.match("/api", ["GET"])])


def world(loopback: Loopback, *rules: Rule) -> Mesh:
    """`front` names `web`, whose pods `rules` protect; `intruder` names nothing."""
    web = a.workload("web-0", "web", address=loopback.address(), detours=loopback.detours(8080))
    front = a.workload(
        "front-0",
        "front",
        address=loopback.address(),
        services={("web", 80): 15080},
        uid="a-pod-uid",
    )
    intruder = a.workload("intruder-0", "intruder", address=loopback.address())
    route = a.route("web", 80)
    return a.mesh(
        workloads=[web, front, intruder],
        services=[a.service("web", 80, [web], target=8080)],
        routes=[route],
        inbounds=[a.inbound(a.group("web"), *rules)],
        outbounds={"front": [route], "intruder": []},
    )


def protected_by(mesh: Mesh, *rules: Rule) -> Mesh:
    """`mesh` with other rules for `web`."""
    return replace(mesh, inbound={a.group("web"): a.inbound(a.group("web"), *rules)})


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Lab]:
    async with lab() as found:
        await found.publish(world(Loopback(), GET_API))
        yield found


def certificate(running: Lab, account: str, directory: Path) -> ssl.SSLContext:
    """A client's TLS with an SVID of `account`, stolen, so to speak."""

    def now() -> float:
        return clock().timestamp()

    issued = Authority(store.load_roots(running.state, TRUST_DOMAIN, now)[0], now).issue(
        a.spiffe(account)
    )
    file = directory / f"{account}.pem"
    file.write_bytes(issued.cert_chain_pem + issued.key_pem)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(file)
    return context


async def directly(running: Lab, context: ssl.SSLContext, sni: str = "http.smi-mesh") -> str:
    """What `web`'s sidecar answers to a GET of /api, dialled past the client's own sidecar."""
    web = running.mesh.workloads[WEB]
    assert web.loopback is not None
    reader, writer = await asyncio.open_connection(
        web.address, web.loopback.detours[8080].inbound, ssl=context, server_hostname=sni
    )
    writer.write(b"GET /api HTTP/1.1\r\nhost: web.shop\r\nconnection: close\r\n\r\n")
    try:
        return (await reader.read()).decode()
    finally:
        writer.close()


async def test_allowed_request_arrives_as_it_was_sent(running: Lab) -> None:
    answer = await running.request(
        FRONT, "http://web.shop/api/items?x=1", headers=[("x-custom", "Value")]
    )
    assert answer.status == 200, answer
    seen = json.loads(answer.text)
    assert (seen["pod"], seen["path"]) == ("shop/web-0", "/api/items?x=1")
    headers = {key.lower(): value for key, value in seen["headers"]}
    assert headers["x-custom"] == "Value"
    assert f"URI={a.spiffe('front')}" in headers["x-forwarded-client-cert"]
    assert headers["x-forwarded-proto"] == "http"
    assert not [key for key in headers if key.startswith("x-envoy") or key == "x-request-id"]
    assert answer.headers["Server"].startswith("Python/")
    assert not [key for key in answer.headers if key.lower().startswith("x-envoy")]


@pytest.mark.parametrize(
    "host", ["web", "web:80", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local:80"]
)
async def test_every_name_of_the_service_is_understood(running: Lab, host: str) -> None:
    assert (await running.request(FRONT, f"http://{host}/api")).status == 200


async def test_door_of_a_service_ignores_the_host(running: Lab) -> None:
    address, port = running.door(FRONT, a.name("web"), 80)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}:{port}/api", headers={"host": "example.com"}) as response,
    ):
        assert response.status == 200
        assert ["Host", "example.com"] in (await response.json())["headers"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api"),
        ("GET", "/other"),
        ("GET", "/x/api"),
        ("GET", "/?/api"),
        ("GET", "/api/../"),
    ],
)
async def test_unlisted_request_is_refused_by_the_server(
    running: Lab, method: str, path: str
) -> None:
    url = URL(f"http://web.shop{path}", encoded=True)
    answer = await running.request(FRONT, url, method)
    assert answer.status == 403
    assert "smi-mesh: RouteNotGranted" in answer.text


@pytest.mark.parametrize("path", ["/api%2Fx", "/api/%5c..", "/api/%2f"])
async def test_escaped_slash_is_no_valid_request_where_a_path_decides(
    running: Lab, path: str
) -> None:
    url = URL(f"http://web.shop{path}", encoded=True)
    assert (await running.request(FRONT, url)).status == 400


async def test_escaped_slash_passes_where_no_path_decides(running: Lab) -> None:
    await running.publish(protected_by(running.mesh, a.rule("web", "front", http=[a.match()])))
    answer = await running.request(FRONT, URL("http://web.shop/a%2Fb", encoded=True))
    assert json.loads(answer.text)["path"] == "/a%2Fb"


async def test_intruder_is_answered_by_its_own_sidecar(running: Lab) -> None:
    answer = await running.request(INTRUDER, "http://web.shop/api")
    assert answer.status == 403
    for cause in ("may not call", "no such Service", "no pod stands behind it", "TrafficTarget"):
        assert cause in answer.text
    assert "shop/intruder" in answer.text


async def test_intruder_that_goes_past_its_sidecar_is_refused_by_the_server(
    running: Lab, tmp_path: Path
) -> None:
    assert (await directly(running, certificate(running, "front", tmp_path))).startswith(
        "HTTP/1.1 200"
    )
    assert (await directly(running, certificate(running, "intruder", tmp_path))).startswith(
        "HTTP/1.1 403"
    )


async def test_caller_without_a_certificate_is_refused(running: Lab) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await directly(running, context)


async def test_other_tls_is_refused(running: Lab, tmp_path: Path) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await directly(running, certificate(running, "front", tmp_path), "example.com")


async def test_plain_text_is_refused(running: Lab) -> None:
    web = running.mesh.workloads[WEB]
    assert web.loopback is not None
    reader, writer = await asyncio.open_connection(web.address, web.loopback.detours[8080].inbound)
    writer.write(b"GET /api HTTP/1.1\r\nhost: web.shop\r\n\r\n")
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    finally:
        writer.close()


async def test_pod_is_known_by_its_uid(running: Lab) -> None:
    by_uid = a.rule("by-uid", pods=["a-pod-uid"], http=[a.match("/uid")])
    await running.publish(protected_by(running.mesh, by_uid, GET_API))
    assert (await running.request(FRONT, "http://web.shop/uid")).status == 200
    assert (await running.request(FRONT, "http://web.shop/api")).status == 200
    assert (await running.request(FRONT, "http://web.shop/other")).status == 403


async def test_rules_are_judged_by_port_and_by_headers(running: Lab) -> None:
    headers = {"x-user": "a|b,c", ":authority": "web\\.shop", "cookie": "k=1; l=2"}
    await running.publish(
        protected_by(
            running.mesh,
            a.rule("elsewhere", "front", ports=[9090]),
            a.rule("here", "front", ports=[8080], http=[a.match(headers=headers)]),
        )
    )

    async def status(*pairs: tuple[str, str], host: str = "web.shop") -> int:
        found = await running.request(FRONT, f"http://{host}/", headers=pairs)
        return found.status

    cookies = (("cookie", "k=1; l=2"),)
    assert await status(("x-user", "a"), *cookies) == 200
    assert await status(("x-user", "b"), ("x-user", "c"), *cookies) == 200
    assert await status(("x-user", "ab"), *cookies) == 403
    assert await status(("x-user", "a"), ("cookie", "k=1")) == 403
    assert await status(*cookies) == 403
    assert await status(("x-user", "a"), *cookies, host="web") == 403


async def test_edit_is_in_force_on_a_live_connection_and_closes_none(running: Lab) -> None:
    mesh = running.mesh
    async with aiohttp.ClientSession() as session:
        for rules, expected in (
            ([GET_API], 200),
            ([a.rule("web", "front", http=[a.match("/nothing")])], 403),
            ([a.rule("web", "front", http=[a.match(methods=["GET"])])], 200),
            ([], 403),
            ([GET_API], 200),
        ):
            await running.publish(protected_by(mesh, *rules))
            answer = await running.request(FRONT, "http://web.shop/api", session=session)
            assert answer.status == expected
    assert await connections_of(running, FRONT, "http.proxy") == 1
    assert await connections_of(running, WEB, "http.inbound") == 1


async def connections_of(running: Lab, pod: NamespacedName, door: str) -> int:
    """How many connections were ever made to a door of a pod."""
    text = await admin.ask(
        running.directory(pod), f"/stats?format=json&filter=^{door}.*downstream_cx_total$"
    )
    return sum(stat["value"] for stat in json.loads(text or "{}")["stats"])


async def test_flows_say_what_was_asked_and_what_came_of_it(running: Lab) -> None:
    await running.request(FRONT, "http://web.shop/api")
    await running.request(FRONT, "http://web/no")
    await running.request(INTRUDER, "http://web.shop/api")
    flows = (await running.backend.traffic(running.directories())).flows
    web = a.name("web")
    assert {(str(f.source), f.host, f.root, f.service, f.status, f.count) for f in flows} == {
        ("shop/front", "web.shop", web, web, "200", 1),
        ("shop/front", "web", web, web, "403", 1),
        ("shop/intruder", "web.shop", None, None, "403", 1),
    }


async def test_drain_lets_a_request_end(running: Lab) -> None:
    await running.publish(protected_by(running.mesh, a.rule("web", "front")))
    async with asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(running.request(FRONT, "http://web.shop/slow/0.7"))
        await asyncio.sleep(0.2)
        started = clock()
        await running.backend.drain(running.directory(WEB))
        assert 0.2 < (clock() - started).total_seconds() < 3
        running.envoys[WEB].terminate()
    assert slow.result().status == 200
