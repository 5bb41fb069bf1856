import io
import json
import os
from pathlib import Path

import pytest

from smi.errors import Problem, SmiError
from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Diagnostic, Severity
from smi.standalone.screen import Pipe, Screen
from smi.standalone.tally import Call, Tally
from smi.standalone.view import Pods

FINDING = Diagnostic(
    Severity.ERROR,
    "TrafficSplit",
    NamespacedName("shop", "catalog"),
    "spec.backends[0].service",
    "BackendNotFound",
    "there is no Service shop/x",
    "split.yaml",
    12,
)


class Written:
    """A screen, and what it has written to each of its consoles."""

    def __init__(
        self, *, terminal: bool = False, as_json: bool = False, quiet: bool = False
    ) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        out = Pipe(file=self._out, force_terminal=terminal, width=60)
        err = Pipe(file=self._err, force_terminal=terminal, width=60)
        self.screen = Screen(out, err, as_json=as_json, quiet=quiet)

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def err(self) -> str:
        return self._err.getvalue()


def test_lines_carry_the_name_of_their_pod_and_are_neither_wrapped_nor_read_as_markup() -> None:
    written = Written()
    written.screen.log("shop/front-0", "[red]" + "x" * 100)
    assert written.out == "[shop/front-0] [red]" + "x" * 100 + "\n"


def test_names_are_coloured_on_a_terminal() -> None:
    written = Written(terminal=True)
    written.screen.log("shop/front-0", "hello")
    assert "\x1b[" in written.out


def test_quiet_hides_what_applications_write_but_not_what_is_found() -> None:
    written = Written(quiet=True)
    written.screen.log("shop/front-0", "hello")
    written.screen.findings([FINDING])
    assert written.out == ""
    assert "BackendNotFound" in written.err


def test_a_finding_is_printed_once_with_its_place_until_it_comes_back() -> None:
    written = Written()
    for findings in ([FINDING], [FINDING], [], [FINDING]):
        written.screen.findings(findings)
    assert written.err == 2 * (
        "error: split.yaml:12: TrafficSplit shop/catalog: spec.backends[0].service: "
        "there is no Service shop/x (BackendNotFound)\n"
    )


def test_a_problem_is_printed_with_file_line_object_and_field() -> None:
    written = Written()
    problem = Problem("a.yaml", 3, "TrafficSplit", "shop/x", "spec.service", "is missing")
    written.screen.problems([problem])
    assert written.err == "error: a.yaml:3: TrafficSplit shop/x: spec.service: is missing\n"


def test_a_table_that_says_nothing_new_is_not_printed_again() -> None:
    written = Written()
    tally = Tally(calls={Call("shop/front", "shop/catalog", "200"): 1})
    written.screen.show(tally, Pods(1, 1))
    once = written.out
    written.screen.show(tally, Pods(1, 1))
    assert "shop/front" in once
    assert written.out == once


def test_json_is_alone_on_standard_output_one_object_a_line() -> None:
    written = Written(as_json=True)
    written.screen.log("shop/front-0", "hello")
    written.screen.show(Tally(calls={Call("shop/front", "shop/catalog", "200"): 1}), Pods(1, 2))
    (line,) = written.out.splitlines()
    assert json.loads(line)["pods"] == {"ready": 1, "total": 2, "unmeshed": []}
    assert written.err == "[shop/front-0] hello\n"


def test_on_a_terminal_the_table_stays_below_the_lines() -> None:
    written = Written(terminal=True)
    with written.screen:
        written.screen.show(Tally(), Pods(0, 1))
        written.screen.note("hello")
        written.screen.show(Tally(), Pods(0, 1))
    assert "hello" in written.out
    assert "0 of 1 pods are ready" in written.out
    assert written.err == ""


def test_a_full_disk_is_an_error_and_is_not_written_to_again() -> None:
    with Path("/dev/full").open("w") as full:
        out = Pipe(file=full)
        screen = Screen(out, Pipe(file=io.StringIO()), as_json=False, quiet=False)
        with pytest.raises(SmiError, match="cannot write what the mesh says: No space left"):
            screen.log("shop/front-0", "hello")
        screen.show(Tally(), Pods(0, 1))


def test_a_reader_that_leaves_is_noticed_and_harms_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        out = Pipe(file=pipe)
        screen = Screen(out, Pipe(file=io.StringIO()), as_json=False, quiet=False)
        assert not screen.closed
        screen.log("shop/front-0", "hello")
        screen.log("shop/front-0", "hello")
        assert screen.closed
