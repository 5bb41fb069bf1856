"""One pod behind many Services, and ports that lead to the same one of its own."""

from typing import Any

import pytest

from smi.decision.request import Protocol, Request
from tests import builders as a
from tests.integration.envoy import speech, town
from tests.integration.envoy.speech import Answer, Dialled
from tests.integration.envoy.town import PORT, Document, Town

pytestmark = pytest.mark.envoy

WEB = "shop/web-0"


def named(name: str, *ports: dict[str, Any], **spec: object) -> Document:
    """A Service of `web`."""
    metadata = {"name": name, "namespace": a.NAMESPACE}
    every = {"selector": {"version": "web"}, "ports": list(ports), **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": every}


def port(number: int, name: str, protocol: str = "TCP") -> dict[str, Any]:
    """A port that leads to the pod's."""
    return {"name": name, "port": number, "targetPort": PORT, "protocol": protocol}


SERVICES = [
    named("other", port(80, "http")),
    named("bytes", port(80, "tcp")),
    named("looks", port(80, "x")),
    named(
        "many",
        port(80, "http-a"),
        port(81, "tcp-b"),
        port(82, "c", "SCTP"),
        port(83, "d", "UDP"),
        port(80, "e", "UDP"),
    ),
]


async def asked(running: Town, service: str, number: int, protocol: Protocol) -> Answer:
    at = Dialled(*running.lab.door(a.name("front-0"), a.name(service), number))
    request = Request("pod/shop/front-0", f"shop/{service}:{number}", protocol, path="/x")
    return await speech.ask(at, request, "/x", f"{service}.shop")


async def test_every_service_of_a_pod_and_every_port_of_it_leads_there_as_declared() -> None:
    grants = town.bytes_grant("web", "web", ["front"])
    async with town.town(*town.app("web"), *town.app("front"), *SERVICES, *grants) as running:
        for protocol in (Protocol.HTTP, Protocol.H2):
            for service, number in (("web", 80), ("other", 80), ("looks", 80), ("many", 80)):
                assert (await asked(running, service, number, protocol)).pod == WEB
        for service, number in (("bytes", 80), ("looks", 80), ("many", 81)):
            assert (await asked(running, service, number, Protocol.TCP)).pod == WEB


async def test_pods_that_are_not_ready_answer_where_they_are_published_and_nowhere_else() -> None:
    early = named("early", port(80, "http"), publishNotReadyAddresses=True)
    grants = town.bytes_grant("web", "web", ["front"])
    async with town.town(*town.app("web"), *town.app("front"), early, *grants) as running:
        running.absent = {a.name("web-0")}
        await running.play()
        assert (await asked(running, "early", 80, Protocol.HTTP)).pod == WEB
        assert (await asked(running, "web", 80, Protocol.HTTP)).status == 503
