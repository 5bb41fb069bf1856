"""What was found wrong, in order and as lines of text. Pure."""

from collections.abc import Iterable, Iterator

from smi.model.diagnostic import Diagnostic, Severity
from smi.sources.files import locate
from smi.sources.manifests import Manifest


def ordered(
    found: Iterable[Diagnostic], manifests: tuple[Manifest, ...], namespaces: frozenset[str] | None
) -> tuple[Diagnostic, ...]:
    """`found`, and fields that no version knows, most severe first and each with its place.

    Only what is about objects of `namespaces`; of all of them if that is None.
    """
    chosen = (
        diagnostic
        for diagnostic in (*found, *_unknown_fields(manifests))
        if namespaces is None or diagnostic.name.namespace in namespaces
    )
    ranks = {severity: rank for rank, severity in enumerate(Severity)}
    in_order = sorted(chosen, key=lambda diagnostic: (ranks[diagnostic.severity], diagnostic))
    return tuple(locate(diagnostic, manifests) for diagnostic in in_order)


def line(diagnostic: Diagnostic) -> str:
    """The text form: `file:line: severity Reason kind namespace/name field: message`."""
    place = f"{diagnostic.file}:{diagnostic.line}: " if diagnostic.file else ""
    subject = f"{diagnostic.kind} {diagnostic.name} {diagnostic.field}".rstrip()
    return f"{place}{diagnostic.severity} {diagnostic.reason} {subject}: {diagnostic.message}"


def _unknown_fields(manifests: Iterable[Manifest]) -> Iterator[Diagnostic]:
    for manifest in manifests:
        resource = manifest.resource
        for name in manifest.unknown_fields:
            text = "this kind has no such field; it has no effect"
            yield Diagnostic(
                Severity.WARNING, resource.kind, resource.key, name, "UnknownField", text
            )
