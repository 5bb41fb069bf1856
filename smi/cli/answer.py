"""The answer to `smi explain`: a decision, with all that it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from smi.cli.diagnostics import ordered
from smi.compiler.compile import compile as compiled
from smi.compiler.state import MeshWide, ResourceKey, collect, resource_key
from smi.decision.decide import Decision, Destination, decide
from smi.decision.request import Request, Target, caller, target
from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Diagnostic
from smi.model.identity import ServiceIdentity, service_identity
from smi.model.mesh import Mesh
from smi.model.plain import Plain, as_plain
from smi.sources.manifests import Manifest


@dataclass(frozen=True, slots=True)
class Answer:
    """`source` is the caller's ServiceAccount, `None` if it shows none of this trust domain.

    `diagnostics` are about objects in the namespaces of source and target, which is where every
    object that the decision names is.
    """

    request: Request
    decision: Decision
    target: Target
    source: ServiceIdentity | None
    mesh: Mesh
    objects: Mapping[ResourceKey, Manifest]
    diagnostics: tuple[Diagnostic, ...]

    def written(self, kind: str, name: NamespacedName) -> Manifest | None:
        """The object of that kind and name as it is written, if it is."""
        return self.objects.get(ResourceKey(kind, name))


def answered(manifests: tuple[Manifest, ...], request: Request, wide: MeshWide) -> Answer:
    """What becomes of `request` in the mesh that `manifests` make. Raises InvalidRequest."""
    compilation = compiled(collect((m.resource for m in manifests), {}, *wide))
    mesh = compilation.mesh
    decision = decide(mesh, request)
    spiffe = caller(mesh, request.source).spiffe
    source = None if spiffe is None else service_identity(mesh.trust_domain, spiffe)
    wanted = target(request.target)
    namespaces = {wanted.name.namespace} | ({source.namespace} if source else set())
    return Answer(
        request=request,
        decision=decision,
        target=wanted,
        source=source,
        mesh=mesh,
        objects={resource_key(manifest.resource): manifest for manifest in manifests},
        diagnostics=ordered(compilation.diagnostics, manifests, frozenset(namespaces)),
    )


def as_json(answer: Answer) -> dict[str, Plain]:
    """The answer for programs. A share is a fraction: `1`, `2/3`."""
    decision = answer.decision
    return {
        "verdict": as_plain(decision.verdict),
        "mode": as_plain(decision.mode),
        "enforced": decision.enforced,
        "protocol": as_plain(decision.protocol),
        "split": as_plain(decision.split),
        "destinations": [_destination(destination) for destination in decision.destinations],
        "excluded": as_plain(decision.excluded),
        "outside": decision.outside or None,
        "diagnostics": as_plain(answer.diagnostics),
    }


def _destination(destination: Destination) -> Plain:
    place, judgement = destination.place, destination.judgement
    return {
        "service": as_plain(place.service),
        "port": place.port,
        "targetPort": place.target_port,
        "share": str(destination.share),
        "identity": as_plain(place.identity),
        "meshed": place.meshed,
        "verdict": as_plain(judgement.verdict),
        "policies": as_plain(judgement.policies),
        "reason": judgement.reason,
        "message": judgement.message,
        "path": judgement.path,
    }
