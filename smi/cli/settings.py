"""The real world, as arguments for the rooms that must not reach for it themselves."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from smi.standalone.processes import Clock


def environment() -> Mapping[str, str]:
    """The variables of this process."""
    return os.environ


def state_directory(variables: Mapping[str, str]) -> Path:
    """Where a run keeps its own, unless told otherwise: short, and private to the user."""
    runtime = variables.get("XDG_RUNTIME_DIR", "")
    return Path(runtime) / "smi-mesh" if runtime else Path(f"/tmp/smi-mesh-{os.getuid()}")  # noqa: S108


def clock() -> Clock:
    """The clock that never goes back."""
    return Clock(time.monotonic, asyncio.sleep)


def now() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC)


def salt() -> UUID:
    """A number that no other run has."""
    return uuid4()


def is_free(address: str, port: int) -> bool:
    """Whether nobody on this machine listens on `port` of `address`, or of all addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
