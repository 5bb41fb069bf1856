import json
import shutil
from pathlib import Path

import pytest

from smi.errors import MissingExtra
from smi_envoy import sidecar
from tests import builders as a


def program(directory: Path, name: str) -> str:
    """A program of that name."""
    file = directory / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o700)
    return str(file)


def test_given_envoy_is_taken(tmp_path: Path) -> None:
    envoy = program(tmp_path, "my-envoy")
    assert sidecar.executable(envoy) == envoy


def test_given_envoy_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match="not a program"):
        sidecar.executable(str(tmp_path / "none"))


def test_envoy_in_path_comes_before_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    envoy = program(tmp_path, "envoy")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sidecar.executable() == envoy


def test_envoy_of_the_wheel_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which(sidecar.executable())


def test_missing_envoy_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtra, match=r"smi-mesh\[envoy\]"):
        sidecar.executable(distribution="no-such-distribution")


def test_sidecar_is_a_command_and_files_with_a_place_for_their_directory() -> None:
    made = sidecar.sidecar(a.workload("web-0", "web"), "/bin/envoy", "/s/ads.sock", "a.b.c")
    assert made.command[:3] == ("/bin/envoy", "--config-path", "{directory}/envoy.json")
    assert set(made.files) == {"envoy.json", "token", "token.json"}
    assert made.files["token"] == "a.b.c"
    assert json.loads(made.files["envoy.json"])["node"] == {
        "id": "shop/web-0",
        "cluster": "shop/web",
    }
    assert "{directory}/token" in made.files["token.json"]
    assert "a.b.c" not in made.files["envoy.json"] + made.files["token.json"]
