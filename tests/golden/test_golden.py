"""What is compiled of every case, and what `decide` and a naive reading say to its requests.

`--update-golden` writes what comes out.
"""

import pytest
import yaml

from smi.compiler.compile import compile  # noqa: A004 - the field's word for it
from smi.compiler.state import collect
from smi.decision.decide import decide
from tests import worlds
from tests.golden import cases
from tests.golden.cases import Case
from tests.naive import Naive


@pytest.fixture(params=cases.CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


def test_sentence_holds(case: Case, update: bool) -> None:
    resources, problems = cases.decoded(case.documents)
    state = collect(resources)
    result, naive = compile(state), Naive(state.resources.values())
    answered = [
        cases.asked(one) | cases.answer(decide(result.mesh, cases.request(one)))
        for one in case.requests
    ]
    found = problems + [
        f"{d.severity} {d.kind} {d.name}: {d.field}: {d.reason}" for d in result.diagnostics
    ]
    if update:
        (case.folder / "requests.yaml").write_text("".join(map(_line, answered)))
        (case.folder / "diagnostics.yaml").write_text("".join(map(_line, found)) or "[]\n")
        return
    assert case.requests == answered
    assert case.diagnostics == found
    for one in case.requests:
        request = cases.request(one)
        assert worlds.answers(decide(result.mesh, request)) == naive.shares(request)


def test_no_case_is_left_out() -> None:
    folders = {path for path in cases.HERE.iterdir() if path.is_dir()}
    assert {f for f in folders if f.name != "__pycache__"} == {case.folder for case in cases.CASES}


def _line(entry: object) -> str:
    flow = yaml.safe_dump([entry], sort_keys=False, default_flow_style=True, width=10_000)
    return f"- {flow.strip()[1:-1]}\n"
