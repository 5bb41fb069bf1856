"""Some inputs in a row, in a process of its own."""

import random
import traceback
from collections import Counter
from typing import NamedTuple

from tests.fuzz import grants, laws
from tests.fuzz.inputs import made

SIZE = 500
_FILES = 50  # of so many inputs one is led through `smi convert` as well
_MESHES = 500  # and one is a mesh that was edited and damaged at older versions


class Failure(NamedTuple):
    """An input of which something does not hold."""

    number: int
    data: bytes
    why: str


class Played(NamedTuple):
    """How the objects of a batch ended, and what did not hold."""

    inputs: int
    counts: Counter[str]
    failures: tuple[Failure, ...]


def play(seed: int, first: int, inputs: int) -> Played:
    """The inputs from the number `first` on; each depends on the seed and its number alone."""
    counts: Counter[str] = Counter()
    failures: list[Failure] = []
    for number in range(first, first + inputs):
        rng = random.Random(f"{seed}-{number}")
        data = made(rng)
        try:
            counts += laws.hold(data)
            if number % _FILES == 0:
                laws.hold_of_a_file(data)
            if number % _MESHES == 0:
                counts["requests to damaged meshes"] += grants.hold(rng)
        except Exception:
            failures.append(Failure(number, data, traceback.format_exc()))
    return Played(inputs, counts, tuple(failures))
