"""What was found wrong, in order. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from smi.model.diagnostic import Diagnostic, Severity
from smi.sources.files import located
from smi.sources.manifests import Manifest, unknown_fields


def ordered(
    found: Iterable[Diagnostic], manifests: tuple[Manifest, ...], namespaces: frozenset[str] | None
) -> tuple[Diagnostic, ...]:
    """`found`, and fields that no version knows, most severe first and each with its place.

    Only what is about objects of `namespaces`; of all of them if that is None.
    """
    chosen = (
        diagnostic
        for diagnostic in (*found, *unknown_fields(manifests))
        if namespaces is None or diagnostic.name.namespace in namespaces
    )
    ranks = {severity: rank for rank, severity in enumerate(Severity)}
    in_order = sorted(chosen, key=lambda d: (ranks[d.severity], _subject(d)))
    return tuple(located(in_order, manifests))


def _subject(diagnostic: Diagnostic) -> Diagnostic:
    return replace(diagnostic, file=None, line=None)
