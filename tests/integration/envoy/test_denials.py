"""A denial says why: to the caller, and in the statistics by source, destination and reason."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from smi.model.inbound import Mode, Rule
from tests import builders as a
from tests.integration.envoy import witness as w
from tests.integration.envoy.witness import ALLOWED, DENIED, PROXY, SERVER, Witness, get

pytestmark = pytest.mark.envoy

COUNTED = 0.3  # seconds; access loggers count what has ended


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Witness]:
    async with w.witness() as found:
        yield found


async def counts(running: Witness) -> Counter[tuple[str, str, str, bool]]:
    """Denials by source, destination, reason, and whether they were enforced."""
    await asyncio.sleep(COUNTED)
    found: Counter[tuple[str, str, str, bool]] = Counter()
    for refusal in (await running.backend.traffic(running.directories())).refusals:
        source = refusal.source.rpartition("/")[2]
        found[source, refusal.destination, refusal.reason, refusal.enforced] += refusal.count
    return found


async def protect(running: Witness, *rules: Rule, mode: Mode = Mode.STRICT) -> None:
    """Publish the mesh with `rules`, and `mode`, for the pods of the server."""
    inbound = replace(a.inbound(a.group("web"), *rules), mode=mode)
    table = {**running.mesh.inbound, inbound.group: inbound}
    await running.publish(replace(running.mesh, inbound=table))


async def answer(running: Witness, account: str, path: str) -> str:
    """What the server's sidecar says to a caller that goes past its own."""
    address, port, context = SERVER.to(running, account)
    reader, writer = await asyncio.open_connection(
        address, port, ssl=context, server_hostname="http.smi-mesh"
    )
    try:
        async with asyncio.timeout(w.PATIENCE):
            writer.write(get(path).replace("\n", "\r\n").encode())
            return (await reader.readuntil(b".\n")).decode()
    finally:
        writer.transport.abort()


async def test_caller_is_told_the_reason_and_nothing_of_the_policy(running: Witness) -> None:
    for rules, reason in (
        ([], "NoPolicy"),
        ([a.rule("secret", "other")], "SourceNotListed"),
        ([a.rule("secret", "front", tcp=False)], "ProtocolNotGranted"),
        ([a.rule("secret", "front", ports=[81])], "PortNotGranted"),
        ([a.rule("secret", "front", http=[a.match("/api")])], "RouteNotGranted"),
    ):
        await protect(running, *rules)
        said = await answer(running, "front", DENIED)
        assert said.startswith("HTTP/1.1 403 Forbidden"), said
        assert f"smi-mesh: {reason}: " in said
        assert "secret" not in said.partition("\r\n\r\n")[2]
    denied = {reason for (_, _, reason, _) in await counts(running)}
    assert denied == {
        "NoPolicy",
        "SourceNotListed",
        "ProtocolNotGranted",
        "PortNotGranted",
        "RouteNotGranted",
    }


async def test_denials_are_counted_by_source_destination_and_reason(running: Witness) -> None:
    for account, path in (("front", ALLOWED), ("front", DENIED), ("front", f"{ALLOWED}/a%2fb")):
        await w.say(running, SERVER, account, get(path))
    await w.say(running, SERVER, "intruder", get(ALLOWED))
    await w.say(running, PROXY, "intruder", get("http://unknown/"))
    assert await counts(running) == {
        ("front", "shop/web", "RouteNotGranted", True): 1,
        ("front", "shop/web", "EscapedSlash", True): 1,
        ("intruder", "shop/web", "SourceNotListed", True): 1,
        ("intruder", "unknown", "AccessDenied", True): 1,
    }


async def test_handshakes_that_fail_are_counted_by_source_destination_and_reason(
    running: Witness,
) -> None:
    address, port, _ = SERVER.to(running, "front")
    nobody = ssl.create_default_context()
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
    mine, forged = w.tls(running, "front"), w.tls(running, "front", foreign=True)
    for context, sni in (
        (mine, "x.tcp.smi-mesh"),
        (forged, "http.smi-mesh"),  # who it says that it is counts for nothing
        (nobody, "http.smi-mesh"),
        (mine, "other"),
        (None, ""),
    ):
        assert await w.spoken(address, port, context, get(ALLOWED), sni) == []
    assert await counts(running) == {
        ("front", "shop/web", "NotGranted", True): 1,
        ("", "shop/web", "UntrustedCertificate", True): 1,
        ("", "shop/web", "NoIdentity", True): 3,
    }


async def test_audit_counts_what_it_lets_through_by_the_reason_of_strict_mode(
    running: Witness,
) -> None:
    rules = running.mesh.inbound[a.group("web")].rules
    await protect(running, *rules, mode=Mode.AUDIT)
    for account, path in (("front", ALLOWED), ("front", DENIED), ("front", f"{ALLOWED}/a%2fb")):
        assert await w.say(running, SERVER, account, get(path)) == [200]
    assert await w.say(running, SERVER, "intruder", get(ALLOWED)) == [200]
    address, port, context = SERVER.to(running, "intruder")
    assert await w.spoken(address, port, context, get(ALLOWED), "x.tcp.smi-mesh") == [200]
    assert await w.spoken(address, port, None, get(ALLOWED)) == [200]
    assert await counts(running) == {
        ("front", "shop/web", "RouteNotGranted", False): 1,
        ("front", "shop/web", "EscapedSlash", False): 1,
        ("intruder", "shop/web", "SourceNotListed", False): 1,
        ("intruder", "shop/web", "NotGranted", False): 1,
        ("", "shop/web", "NoIdentity", False): 1,
    }
