"""The directory of one run: locked while it runs, and what is known of its pods for others."""

import fcntl
import os
import select
import signal
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from smi.errors import SmiError
from smi.k8s.shape import Shape

MARKER = "SMI_RUN"
"""The variable by which a run knows its child processes again, even after it was killed."""

# A Unix socket's path has at most 107 bytes (unix(7)); a run puts `/pods/254/<15 letters>` below.
_LONGEST = 80


class PodRecord(Shape):
    """What `smi exec` needs of a pod: who it is, and the variables that make a process its own."""

    namespace: str
    name: str
    owner: str
    variables: Mapping[str, str]


def prepare(directory: Path) -> None:
    """Create `directory`, private to the user; refuse one that is somebody else's or too deep."""
    if len(os.fsencode(directory)) > _LONGEST:
        raise _unusable(directory, f"longer than {_LONGEST} bytes, too long for sockets in it")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(directory, str(error.strerror)) from error
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise _unusable(directory, "not a directory of yours")
    if status.st_mode & 0o077:
        raise _unusable(directory, "open to other users")


def _unusable(directory: Path, why: str) -> SmiError:
    return SmiError(f"{directory}: {why}; --state-dir chooses another state directory")


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold `directory` for one run; the lock goes with the process, however that ends."""
    with (directory / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            why = f"in use by another smi run (process {_holder(directory)})"
            raise _unusable(directory, why) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def is_locked(directory: Path) -> bool:
    """Whether a run holds `directory`."""
    try:
        with (directory / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _holder(directory: Path) -> str:
    return (directory / "lock").read_text().strip() or "unknown"


def pods(directory: Path) -> Path:
    """Where in the state directory the pods of the run have a directory each."""
    return directory / "pods"


def sweep(directory: Path) -> tuple[int, ...]:
    """Kill what earlier runs in `directory` left running; the ids of those processes.

    They are the processes of this user that were started with the marker of this directory.
    """
    wanted = f"{MARKER}={directory}".encode()
    killed: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                killed += _kill_if_marked(int(entry.name), wanted)
            except OSError:  # it ended meanwhile, or is not ours to look at
                continue
    return tuple(killed)


def _kill_if_marked(pid: int, wanted: bytes) -> list[int]:
    # The descriptor stays this process's even if its id is given to another meanwhile.
    descriptor = os.pidfd_open(pid)
    try:
        process = Path(f"/proc/{pid}")
        if process.stat().st_uid != os.getuid():
            return []
        if wanted not in (process / "environ").read_bytes().split(b"\0"):
            return []
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        select.select([descriptor], [], [], 2.0)
        return [pid]
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write `path` so that readers see the old text or the new one, and only this user either."""
    draft = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        raise _unusable(path, f"cannot be written: {error.strerror}") from error


def record(directory: Path, pod: PodRecord) -> None:
    """Make `pod` known to `smi exec`; `directory` is the pod's own."""
    write_private(directory / "pod.json", pod.model_dump_json())


def records(directory: Path) -> tuple[PodRecord, ...]:
    """The pods that are known in the state directory `directory`, by name."""
    found: list[PodRecord] = []
    for path in pods(directory).glob("*/pod.json"):
        try:
            found.append(PodRecord.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError):  # the pod left meanwhile
            continue
    return tuple(sorted(found, key=lambda pod: (pod.namespace, pod.name)))
