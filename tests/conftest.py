"""What tests may be asked on the command line, and what they need of the machine."""

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", default="1", help="of generated meshes: a number, or `random`")
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Where generated meshes start."""
    written: str = request.config.getoption("--seed")
    return random.randrange(10**6) if written == "random" else int(written)
