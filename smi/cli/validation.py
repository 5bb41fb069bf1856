"""What `smi validate` prints."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import typer

from smi.cli.diagnostics import ordered
from smi.cli.manifests import text_of
from smi.compiler.compile import compile as compiled
from smi.compiler.state import collect
from smi.errors import InvalidRequest, Problem, SmiError
from smi.metrics import TrafficMetrics, TrafficMetricsList
from smi.metrics import validation as metrics
from smi.model.diagnostic import Diagnostic, Severity
from smi.sources.files import Loaded, emptiness, placed, read
from smi.sources.manifests import unknown_fields

_STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `reason` is Invalid where the object could not be read at all."""

    severity: Severity
    kind: str
    name: str
    field: str
    reason: str
    message: str
    file: str | None
    line: int | None


def print_findings(path: Path, output: str) -> bool:
    """Print what is wrong with the manifests of `path`; whether none of it is an error."""
    if output not in {"text", "json"}:
        message = f"the output may be text or json, not {output}"
        raise InvalidRequest(message)
    text = text_of(path) if str(path) == "-" else ""
    loaded = read(path, StringIO(text))
    if not (loaded.all() or loaded.problems or loaded.measurements):
        raise SmiError(emptiness(path, loaded))
    found = tuple(findings(loaded))
    if output == "json":
        typer.echo(json.dumps([_plain(finding) for finding in found], indent=2))
    else:
        lines = _Lines({_STDIN: text.split("\n")})
        for finding in found:
            typer.echo(lines.shown(finding))
        typer.echo(_summary(loaded, found), err=True)
    return all(finding.severity is not Severity.ERROR for finding in found)


def findings(loaded: Loaded) -> Iterator[Finding]:
    """What cannot be read first, then what is wrong otherwise, most severe first."""
    for problem in loaded.problems:
        yield _unreadable(problem)
    manifests = loaded.all()
    compilation = compiled(collect(manifest.resource for manifest in manifests))
    judged = (_alone(diagnostic) for diagnostic in compilation.diagnostics)
    for diagnostic in ordered((*judged, *_of_measurements(loaded)), manifests, None):
        yield _finding(diagnostic)


def _of_measurements(loaded: Loaded) -> Iterator[Diagnostic]:
    for manifest in loaded.measurements:
        match manifest.resource:
            case TrafficMetrics() as measured:
                found = metrics.traffic_metrics(measured)
            case TrafficMetricsList() as listed:
                found = metrics.traffic_metrics_list(listed)
            case _:
                found = ()
        yield from (placed(diagnostic, manifest) for diagnostic in found)
    yield from unknown_fields(loaded.measurements)


def _alone(diagnostic: Diagnostic) -> Diagnostic:
    """A warning where an object is not among the manifests: it may be where they are applied."""
    elsewhere = diagnostic.reason.endswith("NotFound") and diagnostic.reason != "MatchNotFound"
    if diagnostic.severity is Severity.ERROR and elsewhere:
        return replace(diagnostic, severity=Severity.WARNING)
    return diagnostic


def _unreadable(problem: Problem) -> Finding:
    return Finding(
        Severity.ERROR,
        problem.kind,
        problem.name,
        problem.field,
        "Invalid",
        problem.message,
        problem.file,
        problem.line,
    )


def _finding(diagnostic: Diagnostic) -> Finding:
    return Finding(
        diagnostic.severity,
        diagnostic.kind,
        str(diagnostic.name),
        diagnostic.field,
        diagnostic.reason,
        diagnostic.message,
        diagnostic.file,
        diagnostic.line,
    )


def _plain(finding: Finding) -> Mapping[str, str | int | None]:
    return {name: getattr(finding, name) for name in Finding.__slots__}


class _Lines:
    """Owns the lines of the files that findings are about, each read when it is first needed."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self._known = known

    def shown(self, finding: Finding) -> str:
        """The finding as text, with the line that it is about."""
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file or ""
        subject = f"{finding.kind} {finding.name}".strip()
        said = ": ".join(
            part
            for part in (place, str(finding.severity), subject, finding.field, finding.message)
            if part
        )
        line = self._line(finding)
        return f"{said} ({finding.reason})" + (f"\n{line}" if line else "")

    def _line(self, finding: Finding) -> str:
        if finding.file is None or finding.line is None:
            return ""
        if finding.file not in self._known:
            text = Path(finding.file).read_text(encoding="utf-8-sig", errors="replace")
            self._known[finding.file] = text.split("\n")
        lines = self._known[finding.file]
        return (
            f"{finding.line:>6} | {lines[finding.line - 1]}" if finding.line <= len(lines) else ""
        )


def _summary(loaded: Loaded, found: Iterable[Finding]) -> str:
    counts = Counter(finding.severity for finding in found)
    said = [_counted(len(loaded.all()) + len(loaded.measurements), "object")]
    said += [_counted(counts[severity], severity) for severity in Severity if counts[severity]]
    return ", ".join(said)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
