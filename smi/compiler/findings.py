"""How a unit of the compiler says what it found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Diagnostic, Severity

T = TypeVar("T")

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Judged(Generic[T]):
    """A value, and what is to be said about the object that it was made from."""

    value: T
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(slots=True)
class Findings:
    """Gathers the diagnostics of one object while one unit runs."""

    kind: str
    name: NamespacedName
    found: list[Diagnostic] = field(default_factory=list)

    def error(self, field_path: str, reason: str, message: str) -> None:
        """Part of the object has no effect."""
        self._add(Severity.ERROR, field_path, reason, message)

    def warning(self, field_path: str, reason: str, message: str) -> None:
        """The object has an effect that its author may not want."""
        self._add(Severity.WARNING, field_path, reason, message)

    def info(self, field_path: str, reason: str, message: str) -> None:
        """The object was read in a way that is worth knowing."""
        self._add(Severity.INFO, field_path, reason, message)

    def judged(self, value: T) -> Judged[T]:
        """`value` with all that was found."""
        return Judged(value, tuple(sorted(set(self.found))))

    def _add(self, severity: Severity, field_path: str, reason: str, message: str) -> None:
        self.found.append(Diagnostic(severity, self.kind, self.name, field_path, reason, message))


def few(names: Sequence[object]) -> str:
    """The first of `names`, and whether there are more."""
    return ", ".join(map(str, names[:_MOST_NAMED])) + (", ..." if len(names) > _MOST_NAMED else "")
