"""One generated mesh of the soak, in a process of its own."""

import asyncio
import errno
import time
from typing import NamedTuple

from tests.integration.envoy.differential import Extent, Run
from tests.integration.envoy.tally import Tally

EXTENT = Extent(questions=1000, edits=8, questions_after_edit=250)
WORKLOADS = 5
DISAGREEMENTS = 20  # that are enough to look into


class Played(NamedTuple):
    """What was asked of a mesh, and what disagreed."""

    seed: int
    tally: Tally


def play(seed: int, deadline: float) -> Played:
    """Play the mesh of `seed`, but not beyond `deadline`, in seconds of the real clock.

    Where another mesh took one of its ports between the look and the use, it is played again.
    """
    try:
        return _played(seed, deadline)
    except ExceptionGroup as failures:
        if failures.subgroup(_is_taken_port) is None:
            raise
    return play(seed, deadline)


def _is_taken_port(failure: BaseException) -> bool:
    return isinstance(failure, OSError) and failure.errno == errno.EADDRINUSE


def _played(seed: int, deadline: float) -> Played:
    tally = Tally()

    def stops() -> bool:
        return time.time() > deadline or len(tally.disagreements) >= DISAGREEMENTS

    asyncio.run(Run(seed, EXTENT, tally, WORKLOADS, stops).play())
    return Played(seed, tally)
