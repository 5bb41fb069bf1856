"""What is wrong in an access object alone, whatever else there is."""

from collections.abc import Iterator

from smi.access.v1alpha4 import TrafficTarget
from smi.model.diagnostic import Diagnostic, Severity


def traffic_target(target: TrafficTarget) -> tuple[Diagnostic, ...]:
    """Warnings for a target that says nothing, or one thing twice."""
    return tuple(_findings(target))


def _findings(target: TrafficTarget) -> Iterator[Diagnostic]:
    spec = target.spec
    for field, items in (("rules", spec.rules), ("sources", spec.sources)):
        if not items:
            text = f"without {field} this TrafficTarget grants nothing"
            yield _warning(target, f"spec.{field}", f"No{field.capitalize()}", text)
    for index, source in enumerate(spec.sources):
        if source in spec.sources[:index]:
            text = "this source is there twice; remove one of the two"
            yield _warning(target, f"spec.sources[{index}]", "DuplicateSource", text)


def _warning(target: TrafficTarget, field: str, reason: str, text: str) -> Diagnostic:
    return Diagnostic(Severity.WARNING, target.kind, target.key, field, reason, text)
