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


class ClusterError(SmiError):
    """The Kubernetes API did not do what it was asked to; the text says what to do next."""


class NoCluster(ClusterError):
    """Nothing says which cluster is meant, or what says so cannot be read."""


class Unavailable(ClusterError):
    """The API server cannot be reached, or cannot answer now: the same may go well later.

    `retry_after` is how many seconds it wants to be left alone, None where it does not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unauthorized(ClusterError):
    """The API server does not know who asks (401)."""


class Forbidden(ClusterError):
    """Who asks may not do that (403)."""


class NotFound(ClusterError):
    """There is no such object, no such namespace, or no such kind (404)."""


class AlreadyExists(ClusterError):
    """An object of that name is there (409)."""


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field (`.spec.backends`) that another manager (`flagger`) has applied."""

    field: str
    manager: str


class Conflict(ClusterError):
    """Somebody else has written the object (409).

    `fields` are those that other managers own, where the object was applied; empty where it was
    changed, or replaced by one of another uid, since it was read.
    """

    def __init__(self, message: str, fields: Iterable[FieldConflict] = ()) -> None:
        self.fields = tuple(fields)
        super().__init__(message)


class Expired(ClusterError):
    """The version that a list or a watch wants to go on from is no longer kept (410)."""


class Rejected(ClusterError):
    """The API server does not take the object: its schema or a webhook refuses it (400, 422)."""
