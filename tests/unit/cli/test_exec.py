import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smi.cli.join import chosen
from smi.errors import InvalidRequest
from smi.standalone import state_directory
from smi.standalone.state_directory import PodRecord

PODS = tuple(
    PodRecord(namespace=namespace, name=name, owner=owner, variables={"WHO": name})
    for namespace, name, owner in (
        ("default", "lonely", "Pod/lonely"),
        ("shop", "front-0", "Deployment/front"),
        ("shop", "front-1", "Deployment/front"),
    )
)


@pytest.fixture
def state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smi-") as directory:
        place = Path(directory) / "state"
        state_directory.prepare(place)
        for number, pod in enumerate(PODS):
            own = state_directory.pods(place) / str(number)
            own.mkdir(parents=True)
            state_directory.record(own, pod)
        yield place


def execute(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from smi.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "exec", "--state-dir", str(state), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"HTTP_PROXY": "http://machine", "PATH": os.defpath},
    )


@pytest.mark.parametrize(
    ("workload", "name"),
    [("shop/front-1", "front-1"), ("shop/front", "front-0"), ("lonely", "lonely")],
)
def test_a_workload_is_a_pod_or_the_first_of_its_owner(workload: str, name: str) -> None:
    assert chosen(workload, PODS).name == name


def test_an_unknown_workload_is_answered_with_those_that_run() -> None:
    with pytest.raises(
        InvalidRequest, match="no workload default/front; running: default/lonely, shop/front"
    ):
        chosen("front", PODS)


def test_a_command_has_the_variables_of_the_workload_and_gives_its_exit_code(state: Path) -> None:
    show = "import json, os, sys; print(json.dumps(dict(os.environ))); sys.exit(7)"
    with state_directory.locked(state):
        ended = execute(state, "shop/front", "--", sys.executable, "-c", show)
    assert ended.returncode == 7
    variables = json.loads(ended.stdout)
    assert variables["WHO"] == "front-0"
    assert "HTTP_PROXY" not in variables


def test_options_of_the_command_are_its_own_even_without_dashes(state: Path) -> None:
    with state_directory.locked(state):
        show = "import sys; print(sys.argv[1])"
        ended = execute(state, "shop/front", sys.executable, "-c", show, "--help")
    assert ended.stdout == "--help\n"


def test_nothing_can_join_a_run_that_is_not_there(state: Path) -> None:
    ended = execute(state, "shop/front", "--", "true")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: no smi run is running in {state}")


def test_a_command_that_is_not_there_is_an_error(state: Path) -> None:
    with state_directory.locked(state):
        ended = execute(state, "shop/front", "--", "no-such-command")
    assert ended.returncode == 1
    assert ended.stderr == "error: cannot run no-such-command: No such file or directory\n"
