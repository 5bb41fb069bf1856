"""One pod as processes of this machine: its sidecar, if it has one, and a process per container."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from smi.backend import LocalBackend, Sidecar
from smi.standalone.addressing import Place
from smi.standalone.environment import process_environment
from smi.standalone.plan import Process, Replica
from smi.standalone.processes import Child, Clock, Command
from smi.standalone.state_directory import PodRecord, record, write_private

_PROBE_EVERY = 0.1
_GRACE = 5.0  # a cluster gives 30 s; here somebody waits for the prompt
_PEERS_WAIT = 5.0
_HINT_AFTER = 10.0

Say = Callable[[str, str], None]
"""Takes the name of a speaker (`shop/front-0`) and a line that it wrote."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine gives to every pod: the variables of its processes, time, and an ear."""

    variables: Mapping[str, str]
    clock: Clock
    say: Say


class RunningPod:
    """The processes of one pod, and its directory. Owns them until `run` has returned.

    Without a `sidecar` the applications are all there is.
    """

    def __init__(
        self,
        replica: Replica,
        sidecar: Sidecar | None,
        directory: Path,
        backend: LocalBackend,
        surroundings: Surroundings,
    ) -> None:
        self.replica = replica
        self.directory = directory
        self.ready = False
        self.ending = False
        self._first = sidecar
        self._backend = backend
        self._stopped = asyncio.Event()
        self._surroundings = surroundings
        self._files: dict[str, str] = {}
        self._known: PodRecord | None = None
        self._proven: tuple[int, ...] = ()
        self._closed: tuple[Place, ...] = ()
        self._hinted = False
        self._proxy = (
            Child(partial(self._proxy_command, sidecar), self._say_of_proxy, surroundings.clock)
            if sidecar
            else None
        )
        self._apps = tuple(
            Child(partial(self._app_command, index), self._say, surroundings.clock)
            for index in range(len(replica.processes))
        )

    @property
    def serves(self) -> bool:
        """Whether the pod is ready, and is to stay."""
        return self.ready and not self.ending

    @property
    def done(self) -> bool:
        """Whether all that the pod was to do has been done, as a Job's that succeeded."""
        return bool(self._apps) and all(app.done for app in self._apps)

    async def run(self, changed: Callable[[], None]) -> None:
        """Run the pod until `stop`; calls `changed` when it becomes ready, or no longer is."""
        self.refresh(self.replica, self._first)
        if self._proxy:
            self._proxy.begin()
        try:
            async with asyncio.TaskGroup() as tasks:
                probing = tasks.create_task(self._probe(changed))
                async with asyncio.TaskGroup() as children:
                    children.create_task(self._stopped.wait())
                    if self._proxy:
                        children.create_task(self._proxy.run())
                    for app in self._apps:
                        children.create_task(app.run(self._restarts))
                probing.cancel()
        finally:
            self.ready = False
            (self.directory / "pod.json").unlink(missing_ok=True)

    async def stop(self) -> None:
        """End the applications, then the sidecar, through which they may still be talking."""
        self.ending = True
        async with asyncio.TaskGroup() as tasks:
            for app in self._apps:
                tasks.create_task(app.stop(_GRACE))
        if self._proxy:
            await self._proxy.stop(_GRACE)
        self._stopped.set()

    def refresh(self, replica: Replica, sidecar: Sidecar | None) -> None:
        """Take over new variables and new sidecar files without a restart."""
        self.replica = replica
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in sidecar.files.items() if sidecar else ():
            if self._files.get(name) != text:
                write_private(self.directory / name, self._placed(text))
                self._files[name] = text
        known = PodRecord(
            namespace=replica.name.namespace,
            name=replica.name.name,
            owner=replica.owner,
            variables=replica.processes[0].environment if replica.processes else {},
        )
        if known != self._known:
            record(self.directory, known)
            self._known = known

    async def _probe(self, changed: Callable[[], None]) -> None:
        """Keep `ready` true to what the processes do."""
        clock = self._surroundings.clock
        born = since = clock.now()
        lives: tuple[int, ...] = ()
        while True:
            before, lives = lives, tuple(child.life for child in self._children())
            up = await self._is_up(lives, clock.now() - born)
            if up != self.ready:
                self.ready = up
                changed()
            if up or lives != before or 0 in lives:
                since = clock.now()
            elif clock.now() - since > _HINT_AFTER:
                self._hint()
            await clock.sleep(_PROBE_EVERY)

    async def _is_up(self, lives: tuple[int, ...], age: float) -> bool:
        """Whether the sidecar has its configuration and every application listens.

        What was found true once stays true while the same processes live, and are not halted.
        """
        if self.ending or (self._proxy and not self._proxy.life):
            return False
        if any(child.is_halted for child in self._children()):
            return False
        if lives == self._proven:
            return True
        if self._proxy and not self._accepted(age):
            return False
        for app in self._apps:
            app.begin()
        if 0 in lives:
            return False
        self._closed = tuple([place for place in self._places() if not await _listens(*place)])
        if self._closed:
            return False
        self._proven = lives
        return True

    def _children(self) -> tuple[Child, ...]:
        return (*self._apps, self._proxy) if self._proxy else tuple(self._apps)

    def _accepted(self, age: float) -> bool:
        """Whether this sidecar knows the mesh, and the mesh (for a while, it is waited for) it."""
        said = self._backend.acknowledgements()
        own = said.get(self.replica.name)
        if own is None or not own.connected or own.pending or own.refused:
            return False
        return age > _PEERS_WAIT or not any(
            peer.connected and peer.pending for peer in said.values()
        )

    def _places(self) -> tuple[Place, ...]:
        processes = self.replica.processes
        return tuple(Place(process.host, port) for process in processes for port in process.ports)

    def _hint(self) -> None:
        """Say once the common reason why a pod is not ready although everything runs."""
        if self._hinted or not self._closed or self.ending:
            return
        self._hinted = True
        wanted = (
            f"{process.host}:{port} (the variable {_variable(process, port)} has the number)"
            for process in self.replica.processes
            for port in process.ports
            if Place(process.host, port) in self._closed
        )
        self._say(f"is not ready: it should listen on {', '.join(wanted)}")

    def _restarts(self, code: int) -> bool:
        match self.replica.restart_policy:
            case "Never":
                return False
            case "OnFailure":
                return code != 0
            case _:
                return True

    def _say(self, line: str) -> None:
        self._surroundings.say(str(self.replica.name), line)

    def _say_of_proxy(self, line: str) -> None:
        # A sidecar has much to say about its end, and nothing of interest but its access log.
        if not self.ending or line.startswith("{"):
            self._surroundings.say(f"{self.replica.name} proxy", line)

    def _placed(self, text: str) -> str:
        return text.replace("{directory}", str(self.directory))

    def _proxy_command(self, sidecar: Sidecar) -> Command:
        arguments = tuple(self._placed(word) for word in sidecar.command)
        environment = process_environment(self._surroundings.variables, {})
        return Command(arguments, environment, str(self.directory))

    def _app_command(self, index: int) -> Command:
        process = self.replica.processes[index]
        environment = process_environment(self._surroundings.variables, process.environment)
        return Command(process.command, environment, process.directory)


def _variable(process: Process, port: int) -> str:
    """The shortest name of the variable that tells `process` to listen on `port`."""
    variables = process.environment.items()
    return min((n for n, v in variables if n.startswith("PORT") and v == str(port)), key=len)


async def _listens(address: str, port: int) -> bool:
    """Whether an application accepts connections there."""
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
