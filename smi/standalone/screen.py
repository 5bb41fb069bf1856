"""Where a run's words go: applications' lines, findings, and the table below them."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self
from zlib import crc32

from rich.console import Console
from rich.live import Live
from rich.text import Text

from smi.errors import Problem, SmiError
from smi.model.diagnostic import Diagnostic, Severity
from smi.standalone.tally import Tally
from smi.standalone.view import Pods, as_json, table

_COLOURS = ("cyan", "magenta", "blue", "bright_green", "bright_cyan", "bright_magenta")
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


class Pipe(Console):
    """A console that falls silent when nobody reads it any more; `closed` says that it has."""

    closed = False

    def on_broken_pipe(self) -> None:
        """Take what is still to be written away from the pipe, so that writing cannot fail."""
        self.quiet = self.closed = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


class Screen:
    """Owns the terminal while it is entered: on a TTY, the table stays below all other lines.

    The table goes to `out`; with `as_json`, one JSON object a line instead. Applications' lines go
    to `out` too unless it holds JSON, findings to `err`.
    """

    def __init__(self, out: Pipe, err: Pipe, *, as_json: bool, quiet: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._quiet = quiet
        live = out.is_terminal and not as_json
        self._live = Live(console=out, auto_refresh=False, transient=False) if live else None
        # A line to another console would tear the table apart.
        self._err = out if live else err
        self._logs = err if as_json else out
        self._shown: object = None
        self._findings: frozenset[Diagnostic] = frozenset()

    @property
    def closed(self) -> bool:
        """Whether nobody reads the table any more."""
        return self._out.closed

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def log(self, speaker: str, line: str) -> None:
        """Print a line of an application, of a sidecar, or of the runner about one of them."""
        if self._quiet:
            return
        colour = _COLOURS[crc32(speaker.encode()) % len(_COLOURS)]
        said = Text.from_ansi(line) if self._logs.is_terminal else Text(line)
        self._print(self._logs, Text.assemble((f"[{speaker}] ", colour), said))

    def note(self, text: str, style: str = "") -> None:
        """Print a line about the run itself."""
        self._print(self._err, Text(text, style=style))

    def problems(self, problems: Iterable[Problem]) -> None:
        """Print what cannot be read."""
        for problem in problems:
            text = Text.assemble(("error: ", _STYLES[Severity.ERROR]), str(problem))
            self._print(self._err, text)

    def findings(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Print the findings that were not there before; those that are gone vanish silently."""
        found = {replace(finding, file=None, line=None): finding for finding in diagnostics}
        for subject, diagnostic in found.items():
            if subject not in self._findings:
                style = _STYLES[diagnostic.severity]
                text = Text.assemble((f"{diagnostic.severity}: ", style), str(diagnostic))
                self._print(self._err, text)
        self._findings = frozenset(found)

    def show(self, tally: Tally, pods: Pods) -> None:
        """Show the table; where it cannot stay in place, only when something in it is new."""
        shown = (tally.calls, tally.refusals, tally.weights, tally.rates, pods)
        if self._as_json:
            self._print(self._out, Text(json.dumps(as_json(tally, pods))))
        elif self._live:
            self._live.update(table(tally, pods), refresh=True)
        elif shown != self._shown:
            with _writing_to(self._out):
                self._out.print(table(tally, pods))
        self._shown = shown

    def _print(self, console: Pipe, text: Text) -> None:
        with _writing_to(console):
            console.print(text, soft_wrap=True, highlight=False)


@contextmanager
def _writing_to(console: Pipe) -> Iterator[None]:
    """Tell of a full disk below `console` once, and never write to it again."""
    try:
        yield
    except OSError as error:
        console.on_broken_pipe()
        message = f"cannot write what the mesh says: {error.strerror}"
        raise SmiError(message) from error
