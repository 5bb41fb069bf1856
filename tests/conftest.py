"""What tests may be asked on the command line, and what they need of the machine."""

import os
import random

import pytest
from hypothesis import HealthCheck, settings

DEFAULT_SEED = 1

# How long an example takes says more about what else the machine does than about the example. CI
# judges a change by what it was asked before; chance is for exploring.
settings.register_profile(
    "smi",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("smi")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seed", default=str(DEFAULT_SEED), help="of generated meshes: a number, or `random`"
    )
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Where generated meshes start."""
    written: str = request.config.getoption("--seed")
    return _chance() if written == "random" else int(written)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test without the binary that it needs is skipped, or fails where all are required.

    An API server is asked for by KUBEBUILDER_ASSETS alone: it comes in no package.
    """
    if item.get_closest_marker("kube_api") is not None and "KUBEBUILDER_ASSETS" not in os.environ:
        pytest.skip(
            "no API server: KUBEBUILDER_ASSETS names no directory with etcd, kube-apiserver"
        )
    if item.get_closest_marker("envoy") is None:
        return
    from smi.errors import MissingExtra  # noqa: PLC0415 - coverage starts before the product does
    from smi_envoy import sidecar  # noqa: PLC0415

    try:
        sidecar.executable()
    except MissingExtra as error:
        if _everything_is_required():
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def _everything_is_required() -> bool:
    return bool(os.environ.get("SMI_REQUIRE_ALL"))


def _chance() -> int:
    return random.randrange(10**6)
