"""What can go wrong, as values: every exception that this package raises on purpose."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one object, and where it stands.

    `file` and `line` (from 1) are None where the object did not come from a file; `kind`, `name`
    ("namespace/name") and `field` (`spec.backends[1].weight`) are empty where they are not known.
    """

    file: str | None
    line: int | None
    kind: str
    name: str
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file or ""
        subject = f"{self.kind} {self.name}".strip()
        return ": ".join(part for part in (place, subject, self.field, self.message) if part)


class SmiError(Exception):
    """Any error of this package; its text is meant for the user as it is."""


class InvalidResource(SmiError):
    """Objects that cannot be read; `problems` holds everything that is wrong with them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InvalidRequest(SmiError):
    """A question that makes no sense: a port out of range, a method with a space in it."""


class MissingExtra(SmiError):
    """A part of the product whose dependencies are not installed."""
