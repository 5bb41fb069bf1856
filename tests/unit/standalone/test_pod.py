import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from smi.backend import Sidecar
from smi.compiler.compile import compile as compiled
from smi.compiler.state import collect
from smi.compiler.workloads import Controller
from smi.k8s import batch_v1
from smi.k8s.meta_v1 import ObjectMeta
from smi.standalone.addressing import Machine
from smi.standalone.plan import Plan, make_plan, running_pod
from smi.standalone.pod import RunningPod, Surroundings
from smi.standalone.processes import Clock
from tests.fakes.local_backend import FakeLocalBackend
from tests.fakes.manifests import deployment, unmeshed

STAY = (sys.executable, "-c", "import time; time.sleep(60)")


SLEEPER = Sidecar(("sleep", "1000"), {"config": "in {directory}"})


class Pod:
    """One pod of a Deployment, what it said, and time that runs a hundred times as fast."""

    def __init__(
        self, written: Controller, directory: Path, sidecar: Sidecar | None = SLEEPER
    ) -> None:
        self.said: list[str] = []
        self.backend = FakeLocalBackend()
        machine = Machine("127.81.7", UUID(int=7), lambda *_: True)
        (replica,) = make_plan([written], {}, machine, Plan())[0].replicas.values()
        self.backend.published.append(compiled(collect([running_pod(replica, ready=False)])).mesh)
        self.now = 0.0
        self.pod = RunningPod(
            replica,
            sidecar,
            directory / "pod",
            self.backend,
            Surroundings(
                {},
                Clock(lambda: self.now, self._sleep),
                lambda who, what: self.said.append(f"[{who}] {what}"),
            ),
        )

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(seconds / 100)

    async def run(self, seconds: float) -> None:
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.pod.run(lambda: None))
            while self.now < seconds:  # noqa: ASYNC110 - the clock is the pod's
                await asyncio.sleep(0.01)
            await self.pod.stop()


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smi-") as place:
        yield Path(place)


async def test_an_application_that_does_not_listen_is_told_once_where_it_should(
    directory: Path,
) -> None:
    one = Pod(deployment("front", command=STAY, ports={"http": 8080}), directory)
    await one.run(30.0)
    (hint,) = one.said
    assert hint.startswith("[shop/front-0] is not ready: it should listen on 127.0.0.1:2")
    assert hint.endswith(" (the variable PORT has the number)")


async def test_of_many_ports_only_those_are_told_where_nothing_listens(directory: Path) -> None:
    command = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "$(PORT)")
    one = Pod(deployment("front", command=command, ports={"http": 8080, "admin": 9000}), directory)
    await one.run(40.0)
    hint = one.said[-1]
    assert hint.count("127.0.0.1:") == 1
    assert hint.endswith("(the variable PORT_9000 has the number)")


async def test_a_pod_without_a_sidecar_is_ready_when_its_applications_listen(
    directory: Path,
) -> None:
    command = (sys.executable, "-m", "http.server", "--bind", "$(HOST)", "$(PORT)")
    written = unmeshed(deployment("front", command=command, ports={"http": 8080}))
    one = Pod(written, directory, None)
    became: list[bool] = []
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.pod.run(lambda: became.append(one.pod.ready)))
        while not became:  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.01)
        _, writer = await asyncio.open_connection("127.81.7.1", 8080)
        writer.close()
        await one.pod.stop()
    assert became[0] is True
    assert not (directory / "pod" / "config").exists()


async def test_a_pod_without_a_sidecar_stays_when_its_applications_have_ended(
    directory: Path,
) -> None:
    template = unmeshed(deployment("load", command=("true",))).spec.template
    written = batch_v1.Job(
        metadata=ObjectMeta(name="load", namespace="shop"), spec=batch_v1.JobSpec(template=template)
    )
    one = Pod(written, directory, None)
    await one.run(5.0)
    assert one.pod.done
    assert len(one.said) == 1


async def test_a_job_that_succeeded_is_done_whatever_its_restart_policy(directory: Path) -> None:
    template = deployment("load", command=("true",)).spec.template
    written = batch_v1.Job(
        metadata=ObjectMeta(name="load", namespace="shop"), spec=batch_v1.JobSpec(template=template)
    )
    one = Pod(written, directory)
    await one.run(5.0)
    assert one.said == ["[shop/load-0] ended with exit code 0; is not started again"]
    assert one.pod.done


async def test_a_job_that_failed_is_not_done(directory: Path) -> None:
    template = deployment("load", command=("false",)).spec.template
    written = batch_v1.Job(
        metadata=ObjectMeta(name="load", namespace="shop"), spec=batch_v1.JobSpec(template=template)
    )
    one = Pod(written, directory)
    await one.run(5.0)
    assert one.said[0] == "[shop/load-0] ended with exit code 1; starts again in 0.5 s"
    assert not one.pod.done


async def test_without_ports_running_is_enough(directory: Path) -> None:
    one = Pod(deployment("front", command=STAY), directory)
    async with asyncio.TaskGroup() as tasks:
        changes = asyncio.Event()
        tasks.create_task(one.pod.run(changes.set))
        async with asyncio.timeout(10):
            await changes.wait()
        assert one.pod.serves
        await one.pod.stop()
        assert not one.pod.serves


async def test_peers_that_are_slow_to_learn_of_a_pod_are_waited_for_but_not_for_ever(
    directory: Path,
) -> None:
    one = Pod(deployment("front", command=(sys.executable, "-c", "print('up')")), directory)
    one.backend.slow_peer = True
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one.pod.run(lambda: None))
        async with asyncio.timeout(10):
            while not one.said:  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(0.01)
        assert one.now >= 5.0
        await one.pod.stop()


@pytest.mark.parametrize(("policy", "again"), [("Never", False), ("OnFailure", True)])
async def test_the_restart_policy_is_kept(directory: Path, policy: str, again: bool) -> None:
    written = deployment("front", command=(sys.executable, "-c", "raise SystemExit(3)"))
    spec = written.spec.template.spec.model_copy(update={"restart_policy": policy})
    template = written.spec.template.model_copy(update={"spec": spec})
    changed = written.model_copy(
        update={"spec": written.spec.model_copy(update={"template": template})}
    )
    one = Pod(changed, directory)
    await one.run(20.0)
    assert one.said[0].startswith("[shop/front-0] ended with exit code 3")
    assert ("starts again" in one.said[0]) == again


async def test_a_sidecar_that_ends_is_started_again_and_says_so(directory: Path) -> None:
    one = Pod(deployment("front", command=STAY), directory, Sidecar(("false",), {}))
    await one.run(2.0)
    assert one.said[0] == "[shop/front-0 proxy] ended with exit code 1; starts again in 0.5 s"


async def test_sidecar_files_name_their_directory(directory: Path) -> None:
    one = Pod(deployment("front", command=STAY), directory)
    await one.run(1.0)
    assert (directory / "pod" / "config").read_text() == f"in {directory / 'pod'}"
