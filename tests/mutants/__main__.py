"""Break the product on purpose, one place at a time, and see who notices: `make mutants`.

Every mutant of the tables gets a copy of the source with its one change, and the tests that it
names are run there, each by itself. Each has to fail; before that, all have to pass in a copy that
is as it should be. A mutant whose text is not there exactly once says that the table is out of
date. Exit status 1 says that something of this was not so.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutant import Mutant
from tests.mutants.mutants import MUTANTS

ROOT = Path(__file__).parents[2]
GENERATED = "backends/smi_envoy/pb"
PARALLEL = 2
PATIENCE = 60  # seconds that a test may take: a mutant may hang

# pytest's exit statuses. Any other says that the mutant does not even load, which shows nothing.
PASSED, FAILED = 0, 1


class Fate(NamedTuple):
    """What became of a mutant: the trouble with it is empty where all its tests caught it."""

    mutant: Mutant
    trouble: str
    seconds: float


def main() -> int:
    """Print the table; gives the exit status."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("-k", default="", metavar="TEXT", help="only mutants whose name holds TEXT")
    chosen = [m for m in MUTANTS if parser.parse_args().k in m.name]
    stale = [f"{m.name}: {trouble}" for m in chosen if (trouble := _staleness(m))]
    if stale:
        print("the table is out of date:", *stale, sep="\n  ", file=sys.stderr)
        return 1
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="smi-mutants-") as scratch:
        sound = _copy(Path(scratch, "sound"))
        if not _is_sound(sound, chosen):
            return 1
        fates = _fates(chosen, sound)
    survivors = sum(bool(fate.trouble) for fate in fates)
    print(
        f"\n{len(fates) - survivors} of {len(fates)} mutants caught"
        f" in {time.monotonic() - start:.0f} s"
    )
    return 1 if survivors else 0


def _staleness(mutant: Mutant) -> str:
    """Why `mutant` is none of this source; empty where it is one."""
    count = (ROOT / mutant.file).read_text().count(mutant.old)
    if count != 1:
        return f"{mutant.file} has its text {count} times, not once"
    return "it changes nothing" if mutant.old == mutant.new else ""


def _is_sound(tree: Path, mutants: Iterable[Mutant]) -> bool:
    """Whether every test that the table names passes in `tree`, where nothing is mutated."""
    run = _pytest(tree, sorted({test for mutant in mutants for test in mutant.caught_by}))
    if run.returncode == PASSED:
        return True
    print("without any mutant, not all of the named tests pass:", run.stdout, file=sys.stderr)
    return False


def _fates(mutants: Sequence[Mutant], sound: Path) -> list[Fate]:
    """What becomes of every mutant of the tree `sound`, told as it is known."""
    widths = (
        max(len(m.name) for m in mutants),
        max(len(_short(test)) for m in mutants for test in m.caught_by),
    )
    print(f"{'mutant':{widths[0]}} | {'caught by':{widths[1]}} | seconds")
    fates = []
    with ThreadPoolExecutor(PARALLEL) as pool:
        for fate in pool.map(lambda mutant: _fate(mutant, sound), mutants):
            fates.append(fate)
            first, *others = map(_short, fate.mutant.caught_by)
            who = f"SURVIVES {fate.trouble}" if fate.trouble else first
            print(f"{fate.mutant.name:{widths[0]}} | {who:{widths[1]}} | {fate.seconds:7.1f}")
            for other in others if not fate.trouble else ():
                print(f"{'':{widths[0]}} | {other:{widths[1]}} |")
            sys.stdout.flush()
    return fates


def _short(test: str) -> str:
    """The sentence that a test is; a golden case's folder."""
    name = test.rpartition("::")[2]
    return name.removeprefix("test_sentence_holds")


def _fate(mutant: Mutant, sound: Path) -> Fate:
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir=sound.parent) as scratch:
        # With its bytecode, which the file that changes is too new for.
        tree = shutil.copytree(sound, Path(scratch, "tree"), symlinks=True)
        file = tree / mutant.file
        file.write_text(file.read_text().replace(mutant.old, mutant.new))
        troubles = [t for test in mutant.caught_by if (t := _trouble(test, tree))]
    return Fate(mutant, "; ".join(troubles), time.monotonic() - start)


def _trouble(test: str, tree: Path) -> str:
    """How `test` misses that something is wrong in `tree`; empty where it fails there."""
    try:
        run = _pytest(tree, [test])
    except subprocess.TimeoutExpired:
        return f"{_short(test)} (has no end)"
    if run.returncode == FAILED:
        return ""
    how = "passes" if run.returncode == PASSED else f"cannot run: {run.stdout[-2000:]}"
    return f"{_short(test)} ({how})"


def _copy(directory: Path) -> Path:
    """The source as it is here, committed or not, with the generated modules."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # one that was removed is listed until that is committed
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, directory / name)
    for generated in (ROOT / GENERATED).iterdir():  # only read, and large: once is enough
        if not (directory / GENERATED / generated.name).exists():
            (directory / GENERATED / generated.name).symlink_to(generated)
    return directory


def _pytest(tree: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'backends'}"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
