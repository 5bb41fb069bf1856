import asyncio
import io
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from smi.errors import InvalidResource, SmiError
from smi.standalone import state_directory
from smi.standalone.addressing import Machine
from smi.standalone.pod import Surroundings
from smi.standalone.processes import Clock
from smi.standalone.run import Places, Run
from smi.standalone.screen import Pipe, Screen
from tests.fakes.local_backend import FakeLocalBackend

LISTEN = (
    "import os, socket, sys; s = socket.create_server(('127.0.0.1', int(os.environ['PORT']))); "
    "print('up as', sys.argv[1], flush=True)\\nwhile True: s.accept()"
)


def app(name: str, argument: str = "one", replicas: int = 1) -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  replicas: {replicas}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: main
          command: ["{sys.executable}", -c, "{LISTEN}"]
          args: [{argument}]
          ports: [{{containerPort: 8080}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}
"""


class Bench:
    """One run with a data plane that does nothing, and all that it printed."""

    def __init__(self, directory: Path) -> None:
        self.manifests = directory / "demo"
        self.manifests.mkdir()
        self.state = directory / "state"
        state_directory.prepare(self.state)
        self.backend = FakeLocalBackend()
        self._text = io.StringIO()
        console = Pipe(file=self._text, width=120)
        screen = Screen(console, console, as_json=False, quiet=False)
        self.run = Run(
            Places(self.manifests, self.state),
            self.backend,
            Machine("127.81.9", UUID(int=7), lambda *_: True),
            Surroundings({}, Clock(time.monotonic, asyncio.sleep), screen.log),
            screen,
        )

    @property
    def printed(self) -> str:
        return self._text.getvalue()

    def write(self, name: str, text: str) -> None:
        (self.manifests / f"{name}.yaml").write_text(text)

    def ready(self) -> dict[str, str]:
        """The uids of the endpoints of every Service, by pod, as last published."""
        mesh = self.backend.published[-1] if self.backend.published else None
        pods = [
            endpoint.pod
            for service in (mesh.services.values() if mesh else ())
            for port in service.ports
            for endpoint in port.endpoints
            if endpoint.pod is not None
        ]
        return {pod.name: mesh.workloads[pod].uid for pod in pods} if mesh else {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.run.run())
            await asyncio.sleep(0.1)
            yield
            os.kill(os.getpid(), signal.SIGTERM)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.02)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="smi-") as directory:  # short, unlike tmp_path
        yield Bench(Path(directory))


async def test_pods_become_endpoints_when_their_applications_listen(bench: Bench) -> None:
    bench.write("apps", app("front", replicas=2))
    async with bench.running():
        await bench.until(lambda: set(bench.ready()) == {"front-0", "front-1"})
        assert not any(s.ports[0].endpoints for s in bench.backend.published[0].services.values())
        pods = state_directory.records(bench.state)
        assert [pod.name for pod in pods] == ["front-0", "front-1"]
    assert "[shop/front-0] up as one" in bench.printed
    assert state_directory.records(bench.state) == ()
    assert list(state_directory.pods(bench.state).iterdir()) == []


async def test_no_application_starts_before_its_sidecar_is_configured(bench: Bench) -> None:
    bench.write("apps", app("front"))
    bench.backend.accepting = False
    async with bench.running():
        await asyncio.sleep(0.5)
        assert "up as" not in bench.printed
        bench.backend.accepting = True
        await bench.until(lambda: "up as" in bench.printed)


async def test_sidecar_files_are_private_and_renewed(bench: Bench) -> None:
    bench.write("apps", app("front"))
    async with bench.running():
        await bench.until(lambda: "front-0" in bench.ready())
        pod = state_directory.pods(bench.state) / "1"
        assert (pod / "place").read_text() == str(pod)
        assert (pod / "token").stat().st_mode & 0o777 == 0o600
        bench.backend.token = "second"
        bench.write("more", app("more"))
        await bench.until(lambda: (pod / "token").read_text() == "second")


async def test_replicas_are_replaced_one_at_a_time(bench: Bench) -> None:
    bench.write("apps", app("front", replicas=2))
    async with bench.running():
        await bench.until(lambda: len(bench.ready()) == 2)
        before, since = bench.ready(), len(bench.backend.published)
        bench.write("apps", app("front", "two", replicas=2))
        await bench.until(
            lambda: (
                len(bench.ready()) == 2 and not set(bench.ready().values()) & set(before.values())
            )
        )
        fewest = min(
            len(mesh.services[name].ports[0].endpoints)
            for mesh in bench.backend.published[since:]
            for name in mesh.services
        )
    assert fewest == 1
    assert bench.backend.drained == ["1", "2"]
    assert "[shop/front-1] up as two" in bench.printed


async def test_a_deployment_that_is_deleted_leaves_the_endpoints_and_ends(bench: Bench) -> None:
    bench.write("apps", app("front"))
    bench.write("more", app("more"))
    async with bench.running():
        await bench.until(lambda: len(bench.ready()) == 2)
        (bench.manifests / "more.yaml").unlink()
        await bench.until(
            lambda: [r.name for r in state_directory.records(bench.state)] == ["front-0"]
        )
        await bench.until(lambda: len(bench.backend.published[-1].workloads) == 1)


async def test_an_edit_that_cannot_be_read_is_told_and_changes_nothing(bench: Bench) -> None:
    bench.write("apps", app("front"))
    async with bench.running():
        await bench.until(lambda: "front-0" in bench.ready())
        before = bench.ready()
        bench.write("apps", app("front").replace("replicas: 1", "replicas: -1"))
        await bench.until(lambda: "its last good state stays in force" in bench.printed)
        assert bench.ready() == before
    assert "Deployment shop/front: spec.replicas" in bench.printed


async def test_an_application_that_ends_is_no_endpoint_until_it_is_back(bench: Bench) -> None:
    bench.write("apps", app("front").replace("s.accept()", "s.accept(); sys.exit(3)"))
    async with bench.running():
        await bench.until(lambda: "front-0" in bench.ready())
        await bench.until(lambda: "ended with exit code 3; starts again in 0.5 s" in bench.printed)
        await bench.until(lambda: bench.ready() == {})


@pytest.mark.parametrize(("replicas", "said"), [(1, "starting 1 pod;"), (2, "starting 2 pods;")])
async def test_it_says_what_it_starts(bench: Bench, replicas: int, said: str) -> None:
    bench.write("apps", app("front", replicas=replicas))
    async with bench.running():
        await bench.until(lambda: said in bench.printed)


async def test_it_ends_by_itself_after_its_duration(bench: Bench) -> None:
    bench.write("apps", app("front"))
    async with asyncio.timeout(10):
        await bench.run.run(duration=1.2)
    assert "[shop/front-0] up as one" in bench.printed


async def test_nothing_starts_from_manifests_that_cannot_be_read(bench: Bench) -> None:
    bench.write("apps", app("front"))
    bench.write("split", "kind: [")
    with pytest.raises(InvalidResource):
        await bench.run.run(duration=1)
    assert bench.backend.published == []


async def test_a_directory_without_manifests_is_an_error(bench: Bench) -> None:
    with pytest.raises(SmiError, match="no Kubernetes manifests"):
        await bench.run.run(duration=1)


async def test_manifests_without_pods_are_an_error(bench: Bench) -> None:
    bench.write("namespace", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
    with pytest.raises(SmiError, match="no pods that can run here"):
        await bench.run.run(duration=1)


CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}"
LEFT_OUT = "left out, since a mesh does not read them: 1 v1 ConfigMap"


async def test_kinds_that_a_mesh_does_not_read_are_told_of_once(bench: Bench) -> None:
    bench.write("apps", app("front"))
    bench.write("settings", CONFIG)
    async with bench.running():
        await bench.until(lambda: "front-0" in bench.ready())
        bench.write("apps", app("front", "two"))
        await bench.until(lambda: "apps.yaml: in force" in bench.printed)
    assert bench.printed.count(LEFT_OUT) == 1


async def test_a_directory_with_nothing_that_a_mesh_reads_is_an_error(bench: Bench) -> None:
    bench.write("settings", CONFIG)
    with pytest.raises(SmiError, match="holds nothing that a mesh reads, only 1 v1 ConfigMap"):
        await bench.run.run(duration=1)


async def test_a_new_file_that_is_wrong_is_told_to_be_not_in_force(bench: Bench) -> None:
    bench.write("apps", app("front"))
    async with bench.running():
        await bench.until(lambda: "front-0" in bench.ready())
        bench.write("copy", app("front"))
        await bench.until(lambda: "nothing of it is in force until it is mended" in bench.printed)
    assert "last good state" not in bench.printed
    assert "copy.yaml:2: Deployment shop/front: is also in" in bench.printed


async def test_a_command_that_nothing_can_start_hurts_no_other_pod(bench: Bench) -> None:
    bench.write("apps", app("front"))
    bench.write("bad", app("bad").replace("command: [", 'command: ["a\\0b", '))
    async with bench.running():
        await bench.until(lambda: "embedded null byte" in bench.printed)
        await bench.until(lambda: "front-0" in bench.ready())


async def test_a_job_that_is_done_is_not_waited_for(bench: Bench) -> None:
    job = (
        app("load").partition("---")[0].replace("Deployment", "Job").replace("apps/v1", "batch/v1")
    )
    bench.write("job", job.replace("while True: s.accept()", ""))
    bench.write("apps", app("front"))
    async with bench.running():
        await bench.until(lambda: "exit code 0; is not started again" in bench.printed)
        await bench.until(lambda: "front-0" in bench.ready())
        await bench.until(lambda: "per second" in bench.printed)
    assert "pods are ready" not in bench.printed.rpartition("source ")[2]
