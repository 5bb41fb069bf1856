"""`smi run` replaces pods, and loses some, while others go on asking."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from smi.standalone import state_directory
from tests.integration.envoy.candid import ask_http1
from tests.integration.envoy.volley import Volley, get, post, volley

pytestmark = pytest.mark.envoy

SMI = (sys.executable, "-c", "from smi.cli.main import main; main()")
A_SECOND = 60
CONNECTIONS = 8

APPLICATION = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", "0")))
        said = os.environ["VERSION"].encode() + b" " + str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

print("version", os.environ["VERSION"], "of", os.environ["POD"], "is", os.getpid(), flush=True)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  replicas: {replicas}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      serviceAccountName: web
      containers:
        - name: main
          command: [{python}, web.py]
          env:
            - {{name: VERSION, value: "{version}"}}
            - {{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
          ports: [{{containerPort: 8080}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: front, namespace: shop}}
spec:
  template:
    metadata: {{labels: {{app: front}}}}
    spec:
      serviceAccountName: front
      containers: [{{name: main, command: [sleep, "1000"]}}]
---
apiVersion: access.smi-spec.io/v1alpha4
kind: TrafficTarget
metadata: {{name: web, namespace: shop}}
spec:
  destination: {{kind: ServiceAccount, name: web}}
  rules: [{{kind: HTTPRouteGroup, name: all}}]
  sources: [{{kind: ServiceAccount, name: front}}]
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {{name: all, namespace: shop}}
spec: {{matches: [{{name: all}}]}}
"""


@dataclass(slots=True)
class Shop:
    """A running `smi run` of `web` in some replicas, and `front`, which asks it."""

    directory: Path
    replicas: int
    version: int = 1

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def write(self) -> None:
        text = MANIFESTS.format(replicas=self.replicas, version=self.version, python=sys.executable)
        new = self.directory / "new"
        new.write_text(text)
        new.replace(self.directory / "shop" / "shop.yaml")

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - other processes make it true
                await asyncio.sleep(0.05)

    def is_replaced(self) -> bool:
        """Whether all pods have been started in this version."""
        said = (f"version {self.version} of web-{n} is" for n in range(self.replicas))
        return all(one in self.log for one in said)

    def applications(self) -> dict[str, int]:
        """The pod and the process of every application that said so, by the last that it said."""
        said = re.findall(r"version \d+ of (\S+) is (\d+)$", self.log, re.MULTILINE)
        return {pod: int(number) for pod, number in said}

    async def answers_come_from(self, processes: set[int]) -> None:
        """Wait until requests are answered by these processes, every one of them, and no other."""
        async with asyncio.timeout(60):
            while await self._answering() != processes:  # noqa: ASYNC110 - others make it so
                await asyncio.sleep(0.05)

    async def _answering(self) -> set[int]:
        found: set[int] = set()
        request = "GET / HTTP/1.1"
        for _ in range(8):
            with contextlib.suppress(TimeoutError, ConnectionError, EOFError):
                answer = await ask_http1(self.proxy(), request, [("host", "web.shop")])
                found.add(int(answer.body.split()[-1]) if answer.body[:1].isdigit() else 0)
        return found

    def proxy(self) -> tuple[str, int]:
        """The HTTP proxy of `front`."""
        records = state_directory.records(self.directory / "state")
        (front,) = (r for r in records if r.name == "front-0")
        host, _, port = front.variables["HTTP_PROXY"].removeprefix("http://").partition(":")
        return host, int(port.strip("/"))

    def sidecar(self, pod: str) -> int:
        """The process of a pod's sidecar."""
        (place,) = (
            p.parent
            for p in (self.directory / "state" / "pods").glob("*/pod.json")
            if f'"{pod}"' in p.read_text()
        )
        return next(
            int(p.name)
            for p in Path("/proc").iterdir()
            if p.name.isdecimal() and _works_in(p, place)
        )


def _works_in(process: Path, place: Path) -> bool:
    try:
        return (process / "cwd").readlink() == place
    except OSError:
        return False


@asynccontextmanager
async def shop(replicas: int) -> AsyncIterator[Shop]:
    """A shop that serves."""
    with tempfile.TemporaryDirectory(prefix="smi-") as name:
        found = Shop(Path(name), replicas)
        (found.directory / "shop").mkdir()
        (found.directory / "shop" / "web.py").write_text(APPLICATION)
        found.write()
        with (found.directory / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(*SMI, "run", "-f", str(found.directory / "shop"), "-o", "json"),
                *("--state-dir", str(found.directory / "state")),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                env={"PATH": os.defpath},
            )
        try:
            await found.until(lambda: len(found.applications()) == replicas)
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()


@asynccontextmanager
async def asked(running: Shop) -> AsyncIterator[tuple[Volley, Volley]]:
    """GET and POST requests of `front` while the context is entered."""
    async with volley(running.proxy(), get("web.shop"), connections=2, a_second=20) as first:
        await first.reaches(5)
    while first.failures:  # a client learns of a ready pod when its sidecar does
        async with volley(running.proxy(), get("web.shop"), connections=2, a_second=20) as first:
            await first.reaches(5)
    kinds = (get("web.shop"), post("web.shop"))
    one, other = (
        volley(running.proxy(), kind, connections=CONNECTIONS // 2, a_second=A_SECOND / 2)
        for kind in kinds
    )
    async with one as gets, other as posts:
        yield gets, posts


@pytest.mark.timeout(180)
@pytest.mark.parametrize("replicas", [1, 2])
async def test_pods_are_replaced_under_load_and_no_request_fails(replicas: int) -> None:
    async with shop(replicas) as running, asked(running) as (gets, posts):
        for version in (2, 3):
            running.version = version
            running.write()
            await running.until(running.is_replaced)
            await gets.reaches(gets.statuses.total() + A_SECOND * 2)
        assert (gets.failures, posts.failures) == ([], [])
        assert gets.opened == posts.opened == 0
        standby = f"version 2 of web-{replicas} is"
        assert (standby in running.log) == (replicas == 1)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("of", ["application", "sidecar"])
async def test_pod_that_is_halted_is_no_endpoint_until_it_goes_on(of: str) -> None:
    async with shop(2) as running, asked(running) as (gets, posts):
        first, second = (running.applications()[f"web-{n}"] for n in (0, 1))
        halted = first if of == "application" else running.sidecar("web-0")
        os.kill(halted, signal.SIGSTOP)
        try:
            await running.answers_come_from({second})
            await gets.reaches(gets.statuses.total() + A_SECOND)
        finally:
            os.kill(halted, signal.SIGCONT)
        await running.answers_come_from({first, second})
        assert (gets.failures, posts.failures) == ([], [])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("of", ["application", "sidecar"])
async def test_pod_that_is_killed_fails_only_what_it_had(of: str) -> None:
    async with shop(2) as running, asked(running) as (gets, posts):
        first, second = (running.applications()[f"web-{n}"] for n in (0, 1))
        killed = first if of == "application" else running.sidecar("web-0")
        os.kill(killed, signal.SIGKILL)
        await running.answers_come_from({second})
        again = {second, first} if of == "sidecar" else {second}
        await running.until(lambda: of == "sidecar" or running.applications()["web-0"] != first)
        if of == "application":
            again |= {running.applications()["web-0"]}
        await running.answers_come_from(again)
        failures = [*gets.failures, *posts.failures]
        assert len(failures) <= CONNECTIONS
        assert {status for _, status, _ in failures} <= {503}
        assert gets.opened == posts.opened == 0
