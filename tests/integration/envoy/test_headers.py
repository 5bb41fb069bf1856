"""What an application and its caller hear of each other is what they said, but for a known few."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import product

import pytest

from smi.model.inbound import Mode
from tests import builders as a
from tests.integration.envoy.candid import Candid, Message, Pairs, ask_http1, ask_http2, candid
from tests.integration.envoy.harness import Lab, Loopback, lab
from tests.integration.envoy.test_stale_connections import world

pytestmark = pytest.mark.envoy

FRONT, WEB = a.name("front-0"), a.name("web-0")
HOST = ("host", "web.shop")
XFCC = "x-forwarded-client-cert"
FORGED = (XFCC, f"By=x;Hash=y;URI={a.spiffe('root')}")
ALIKE = ["X{}Forwarded{}Client{}Cert".format(*joined) for joined in product("-_", repeat=3)]
"""What CGI, WSGI and their like hand to an application under one name."""

TRACES = [
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "a=b,c=d"),
    ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
    ("x-b3-traceid", "80f198ee56343ba8"),
    ("x-b3-spanid", "e457b5a2e4d86bd1"),
    ("x-b3-sampled", "0"),
    ("baggage", "user=me"),
    ("x-request-id", "mine"),
    ("x-client-trace-id", "mine"),
]
FORWARDED = [
    ("forwarded", "for=10.0.0.1"),
    ("x-forwarded-for", "10.0.0.1"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "shop.example"),
    ("via", "1.1 gateway"),
    ("user-agent", "browser"),
    ("te", "trailers"),
    ("x-smi", "a"),
    ("x-smi", "b"),
]
NAMED_LIKE_ENVOYS = [
    ("x-envoy-attempt-count", "7"),
    ("x-envoy-external-address", "10.0.0.1"),
    ("x-envoy-decorator-operation", "mine"),
    ("x-envoy-original-path", "/mine"),
    ("x-envoy-upstream-service-time", "7"),
]
LOST = {"x-envoy-internal", "x-envoy-expected-rq-timeout-ms"}
"""What Envoy takes off a request, though nobody but it says such a thing."""

SAID = [*TRACES, *FORWARDED, *NAMED_LIKE_ENVOYS, *((name, "1") for name in sorted(LOST)), FORGED]
ANSWERS: list[Pairs] = [
    [("date", "Tue, 15 Nov 1994 08:12:31 GMT"), ("server", "mine"), ("x-smi", "a"), ("x-smi", "b")],
    [("date", "Tue, 15 Nov 1994 08:12:31 GMT"), ("via", "1.1 mine"), *NAMED_LIKE_ENVOYS, *TRACES],
]
TRAILERS = [("grpc-status", "0"), ("x-smi", "a")]


@asynccontextmanager
async def meshed(mode: Mode = Mode.STRICT) -> AsyncIterator[tuple[Lab, Candid]]:
    """`front` may ask all of `web`, whose application is candid."""
    async with lab() as running:
        mesh = world(Loopback())
        inbound = {g: replace(i, mode=mode) for g, i in mesh.inbound.items()}
        await running.publish(replace(mesh, inbound=inbound))
        await running.apps[WEB].aclose()
        async with candid(application(running)[1]) as found:
            yield running, found


def application(running: Lab) -> tuple[str, int]:
    loopback = running.mesh.workloads[WEB].loopback
    assert loopback is not None
    return "127.0.0.1", loopback.detours[8080].application


def doors(running: Lab) -> list[tuple[str, int]]:
    """The HTTP proxy of the client's sidecar, and the door that stands for the Service."""
    client = running.mesh.workloads[FRONT]
    assert client.loopback is not None
    return [(client.address, client.loopback.proxy), running.door(FRONT, a.name("web"), 80)]


def plain_door(running: Lab) -> tuple[str, int]:
    """Where who has no sidecar calls."""
    web = running.mesh.workloads[WEB]
    assert web.loopback is not None
    return web.address, web.loopback.detours[8080].inbound


def heard(application: Candid) -> Message:
    assert application.heard is not None
    return application.heard


def told_who(headers: Pairs) -> list[tuple[str, str]]:
    """All but the certificate, which has to be the caller's."""
    (certificate,) = [value for name, value in headers if name == XFCC]
    assert certificate.endswith(f";URI={a.spiffe('front')}")
    assert certificate.startswith(f"By={a.spiffe('web')};Hash=")
    assert a.spiffe("root") not in certificate
    return [pair for pair in headers if pair[0] != XFCC]


def kept(headers: Pairs) -> list[tuple[str, str]]:
    return sorted(pair for pair in headers if pair[0] not in {XFCC, *LOST})


async def test_application_hears_what_its_caller_says_over_http1() -> None:
    async with meshed() as (running, web):
        for line in ("POST /a?b=%20c HTTP/1.1", "GET /a HTTP/1.0"):
            body = b"hello" if line.startswith("POST") else b""
            said = [HOST, *SAID, ("content-length", str(len(body)))]
            await ask_http1(application(running), line, said, body)
            direct = heard(web)
            for door in doors(running):
                await ask_http1(door, line, said, body)
                found = heard(web)
                assert sorted(told_who(found.headers)) == kept(direct.headers)
                assert found.body == body
                # What Envoy says, it says in HTTP/1.1.
                assert found.line == line.replace("1.0", "1.1")


async def test_application_hears_what_its_caller_says_over_http2() -> None:
    pseudo = {":method": "POST", ":scheme": "http", ":authority": "web.shop", ":path": "/a?b"}
    said = [*pseudo.items(), *SAID]
    async with meshed() as (running, web):
        web.trailers = TRAILERS
        await ask_http2(application(running), said, b"hello", TRAILERS)
        direct = heard(web)
        for door in doors(running):
            await ask_http2(door, said, b"hello", TRAILERS)
            found = heard(web)
            assert sorted(told_who(found.headers)) == kept(direct.headers)
            assert (found.line, found.body) == (direct.line, b"hello")
            assert found.trailers == TRAILERS


async def test_application_hears_of_its_caller_and_of_the_protocol_and_nothing_else() -> None:
    async with meshed() as (running, web):
        for door in doors(running):
            await ask_http1(door, "GET / HTTP/1.1", [HOST])
            assert told_who(heard(web).headers) == [HOST, ("x-forwarded-proto", "http")]


@pytest.mark.parametrize("answer", ANSWERS)
async def test_caller_hears_what_the_application_answers(answer: Pairs) -> None:
    pseudo = {":method": "GET", ":scheme": "http", ":authority": "web.shop", ":path": "/"}
    async with meshed() as (running, web):
        web.headers, web.trailers = answer, TRAILERS
        for door in doors(running):
            told = await ask_http1(door, "GET / HTTP/1.1", [HOST])
            assert sorted(told.headers) == sorted([*answer, ("content-length", "2")])
            over_http2 = await ask_http2(door, list(pseudo.items()))
            assert sorted(over_http2.headers) == sorted(answer)
            assert (over_http2.body, over_http2.trailers) == (b"ok", TRAILERS)
        web.headers = []
        told = await ask_http1(doors(running)[0], "GET / HTTP/1.1", [HOST])
        assert sorted(name for name, _ in told.headers) == ["content-length", "date"]


@pytest.mark.parametrize("mode", [Mode.PERMISSIVE, Mode.AUDIT])
async def test_caller_without_a_certificate_shows_none_to_the_application(mode: Mode) -> None:
    async with meshed(mode) as (running, web):
        await ask_http1(plain_door(running), "GET / HTTP/1.1", [HOST, FORGED, FORGED])
        assert heard(web).headers == [HOST, ("x-forwarded-proto", "http")]
        await ask_http1(doors(running)[0], "GET / HTTP/1.1", [HOST, FORGED])
        assert told_who(heard(web).headers) == [HOST, ("x-forwarded-proto", "http")]


@pytest.mark.parametrize("mode", [Mode.STRICT, Mode.PERMISSIVE])
async def test_no_caller_is_forged_for_who_reads_lines_as_dashes(mode: Mode) -> None:
    said = [HOST, *((name, FORGED[1]) for name in ALIKE)]
    async with meshed(mode) as (running, web):
        for door in doors(running):
            await ask_http1(door, "GET / HTTP/1.1", said)
            assert told_who(heard(web).headers) == [HOST, ("x-forwarded-proto", "http")]
        if mode is Mode.PERMISSIVE:
            await ask_http1(plain_door(running), "GET / HTTP/1.1", said)
            assert heard(web).headers == [HOST, ("x-forwarded-proto", "http")]


async def test_caller_without_a_sidecar_hears_nothing_that_is_for_sidecars() -> None:
    async with lab() as running:
        mesh = world(Loopback())
        inbound = {g: replace(i, mode=Mode.PERMISSIVE) for g, i in mesh.inbound.items()}
        await running.publish(replace(mesh, inbound=inbound))
        await running.apps[WEB].aclose()
        for to in (plain_door(running), *doors(running)):
            told = await ask_http1(to, "GET / HTTP/1.1", [HOST])
            assert "503" in told.line
            assert sorted(name for name, _ in told.headers) == [
                "content-length",
                "content-type",
                "date",
            ]
