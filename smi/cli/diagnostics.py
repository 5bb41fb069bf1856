"""What was found wrong, in order. Pure."""

from collections.abc import Iterable

from smi.model.diagnostic import Diagnostic, Severity
from smi.sources.files import locate
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
    in_order = sorted(chosen, key=lambda diagnostic: (ranks[diagnostic.severity], diagnostic))
    return tuple(locate(diagnostic, manifests) for diagnostic in in_order)
