"""One run: manifests in, processes and a table out, until somebody stops it."""

import asyncio
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from smi.backend import LocalBackend, Sidecar
from smi.compiler.state import MeshWide
from smi.errors import InvalidResource, SmiError
from smi.k8s.resource import NamespacedName
from smi.sources.files import DirectoryWatch, Loaded, Update, emptiness
from smi.sources.manifests import Manifest
from smi.standalone import state_directory
from smi.standalone.acceptance import Accepted, accepted
from smi.standalone.addressing import Machine
from smi.standalone.plan import Replica
from smi.standalone.pod import RunningPod, Surroundings
from smi.standalone.report import Report
from smi.standalone.rollout import Standing, next_steps
from smi.standalone.screen import Screen
from smi.standalone.tally import Tally, tallied
from smi.standalone.view import Pods

_POLL_EVERY = 0.2
_SHOW_EVERY = 1.0
_RENEW_EVERY = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PEERS_WAIT = 2.0  # how long a pod that leaves waits for the others to know


_NOTHING = Loaded({}, (), {})


@dataclass(frozen=True, slots=True)
class Places:
    """Where the manifests are, and the state directory."""

    manifests: Path
    state: Path


class Run:
    """A mesh on this machine. Owns its tasks and processes; when `run` returns, none is left.

    The caller has locked the state directory for as long.
    """

    def __init__(
        self,
        places: Places,
        backend: LocalBackend,
        machine: Machine,
        surroundings: Surroundings,
        screen: Screen,
        wide: MeshWide = MeshWide(),  # noqa: B008 - an immutable value
    ) -> None:
        self._watch = DirectoryWatch(places.manifests)
        self._manifests = places.manifests
        self._pods = state_directory.pods(places.state)
        self._backend = backend
        self._machine = machine
        self._surroundings = surroundings
        self._screen = screen
        self._accepted = Accepted(wide=wide)
        self._report = Report()
        self._running: dict[NamespacedName, RunningPod] = {}
        self._tally = Tally()
        self._left_out = ""
        self._refused: dict[NamespacedName, str | None] = {}
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self, duration: float | None = None) -> None:
        """Run for `duration` seconds, or until a signal; a second one ends it at once."""
        self._load()
        shutil.rmtree(self._pods, ignore_errors=True)
        self._pods.mkdir(mode=0o700)
        with self._signals():
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(self._backend.run())
                duties = [
                    tasks.create_task(duty)
                    for duty in (self._steer(tasks), self._follow(), self._show(), self._renew())
                ]
                await self._until_stopped(duration)
                for duty in duties:
                    duty.cancel()
                async with asyncio.TaskGroup() as ending:
                    for pod in self._running.values():
                        ending.create_task(pod.stop())
                serving.cancel()

    def _load(self) -> None:
        """Read the manifests for the first time; nothing runs unless all of them can be read."""
        update = self._watch.poll()
        if update is not None and update.loaded.problems:
            raise InvalidResource(update.loaded.problems)
        if update is None or not update.loaded.all():
            raise SmiError(emptiness(self._manifests, update.loaded if update else _NOTHING))
        self._accepted = accepted(update.loaded.manifests, self._machine, self._accepted)
        self._note_left_out(update.loaded)
        self._screen.findings(self._accepted.findings)
        if not self._accepted.plan.replicas:
            message = f"{self._manifests}: no pods that can run here"
            raise SmiError(message)
        pods = len(self._accepted.plan.replicas)
        self._screen.note(
            f"{self._manifests}: starting {pods} pod{'s' * (pods > 1)}; an edited manifest takes"
            " effect at once, Ctrl-C ends it"
        )

    async def _follow(self) -> None:
        """Take over what is edited."""
        while True:
            await asyncio.sleep(_POLL_EVERY)
            update = self._watch.poll()
            if update is not None:
                self._take_over(update)

    def _take_over(self, update: Update) -> None:
        before = self._accepted
        self._accepted = accepted(update.loaded.manifests, self._machine, before)
        self._note_left_out(update.loaded)
        self._screen.problems(update.reported)
        self._screen.findings((*self._accepted.held, *self._accepted.findings))
        waiting = {p.file for p in update.loaded.problems} | {d.file for d in self._accepted.held}
        for file in update.changed:
            had, has = before.files.get(file), self._accepted.files.get(file)
            self._screen.note(*_outcome(file, had, has, waits=file in waiting))
        self._wake.set()

    def _note_left_out(self, loaded: Loaded) -> None:
        """Say which kinds are not read, when that is news."""
        if loaded.left_out and loaded.left_out != self._left_out:
            self._screen.note(f"left out, since a mesh does not read them: {loaded.left_out}")
        self._left_out = loaded.left_out

    async def _steer(self, tasks: asyncio.TaskGroup) -> None:
        """Start and stop pods, and tell the data plane, whenever there is a reason to."""
        while True:
            self._wake.clear()
            state = self._accepted
            steps = next_steps(state.plan, {n: _standing(p) for n, p in self._running.items()})
            leaving = [self._running[name] for name in steps.stop]
            for pod in leaving:
                pod.ending = True
            await self._publish(state)
            for pod in leaving:
                tasks.create_task(self._retire(pod))
            for name in steps.start:
                tasks.create_task(self._live(self._pod(state.plan.every[name])))
            self._refresh(state)
            await self._wake.wait()

    async def _publish(self, state: Accepted) -> None:
        before = self._report.mesh
        running = {name: (pod.replica, pod.serves) for name, pod in self._running.items()}
        mesh = self._report.update(state, running)
        if mesh is not before:
            await self._backend.publish(mesh)

    def _pod(self, replica: Replica) -> RunningPod:
        pod = RunningPod(
            replica,
            self._sidecar(replica.name),
            self._pods / replica.address.rpartition(".")[2],
            self._backend,
            self._surroundings,
        )
        self._running[replica.name] = pod
        return pod

    def _sidecar(self, name: NamespacedName) -> Sidecar | None:
        """What runs beside the pod `name`, if anything does."""
        workload = self._report.mesh.workloads[name]
        return self._backend.sidecar(workload) if workload.meshed else None

    async def _live(self, pod: RunningPod) -> None:
        """Run `pod` until it has been stopped."""
        try:
            await pod.run(self._wake.set)
        finally:
            del self._running[pod.replica.name]
            shutil.rmtree(pod.directory, ignore_errors=True)
            self._wake.set()

    async def _retire(self, pod: RunningPod) -> None:
        """Stop a pod that no longer is an endpoint, once the others know and it has finished."""
        others = [n for n, peer in self._running.items() if peer.serves and peer.replica.meshed]
        await self._backend.settled(others, _PEERS_WAIT)
        if pod.replica.meshed:
            await self._backend.drain(pod.directory)
        await pod.stop()

    def _refresh(self, state: Accepted) -> None:
        """Give running pods the variables and sidecar files that they should have now."""
        for name, pod in self._running.items():
            if pod.ending:
                continue
            planned = state.plan.every.get(name)
            same = planned is not None and planned.digest == pod.replica.digest
            pod.refresh(planned if planned and same else pod.replica, self._sidecar(name))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            self._refresh(self._accepted)

    async def _show(self) -> None:
        """Show the table every second, and what proxies refuse."""
        clock = self._surroundings.clock
        while True:
            await asyncio.sleep(_SHOW_EVERY)
            staying = {n: pod for n, pod in self._running.items() if not pod.ending}
            directories = {n: pod.directory for n, pod in staying.items() if pod.replica.meshed}
            traffic = await self._backend.traffic(directories)
            self._tally = tallied(self._tally, traffic, self._report.mesh, clock.now())
            self._screen.show(self._tally, self._standing())
            if self._screen.closed:
                self._stop.set()
            for name, said in self._backend.acknowledgements().items():
                if said.refused and said.refused != self._refused.get(name):
                    text = f"{name}: its sidecar refuses its configuration: {said.refused}"
                    self._screen.note(text, "bold red")
                self._refused[name] = said.refused

    def _standing(self) -> Pods:
        """How far the pods are that are to run; one that is done is none of them."""
        done = sum(pod.done and not pod.ending for pod in self._running.values())
        return Pods(
            ready=sum(pod.serves for pod in self._running.values()),
            total=len(self._accepted.plan.replicas) - done,
            unmeshed=tuple(sorted(n for n, p in self._running.items() if not p.replica.meshed)),
        )

    async def _until_stopped(self, duration: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(duration):
                await self._stop.wait()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let Ctrl-C, SIGTERM and the end of the terminal stop this run; the second at once."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def stop() -> None:
            if self._stop.is_set() and task is not None:
                task.cancel()
            self._stop.set()

        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)


def _outcome(
    file: str,
    had: tuple[Manifest, ...] | None,
    has: tuple[Manifest, ...] | None,
    *,
    waits: bool,
) -> tuple[str, str]:
    """What to say of a changed file that `had` objects in force and now `has`; and its style.

    It `waits` if something in it is wrong.
    """
    match waits, has:
        case False, None:
            return f"{file}: is gone, and so is what it asked for", "green"
        case False, _:
            return f"{file}: in force", "green"
        case True, objects if objects and objects == had:
            return f"{file}: its last good state stays in force", "yellow"
        case True, objects if objects:
            return f"{file}: in force, but for what is wrong in it", "yellow"
        case _:
            return f"{file}: nothing of it is in force until it is mended", "yellow"


def _standing(pod: RunningPod) -> Standing:
    return Standing(pod.replica.digest, pod.serves, pod.ending)
