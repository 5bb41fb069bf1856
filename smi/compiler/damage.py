"""Objects of which a part is missing, because what another version said cannot be read any more."""

from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.k8s import stash
from smi.k8s.resource import NamespacedName, OpenResource, Resource


def damage(resource: Resource | None) -> str | None:
    """The annotation by which `resource` is known to be incomplete, if it is."""
    # The prefix is that of SMI's objects; on others it means nothing.
    if isinstance(resource, OpenResource):
        return stash.damaged(resource.metadata.annotations)
    return None


def whole(resource: Resource | None) -> Resource | None:
    """`resource` unless it is incomplete: it may grant less than it seems, and so is not there."""
    return None if damage(resource) else resource


def incomplete(read: Read, kind: str, name: NamespacedName) -> Judged[None] | None:
    """What to do about an object that is incomplete."""
    annotation = read(("damage", kind, name))
    if annotation is None:
        return None
    findings = Findings(kind, name)
    findings.error(
        f"metadata.annotations.{annotation}",
        "ConversionUnreadable",
        "holds what another version of this object said, and cannot be read: the object has no"
        " effect. Restore the annotation, or write the object anew without it",
    )
    return findings.judged(None)
