"""What is wrong in a TrafficSplit alone, whatever else there is."""

from collections.abc import Iterator

from smi.model.diagnostic import Diagnostic, Severity
from smi.split.root import split_root
from smi.split.v1alpha4 import TrafficSplit

_Finding = tuple[Severity, str, str, str]  # severity, field, reason, what it comes to


def traffic_split(split: TrafficSplit) -> tuple[Diagnostic, ...]:
    """Warnings for backends that are odd, an error for each reference that selects nothing."""
    return tuple(
        Diagnostic(severity, split.kind, split.key, field, reason, text)
        for severity, field, reason, text in (*_of_backends(split), *_of_matches(split))
    )


def _of_backends(split: TrafficSplit) -> Iterator[_Finding]:
    names = [backend.service for backend in split.spec.backends]
    for index, name in enumerate(names):
        field = f"spec.backends[{index}].service"
        if name in names[:index]:
            text = f"{name!r} is a backend twice: its weights are added"
            yield Severity.WARNING, field, "DuplicateBackend", text
        if name == split_root(split):
            text = "the root is its own backend: taken as the root's own pods, not split again"
            yield Severity.WARNING, field, "SelfReference", text
    if not any(backend.weight for backend in split.spec.backends):
        text = "no backend has a weight above 0; the requests that it takes fail with 503"
        yield Severity.WARNING, "spec.backends", "NoWeight", text


def _of_matches(split: TrafficSplit) -> Iterator[_Finding]:
    for index, reference in enumerate(split.spec.matches):
        kind = reference.qualified_kind
        if kind != "HTTPRouteGroup":
            text = f"{kind!r} is not HTTPRouteGroup; this entry selects no request"
            yield Severity.ERROR, f"spec.matches[{index}].kind", "UnknownMatchKind", text
