import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smi.standalone.processes import Backoff, Child, Clock, Command
from tests.fakes.clock import FakeClock

REAL = Clock(time.monotonic, asyncio.sleep)
IGNORE_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
STAY = "import time; print('up', flush=True); time.sleep(60)"


class Watched:
    """A child, what it said, and its run."""

    def __init__(self, *arguments: str, clock: Clock = REAL, directory: str = ".") -> None:
        self.said: list[str] = []
        command = Command(arguments, {}, directory)
        self.child = Child(lambda: command, self.said.append, clock)

    async def run(
        self, until: Callable[[], bool], grace: float = 5.0, only_failures: bool = False
    ) -> None:
        self.child.begin()
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.child.run(lambda code: not only_failures or code != 0))
            while not until():  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(0.01)
            await self.child.stop(grace)


def python(program: str, clock: Clock = REAL) -> Watched:
    return Watched(sys.executable, "-c", program, clock=clock)


def exists(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z " not in stat.read_text()


def test_the_wait_doubles_up_to_half_a_minute() -> None:
    backoff = Backoff()
    assert [backoff.after(0) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_ten_seconds_of_life_are_proof_enough() -> None:
    backoff = Backoff()
    backoff.after(0)
    backoff.after(9.9)
    assert backoff.after(10.0) == 0.5


async def test_lines_of_both_streams_are_said_as_they_come() -> None:
    one = python(f"import sys; print('out'); print('err', file=sys.stderr, flush=True); {STAY}")
    await one.run(lambda: "up" in one.said)
    assert sorted(one.said) == ["err", "out", "up"]


async def test_a_line_without_an_end_is_said_and_a_huge_one_is_cut() -> None:
    one = python("import sys; sys.stdout.write('x' * 200000 + 'end')")
    await one.run(lambda: any("end" in line for line in one.said), only_failures=True)
    text = [line for line in one.said if line.startswith("x")]
    assert "".join(text) == "x" * 200000 + "end"
    assert len(text) > 1


async def test_what_ends_starts_again_later_and_later() -> None:
    clock = FakeClock()
    one = python("print('hello'); raise SystemExit(3)", clock.clock())
    await one.run(lambda: one.said.count("hello") == 4)
    assert clock.slept[:3] == [0.5, 1.0, 2.0]
    assert "ended with exit code 3; starts again in 0.5 s" in one.said


async def test_what_is_done_stays_ended_where_only_failures_count() -> None:
    one = python("print('done')")
    await one.run(lambda: len(one.said) > 1, only_failures=True)
    assert one.said == ["done", "ended with exit code 0; is not started again"]
    assert one.child.done


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (Command(("echo", "a\0b"), {}, "."), "embedded null byte"),
        (Command(("echo",), {"A=B": "1"}, "."), "illegal environment variable name"),
    ],
)
async def test_what_no_process_can_be_given_is_said(command: Command, why: str) -> None:
    one = Watched(clock=FakeClock().clock())
    one.child = Child(lambda: command, one.said.append, FakeClock().clock())
    await one.run(lambda: len(one.said) > 2)
    assert one.said[0] == f"cannot start echo: {why}"


async def test_a_flood_of_lines_holds_up_nothing_else() -> None:
    one = Watched("yes")
    turns = 0

    def flooded() -> bool:
        nonlocal turns
        turns += 1
        return len(one.said) > 20_000

    await one.run(flooded, grace=0.1)
    assert turns > 10


async def test_a_missing_command_is_said_and_tried_again() -> None:
    one = Watched("no-such-command", clock=FakeClock().clock())
    await one.run(lambda: len(one.said) > 2)
    assert one.said[0] == "cannot start no-such-command: No such file or directory"


async def test_a_missing_directory_is_said() -> None:
    one = Watched("true", clock=FakeClock().clock(), directory="/no/such/place")
    await one.run(lambda: len(one.said) > 2)
    assert one.said[0] == (
        "cannot start true in /no/such/place (workingDir): No such file or directory"
    )


async def test_stopping_kills_what_does_not_listen() -> None:
    one = python(f"{IGNORE_SIGTERM}; {STAY}")
    await one.run(lambda: "up" in one.said, grace=0.1)
    assert one.child.life == 0


async def test_what_a_process_started_goes_with_it() -> None:
    grandchild = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    one = python(f"{IGNORE_SIGTERM}; {grandchild}; {STAY}")
    await one.run(lambda: "up" in one.said, grace=0.1)
    assert not exists(int(one.said[0]))


async def test_a_grandchild_that_keeps_the_output_open_delays_nothing() -> None:
    program = (
        "import subprocess; p = subprocess.Popen(['sleep', '60'], start_new_session=True); "
        "print(p.pid, flush=True)"
    )
    one = python(program)
    began = time.monotonic()
    await one.run(lambda: len(one.said) > 1, only_failures=True)
    os.kill(int(one.said[0]), 9)
    assert time.monotonic() - began < 5


async def test_what_has_not_begun_can_be_stopped() -> None:
    one = python(STAY)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.child.run())
        await asyncio.sleep(0)
        await one.child.stop(1)
    assert one.said == []


async def test_cancelling_the_run_leaves_no_process() -> None:
    one = python(f"import os; print(os.getpid(), flush=True); {IGNORE_SIGTERM}; {STAY}")
    one.child.begin()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await one.child.run()
    assert not exists(int(one.said[0]))


async def test_a_process_that_was_stopped_is_halted_until_it_goes_on() -> None:
    one = python(f"import os; print(os.getpid(), flush=True); {STAY}")
    seen: list[bool] = []

    def halted_and_gone_on() -> bool:
        if "up" not in one.said:
            return False
        halted = one.child.is_halted
        if not seen or halted != seen[-1]:
            seen.append(halted)
            os.kill(int(one.said[0]), signal.SIGCONT if halted else signal.SIGSTOP)
        return seen == [False, True, False]

    assert not one.child.is_halted
    await one.run(halted_and_gone_on)
    assert not one.child.is_halted
