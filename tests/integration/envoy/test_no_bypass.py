"""No way that a denied request takes to an application, and none that an allowed one is bent by."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import builders as a
from tests.integration.envoy.witness import (
    ALLOWED,
    DENIED,
    PROXY,
    SERVER,
    WAYS,
    WEB,
    Way,
    Witness,
    get,
    say,
    spoken,
    tls,
    witness,
)

pytestmark = pytest.mark.envoy


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Witness]:
    async with witness() as found:
        yield found


@pytest.mark.parametrize("way", WAYS)
async def test_request_that_is_allowed_arrives_and_one_that_is_not_does_not(
    running: Witness, way: Way
) -> None:
    path = "http://web.shop" if way is PROXY else ""
    assert await say(running, way, "front", get(path + ALLOWED)) == [200]
    assert len(running.arrived) == 1
    assert await say(running, way, "front", get(path + DENIED)) == [403]
    assert await say(running, way, "intruder", get(path + ALLOWED)) in ([403], [])
    assert len(running.arrived) == 1


SPOOFS = [
    "x-envoy-original-path: /api",
    "x-original-url: /api",
    "x-rewrite-url: /api",
    "x-envoy-original-dst-host: 127.0.0.1:1",
    "x-envoy-internal: true",
    "x-envoy-decorator-operation: /api",
    "x-http-method-override: GET",
    "x-forwarded-for: 127.0.0.1",
    "x-forwarded-proto: https",
    f"x-forwarded-client-cert: By=spiffe://x;URI={a.spiffe('front')}",
    "x-envoy-upstream-alt-stat-name: x",
    "te: trailers",
    "smi.path: /api",
]


@pytest.mark.parametrize("way", WAYS)
async def test_no_header_opens_a_path_or_an_application(running: Witness, way: Way) -> None:
    path = "http://web.shop" if way is PROXY else ""
    for account, target in (("front", DENIED), ("intruder", ALLOWED), ("intruder", DENIED)):
        for header in (*SPOOFS, "\n".join(SPOOFS)):
            for method in ("GET", "POST"):
                told = await say(running, way, account, get(path + target, header, method=method))
                assert told in ([403], []), (account, header)
    assert running.arrived == []


@pytest.mark.parametrize("way", [PROXY, SERVER], ids=["proxy", "server"])
async def test_client_certificate_that_an_application_sees_is_the_callers(
    running: Witness, way: Way
) -> None:
    forged = f"x-forwarded-client-cert: URI={a.spiffe('root')}"
    path = f"http://web.shop{ALLOWED}" if way is PROXY else ALLOWED
    assert await say(running, way, "front", get(path, forged, forged.upper())) == [200]
    seen = running.headers()["x-forwarded-client-cert"]
    assert a.spiffe("root") not in seen
    assert f"URI={a.spiffe('front')}" in seen


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("forwarded", ["", "x-forwarded-for: 10.0.0.1"])
async def test_no_header_bends_retries_or_timeouts(
    running: Witness, way: Way, forwarded: str
) -> None:
    path = "http://web.shop" if way is PROXY else ""
    headers = [
        *([forwarded] if forwarded else ()),
        "x-envoy-retry-on: 5xx",
        "x-envoy-max-retries: 3",
        "x-envoy-upstream-rq-timeout-ms: 100",
        "x-envoy-upstream-rq-per-try-timeout-ms: 50",
        "x-envoy-hedge-on-per-try-timeout: true",
        "x-envoy-expected-rq-timeout-ms: 100",
        "grpc-timeout: 100m",
    ]
    assert await say(running, way, "front", get(f"{path}/api/fails", *headers)) == [503]
    assert len(running.arrived) == 1
    assert await say(running, way, "front", get(f"{path}/api/late", *headers)) == [200]
    assert len(running.arrived) == 2


async def test_forwarded_address_adds_nothing_to_a_request(running: Witness) -> None:
    request = get(f"http://web.shop{ALLOWED}", "x-forwarded-for: 10.0.0.1")
    assert await say(running, PROXY, "front", request) == [200]
    assert not [name for name in running.headers() if name.startswith("x-envoy")]
    assert running.headers()["x-forwarded-for"] == "10.0.0.1"


@pytest.mark.parametrize("way", WAYS)
async def test_other_ways_to_say_a_request_are_judged_alike(running: Witness, way: Way) -> None:
    prefix = "http://web.shop" if way is PROXY else ""
    for method in ("POST", "HEAD", "TRACE", "OPTIONS", "BREW", "get", "PRI"):
        told = await say(running, way, "front", get(prefix + ALLOWED, method=method))
        assert set(told) <= {400, 403}, method
    for target in ("web.shop:80", "127.0.0.1:8080", ALLOWED, f"http://web.shop{ALLOWED}", "*"):
        told = await say(running, way, "front", get(target, method="CONNECT"))
        opened = way is PROXY and target == "web.shop:80"  # a tunnel, in which nothing is asked
        assert told == [200] if opened else 200 not in told, target
    for upgrade in ("websocket", "h2c", "connect-udp", "TLS/1.3", "x"):
        for path in (DENIED, "/"):
            headers = f"upgrade: {upgrade}\nhttp2-settings: AAMAAABkAAQAAP__"
            request = get(prefix + path, headers).replace(
                "connection: close", "connection: upgrade, http2-settings, close"
            )
            told = await say(running, way, "front", request)
            assert set(told) <= {400, 403, 404}, (upgrade, told)
    assert running.arrived == []


@pytest.mark.parametrize("way", WAYS)
async def test_host_opens_no_other_service(running: Witness, way: Way) -> None:
    for host in ("vault.shop", "vault.shop:80", "vault", "web.shop@vault.shop", "127.0.0.1:1"):
        for target in (ALLOWED, f"http://{host}{ALLOWED}"):
            told = await say(running, way, "front", get(target, host=host))
            assert set(told) <= ({400, 403} if way is PROXY else {200, 400, 403}), (host, told)
    assert not [head for head in running.arrived if head.startswith("vault")]


@pytest.mark.parametrize("host", ["WEB.shop", "web.shop:80", "Web.Shop.svc"])
async def test_host_is_understood_as_it_is_written(running: Witness, host: str) -> None:
    request = get(f"http://{host}{ALLOWED}", host=host)
    assert await say(running, PROXY, "front", request) == [200]


@pytest.mark.parametrize("header", ["upgrade: h2c", "expect: 100-continue", "te: trailers"])
async def test_what_common_clients_say_does_no_harm(running: Witness, header: str) -> None:
    """Java's client offers h2c with every request, curl expects 100 before a large body."""
    request = get(f"http://web.shop{ALLOWED}", header)
    assert (await say(running, PROXY, "front", request))[-1] == 200


async def test_double_of_the_ca_opens_no_door(running: Witness) -> None:
    web = running.mesh.workloads[WEB]
    assert web.loopback is not None
    at = (web.address, web.loopback.detours[8080].inbound)
    for sni in ("http.smi-mesh", "tcp.smi-mesh"):
        context = tls(running, "front", foreign=True)
        assert await spoken(*at, context, get(ALLOWED), sni) == []
    for sni in ("tcp.smi-mesh", "x", "HTTP.smi-mesh.x"):
        assert await spoken(*at, tls(running, "front"), get(ALLOWED), sni) == [], sni
    assert running.arrived == []
