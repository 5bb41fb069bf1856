"""Anything that a file may hold, through decode, every version and back: `make fuzz`.

Sound documents of every kind and version are mutated in their structure and in their bytes. Nothing
but InvalidResource may be raised, and the laws of `tests.fuzz.laws` must hold. Each input depends
on the seed and its number alone: `--seed SEED --first NUMBER --inputs 1` plays one again. Exit
status 1 says that something did not hold.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice
from multiprocessing import get_context

from tests.fuzz.batch import SIZE, Played, play

_ENOUGH = 20  # failures to look into


def main() -> int:
    """Play inputs until enough were; gives the exit status."""
    asked = _arguments()
    start, done, failed, counts = time.monotonic(), 0, 0, Counter[str]()
    for batch in _batches(asked):
        done, counts = done + batch.inputs, counts + batch.counts
        for failure in batch.failures:
            failed += 1
            print(f"\nINPUT {failure.number}: {failure.data!r}\n{failure.why}", file=sys.stderr)
        rate = done / (time.monotonic() - start)
        print(f"{done:>9,} of {asked.inputs:,} inputs, {rate:.0f}/s, {failed} failures", flush=True)
        if failed >= _ENOUGH:
            break
    print(f"\nseed {asked.seed}, {time.monotonic() - start:.0f} s")
    for outcome, count in counts.most_common():
        print(f"{count:>9,} {outcome}")
    return 1 if failed or not done else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="so many")
    parser.add_argument("--seed", type=int, default=1, help="of all inputs")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="batches at once")
    return parser.parse_args()


def _batches(asked: argparse.Namespace) -> Iterator[Played]:
    """Batches as they end; only so many wait that none is played for nothing."""
    last = asked.first + asked.inputs
    parts = iter([(first, min(SIZE, last - first)) for first in range(asked.first, last, SIZE)])
    with ProcessPoolExecutor(asked.jobs, get_context("spawn")) as pool:
        while waiting := [
            pool.submit(play, asked.seed, *part) for part in islice(parts, 4 * asked.jobs)
        ]:
            yield from (future.result() for future in as_completed(waiting))


if __name__ == "__main__":
    sys.exit(main())
