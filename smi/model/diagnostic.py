"""What the compiler found wrong, as a value that travels to whoever can mend it."""

from dataclasses import dataclass
from enum import StrEnum

from smi.k8s.resource import NamespacedName


class Severity(StrEnum):
    """How much a finding matters: an error leaves part of the object without effect."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One finding about one object.

    `field` is a dotted path below the object (`spec.backends[1].service`), `reason` a CamelCase
    name that programs may rely on, `message` a sentence that says what to do. `file` and `line`
    are known where the object came from a file.
    """

    severity: Severity
    kind: str
    name: NamespacedName
    field: str
    reason: str
    message: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file else ""
        parts = (place, f"{self.kind} {self.name}", self.field, self.message)
        return f"{': '.join(part for part in parts if part)} ({self.reason})"
