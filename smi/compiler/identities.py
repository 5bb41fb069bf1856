"""IdentityBindings: whom they identify."""

from collections.abc import Iterator

from smi.access import IdentityBinding
from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.compiler.workloads import selected_pods
from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity, SpiffeId, service_identity, spiffe_id


def members(
    read: Read, name: NamespacedName
) -> Judged[tuple[frozenset[SpiffeId], frozenset[PodUid]]] | None:
    """Whom the IdentityBinding `name` identifies: SPIFFE IDs, and pods by uid."""
    binding: IdentityBinding | None = read(("IdentityBinding", name))
    if binding is None:
        return None
    findings = Findings("IdentityBinding", name)
    schemes, trust_domain = binding.spec.schemes, read(("trust domain",))
    ids = set(_spiffe_ids(binding, trust_domain, findings))
    if schemes.service_account:
        identity = ServiceIdentity(name.namespace, schemes.service_account)
        ids.add(spiffe_id(trust_domain, identity))
    pods: frozenset[PodUid] = frozenset()
    if schemes.pod_label_selector is not None:
        labels = schemes.pod_label_selector.match_labels
        selected = selected_pods(read, name.namespace, labels)
        pods = frozenset(PodUid(p.metadata.uid) for p in selected if p.metadata.uid)
    return findings.judged((frozenset(ids), pods))


def _spiffe_ids(
    binding: IdentityBinding, trust_domain: str, findings: Findings
) -> Iterator[SpiffeId]:
    """The SPIFFE IDs of the own trust domain that name the binding's namespace."""
    for index, written in enumerate(binding.spec.schemes.spiffe_identities):
        spiffe = written if written.startswith("spiffe://") else f"spiffe://{written}"
        identity = service_identity(trust_domain, spiffe)
        if identity is not None and identity.namespace == binding.key.namespace:
            yield SpiffeId(spiffe)
            continue
        findings.error(
            f"spec.schemes.spiffeIdentities[{index}]",
            "ForeignSpiffeId",
            f"{written!r} is not of the form"
            f" spiffe://{trust_domain}/ns/{binding.key.namespace}/sa/NAME: an IdentityBinding"
            " identifies workloads of its own namespace only; this entry identifies nobody",
        )


def identities_by_label(read: Read, binding: NamespacedName) -> frozenset[ServiceIdentity]:
    """The ServiceAccounts of the pods that an IdentityBinding selects by label."""
    selector = read(("IdentityBinding", binding)).spec.schemes.pod_label_selector
    if selector is None:
        return frozenset()
    pods = selected_pods(read, binding.namespace, selector.match_labels)
    return frozenset(
        ServiceIdentity(binding.namespace, pod.spec.service_account_name) for pod in pods
    )
