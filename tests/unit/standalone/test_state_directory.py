import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smi.errors import SmiError
from smi.standalone import state_directory
from smi.standalone.state_directory import MARKER, PodRecord


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smi-") as place:  # short, unlike tmp_path
        state = Path(place) / "state"
        state_directory.prepare(state)
        yield state


def sleeper(**variables: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], env=variables)


def test_a_new_directory_is_private(directory: Path) -> None:
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_may_read_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    with pytest.raises(SmiError, match="open to other users"):
        state_directory.prepare(open_to_all)


def test_a_link_is_refused(tmp_path: Path, directory: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(directory)
    with pytest.raises(SmiError, match="not a directory of yours"):
        state_directory.prepare(link)


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SmiError, match="File exists"):
        state_directory.prepare(file)


def test_a_path_too_long_for_sockets_is_refused() -> None:
    with pytest.raises(SmiError, match=r"longer than 80 bytes.*--state-dir"):
        state_directory.prepare(Path("/tmp") / ("x" * 80))


def test_a_second_run_of_a_directory_is_told_who_has_it(directory: Path) -> None:
    with (
        state_directory.locked(directory),
        pytest.raises(SmiError, match=f"in use by another smi run \\(process {os.getpid()}\\)"),
        state_directory.locked(directory),
    ):
        pass


def test_a_lock_is_seen_while_it_is_held(directory: Path) -> None:
    assert not state_directory.is_locked(directory)
    with state_directory.locked(directory):
        assert state_directory.is_locked(directory)
    assert not state_directory.is_locked(directory)


def test_a_sweep_kills_what_carries_the_marker_and_nothing_else(directory: Path) -> None:
    ours, others = sleeper(**{MARKER: str(directory)}), sleeper(**{MARKER: f"{directory}x"})
    try:
        assert state_directory.sweep(directory) == (ours.pid,)
        assert ours.wait(5) == -9
        assert others.poll() is None
    finally:
        for process in (ours, others):
            process.kill()
            process.wait()


def test_a_private_file_is_replaced_whole(directory: Path) -> None:
    file = directory / "token"
    state_directory.write_private(file, "one")
    state_directory.write_private(file, "two")
    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in directory.iterdir()] == ["token"]


def test_records_are_read_back_by_name_and_broken_ones_left_out(directory: Path) -> None:
    for place, name in (("1", "front-1"), ("2", "front-0")):
        (state_directory.pods(directory) / place).mkdir(parents=True)
        pod = PodRecord(namespace="shop", name=name, owner="Deployment/front", variables={"A": "b"})
        state_directory.record(state_directory.pods(directory) / place, pod)
    (state_directory.pods(directory) / "3").mkdir()
    (state_directory.pods(directory) / "3" / "pod.json").write_text("{")
    found = state_directory.records(directory)
    assert [pod.name for pod in found] == ["front-0", "front-1"]
    assert found[0].variables == {"A": "b"}


def test_what_cannot_be_written_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(SmiError, match=f"{tmp_path}/gone/token: cannot be written: No such file"):
        state_directory.write_private(tmp_path / "gone" / "token", "secret")
