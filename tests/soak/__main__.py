"""The differential test at length: meshes from consecutive seeds, on all cores, edited as they run.

Ends after so many requests, minutes or meshes, or at the first disagreements. Each says the seed of
its mesh; `--seed SEED --meshes 1` plays that mesh again. Exit status 1 says that some disagreed.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

from tests.integration.envoy.tally import Tally
from tests.soak.mesh import DISAGREEMENTS, Played, play


def main() -> int:
    """Play meshes until enough was asked; gives the exit status."""
    asked = _arguments()
    start, total = time.monotonic(), Tally()
    for played, mesh in enumerate(_meshes(asked, start, total), start=1):
        total.counts += mesh.tally.counts
        total.disagreements += mesh.tally.disagreements
        for disagreement in mesh.tally.disagreements:
            print(f"\nDISAGREEMENT, seed {mesh.seed}: {disagreement}", file=sys.stderr, flush=True)
        _progress(asked.requests, total, played, time.monotonic() - start)
    print(f"\n\n{total.table()}\n{len(total.disagreements)} disagreements")
    if total.total == 0:
        print("nothing was asked", file=sys.stderr)
        return 1
    return 1 if total.disagreements else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="enough of them")
    parser.add_argument("--seed", type=int, default=1000, help="of the first mesh")
    parser.add_argument("--meshes", type=int, default=10**6, help="at most so many")
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="at most so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="meshes at once")
    return parser.parse_args()


def _meshes(asked: argparse.Namespace, start: float, total: Tally) -> Iterator[Played]:
    """Meshes as they end, `jobs` at a time, until enough was asked."""
    seeds = iter(range(asked.seed, asked.seed + asked.meshes))
    deadline = time.time() + 60 * asked.minutes
    with ProcessPoolExecutor(asked.jobs, get_context("spawn")) as pool:
        running: set[Future[Played]] = set()
        while True:
            for seed in seeds if _goes_on(asked, start, total) else ():
                running.add(pool.submit(play, seed, deadline))
                if len(running) >= asked.jobs:
                    break
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def _goes_on(asked: argparse.Namespace, start: float, total: Tally) -> bool:
    return (
        total.total < asked.requests
        and len(total.disagreements) < DISAGREEMENTS
        and time.monotonic() - start < 60 * asked.minutes
    )


def _progress(wanted: int, total: Tally, played: int, seconds: float) -> None:
    rate = total.total / seconds
    left = max(0, wanted - total.total) / rate if rate else 0
    print(
        f"{total.total:>9,} of {wanted:,} requests, {played} meshes, {rate:.0f}/s,"
        f" {len(total.disagreements)} disagreements, {left / 60:.0f} min left",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
