"""What a row of the tables says, and how it names files and tests."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One wrong reading: in `file`, `old`, which is there exactly once, becomes `new`.

    Each of the tests `caught_by`, by itself, has to fail.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]


ACCESS_RULES = "smi/compiler/access_rules.py"
GRANTS = "smi/compiler/grants.py"
IDENTITIES = "smi/compiler/identities.py"
MATCHES = "smi/compiler/matches.py"
SPLITS = "smi/compiler/routes.py"
SERVICES = "smi/compiler/services.py"
MODEL = "smi/model/match.py"
PATHS = "smi/model/path.py"
DECISION = "smi/decision"
ROLLOVER = "backends/smi_envoy/ca/rollover.py"
TRANSLATE = "backends/smi_envoy/translate"
XDS = "backends/smi_envoy/xds"


def unit(room: str, module: str, test: str) -> str:
    """A test of one module."""
    return f"tests/unit/{room}/{module}.py::{test}"


def law(module: str, test: str) -> str:
    """A test of what holds for all inputs."""
    return f"tests/property/{module}.py::{test}"


def crds(test: str) -> str:
    """A test of the definitions."""
    return f"tests/unit/test_crds.py::{test}"


def golden(case: str) -> str:
    """The test of one sentence of the specification."""
    return f"tests/golden/test_golden.py::test_sentence_holds[{case}]"
