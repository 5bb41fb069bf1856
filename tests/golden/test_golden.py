"""A folder per sentence of the specification: objects, what is found wrong, and what requests get.

Every case runs on top of the workloads in `base.yaml`. `--update-golden` writes what comes out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smi import scheme
from smi.compiler.compile import compile  # noqa: A004 - the field's word for it
from smi.compiler.state import ClusterState, collect
from smi.decision.decide import Decision, decide
from smi.decision.request import Protocol, Request
from smi.errors import InvalidResource
from smi.k8s.resource import Resource
from tests import worlds
from tests.naive import Naive

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/cluster.yaml"))


@pytest.fixture(params=CASES, ids=lambda path: path.name)
def case(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


def test_sentence_holds(case: Path, update: bool) -> None:
    state, problems = _state(case)
    result, naive = compile(state), Naive(state.resources.values())
    asked = yaml.safe_load((case / "requests.yaml").read_text())
    answered = [_asked(one) | _answered(decide(result.mesh, _request(one))) for one in asked]
    found = problems + [
        f"{d.severity} {d.kind} {d.name}: {d.field}: {d.reason}" for d in result.diagnostics
    ]
    if update:
        (case / "requests.yaml").write_text("".join(map(_line, answered)))
        (case / "diagnostics.yaml").write_text("".join(map(_line, found)) or "[]\n")
        return
    assert asked == answered
    assert yaml.safe_load((case / "diagnostics.yaml").read_text()) == found
    for one in asked:
        request = _request(one)
        assert worlds.answers(decide(result.mesh, request)) == naive.shares(request)


def test_no_case_is_left_out() -> None:
    folders = {path for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(CASES)


def _state(case: Path) -> tuple[ClusterState, list[str]]:
    problems: list[str] = []
    files = (HERE / "base.yaml", case / "cluster.yaml")
    resources = [resource for file in files for resource in _resources(file, problems)]
    return collect(resources), problems


def _resources(file: Path, problems: list[str]) -> Iterator[Resource]:
    for document in yaml.safe_load_all(file.read_text()):
        try:
            resource = scheme.decode(document)
        except InvalidResource as error:
            problems += [f"invalid {problem}" for problem in error.problems]
        else:
            assert resource is not None, document
            yield resource


def _asked(one: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in {"verdict", "by", "shares"}}


def _request(one: dict[str, Any]) -> Request:
    return Request(
        source=one["from"],
        target=one["to"],
        protocol=Protocol(one.get("protocol", "http")),
        method=one.get("method", "GET"),
        path=one.get("path", "/"),
        headers=tuple((name, value) for name, value in one.get("headers", ())),
    )


def _answered(decision: Decision) -> dict[str, Any]:
    """Verdict; why, or by which policies; and the shares where there is more than one."""
    why = {
        ", ".join(policy.name for policy in d.judgement.policies) or d.judgement.reason
        for d in decision.destinations
    }
    shares: dict[str, str] = {}
    if decision.split is not None:
        shares = {str(d.place.service): str(d.share) for d in decision.destinations}
    said: dict[str, Any] = {"verdict": str(decision.verdict)}
    if why:
        said["by"] = "; ".join(sorted(why))
    return said | ({"shares": shares} if shares else {})


def _line(entry: object) -> str:
    flow = yaml.safe_dump([entry], sort_keys=False, default_flow_style=True, width=10_000)
    return f"- {flow.strip()[1:-1]}\n"
