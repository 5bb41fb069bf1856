"""A running mesh on this machine, as another process of the user finds it."""

import os
from pathlib import Path

from smi.cli import settings
from smi.errors import InvalidRequest
from smi.standalone import state_directory
from smi.standalone.environment import process_environment
from smi.standalone.state_directory import PodRecord


def execute_as(workload: str, command: list[str], state_dir: Path | None) -> None:
    """Become `command` with the variables of `workload`; raises where that cannot be."""
    if not command:
        message = f"say what to run: smi exec {workload} -- COMMAND"
        raise InvalidRequest(message)
    variables = settings.environment()
    state = (state_dir or settings.state_directory(variables)).absolute()
    if not state_directory.is_locked(state):
        message = f"no smi run is running in {state}; start one, or name another with --state-dir"
        raise InvalidRequest(message)
    pod = chosen(workload, state_directory.records(state))
    try:
        os.execvpe(command[0], command, process_environment(variables, pod.variables))  # noqa: S606
    except OSError as error:
        message = f"cannot run {command[0]}: {error.strerror}"
        raise InvalidRequest(message) from error


def chosen(workload: str, pods: tuple[PodRecord, ...]) -> PodRecord:
    """The pod of that name, or the first of what has that name; without namespace in `default`."""
    namespace, _, name = workload.rpartition("/")
    here = [pod for pod in pods if pod.namespace == (namespace or "default")]
    for pod in here:
        if pod.name == name:
            return pod
    for pod in here:
        if pod.owner.partition("/")[2] == name:
            return pod
    known = sorted({f"{pod.namespace}/{pod.owner.partition('/')[2]}" for pod in pods})
    wanted = f"{namespace or 'default'}/{name}"
    message = f"there is no workload {wanted}; running: {', '.join(known) or 'none'}"
    raise InvalidRequest(message)
