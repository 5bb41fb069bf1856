"""What is wrong in a TrafficSplit alone, whatever else there is."""

from collections.abc import Iterator

from smi.model.diagnostic import Diagnostic, Severity
from smi.split.v1alpha4 import TrafficSplit


def traffic_split(split: TrafficSplit) -> tuple[Diagnostic, ...]:
    """Warnings for a split that names one backend twice."""
    return tuple(_findings(split))


def _findings(split: TrafficSplit) -> Iterator[Diagnostic]:
    names = [backend.service for backend in split.spec.backends]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Diagnostic(
                Severity.WARNING,
                split.kind,
                split.key,
                f"spec.backends[{index}].service",
                "DuplicateBackend",
                f"{name!r} is a backend twice: its weights are added",
            )
