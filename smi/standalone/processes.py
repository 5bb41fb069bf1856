"""Child processes that are kept running: started again when they end, stopped as a group."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# > restarts the containers in your Pod with an exponential backoff   (Kubernetes, Pod Lifecycle);
# shorter than a cluster's 10 s..5 min, since somebody sits in front of this machine.
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_PROVEN = 10.0
_LONGEST_LINE = 1 << 16
_LAST_WORDS = 1.0  # seconds for output that is still in the pipe when the process has ended


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds that never go back, and a sleep of so many of them."""

    now: Callable[[], float]
    sleep: Callable[[float], Coroutine[object, object, None]]


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, with exactly which variables, and where."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str


class Backoff:
    """How long a process that ended waits before it starts again; grows while it keeps ending."""

    def __init__(self) -> None:
        self._next = _FIRST_DELAY

    def after(self, lived: float) -> float:
        """Seconds to wait after a life of `lived` seconds."""
        if lived >= _PROVEN:
            self._next = _FIRST_DELAY
        delay = self._next
        self._next = min(2 * delay, _LONGEST_DELAY)
        return delay


class Child:
    """One command, kept running. Owns its process group; when `run` has returned, none is left."""

    def __init__(
        self, command: Callable[[], Command], say: Callable[[str], None], clock: Clock
    ) -> None:
        self.life = 0
        """Which life this is, from 1; 0 while no process runs."""
        self.done = False
        """Whether it has ended well, and stays ended."""
        self._command = command
        self._say = say
        self._clock = clock
        self._lives = 0
        self._process: Process | None = None
        self._begun = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def is_halted(self) -> bool:
        """Whether the process was stopped, as by SIGSTOP: it lives, and does nothing."""
        if self._process is None:
            return False
        try:
            said = Path(f"/proc/{self._process.pid}/stat").read_text(errors="replace")
        except OSError:  # it has ended just now
            return False
        # The name, in parentheses, may hold anything; the state is the word after it.
        return said.rpartition(")")[2].split()[0] in {"T", "t"}

    def begin(self) -> None:
        """Let `run` start the command."""
        self._begun.set()

    async def run(self, restart: Callable[[int], bool] = lambda _: True) -> None:
        """Keep the command running, from `begin` to `stop`.

        `restart` says whether it is started again after an exit code.
        """
        backoff = Backoff()
        try:
            await self._begun.wait()
            while not self._stopping.is_set():
                born = self._clock.now()
                code = await self._live()
                if self._stopping.is_set():
                    break
                if not restart(code):
                    self.done = code == 0
                    self._say(f"ended with exit code {code}; is not started again")
                    await self._stopping.wait()
                    break
                delay = backoff.after(self._clock.now() - born)
                self._say(f"ended with exit code {code}; starts again in {delay:g} s")
                await self._pause(delay)
        finally:
            self._ended.set()

    async def stop(self, grace: float) -> None:
        """End it: SIGTERM, and after `grace` seconds SIGKILL, to the whole group."""
        self._stopping.set()
        self._begun.set()
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                await self._ended.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._ended.wait()

    async def _live(self) -> int:
        """Start the command, relay what it writes, and give its exit code."""
        command = self._command()
        try:
            process, reading = await _started(command)
        except (OSError, ValueError) as error:
            self._say(_complaint(command, error))
            return 127  # what a shell answers for a command that it does not find
        self._process = process
        self._lives += 1
        self.life = self._lives
        if self._stopping.is_set():  # asked to stop while it was being started
            self._signal(signal.SIGTERM)
        try:
            async with asyncio.TaskGroup() as tasks:
                relaying = tasks.create_task(self._relay(reading))
                code = await process.wait()
                self.life = 0
                self._signal(signal.SIGKILL)  # what the process started goes with it
                await asyncio.wait([relaying], timeout=_LAST_WORDS)
                relaying.cancel()
        finally:
            self.life = 0
            self._signal(signal.SIGKILL)
            await process.wait()
            self._process = None
        return code

    async def _relay(self, descriptor: int) -> None:
        """Say each line that arrives at `descriptor`, and close it."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        rest = b""
        try:
            while chunk := await reader.read(_LONGEST_LINE):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _LONGEST_LINE:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._say(line.decode(errors="replace").rstrip("\r"))
                    await asyncio.sleep(0)  # a flood of lines holds up nothing else
        finally:
            transport.close()
            if rest:
                self._say(rest.decode(errors="replace"))

    async def _pause(self, delay: float) -> None:
        """Sleep for `delay` seconds, or until asked to stop."""
        async with asyncio.TaskGroup() as tasks:
            sleeping = tasks.create_task(self._clock.sleep(delay))
            stopping = tasks.create_task(self._stopping.wait())
            await asyncio.wait((sleeping, stopping), return_when=asyncio.FIRST_COMPLETED)
            sleeping.cancel()
            stopping.cancel()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):  # the whole group has ended
            os.killpg(self._process.pid, number)


async def _started(command: Command) -> tuple[Process, int]:
    """The process of `command`, and the descriptor from which what it writes can be read.

    Raises OSError for what the machine does not have, ValueError for what no process can be given
    (a zero byte in a word, `=` in the name of a variable).
    """
    # A pipe of our own can be closed although a daemon that the process left behind holds it.
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *command.arguments,
            env=command.environment,
            cwd=command.directory,
            stdin=DEVNULL,
            stdout=writing,
            stderr=STDOUT,
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return process, reading


def _complaint(command: Command, error: OSError | ValueError) -> str:
    start = f"cannot start {command.arguments[0]}"
    if not isinstance(error, OSError):
        return f"{start}: {error}"
    if error.filename == command.directory:
        return f"{start} in {command.directory} (workingDir): {error.strerror}"
    return f"{start}: {error.strerror}"
