"""IdentityBindings: whom they identify."""

from collections.abc import Iterator

from smi.access import IdentityBinding
from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.compiler.workloads import selected_pods
from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity, SpiffeId, service_identity, spiffe_ids


def members(
    read: Read, name: NamespacedName
) -> Judged[tuple[frozenset[SpiffeId], frozenset[PodUid]]] | None:
    """Whom the IdentityBinding `name` identifies: SPIFFE IDs, and pods by uid."""
    binding: IdentityBinding | None = read(("IdentityBinding", name))
    if binding is None:
        return None
    findings = Findings("IdentityBinding", name)
    schemes, trust_domains = binding.spec.schemes, read(("trust domains",))
    accounts = set(_accounts(binding, trust_domains, findings))
    if schemes.service_account:
        accounts.add(ServiceIdentity(name.namespace, schemes.service_account))
    ids = (spiffe_ids(trust_domains, account) for account in accounts)
    pods: frozenset[PodUid] = frozenset()
    if schemes.pod_label_selector is not None:
        labels = schemes.pod_label_selector.match_labels
        selected = selected_pods(read, name.namespace, labels)
        pods = frozenset(PodUid(p.metadata.uid) for p in selected if p.metadata.uid)
    return findings.judged((frozenset[SpiffeId]().union(*ids), pods))


def _accounts(
    binding: IdentityBinding, trust_domains: tuple[str, ...], findings: Findings
) -> Iterator[ServiceIdentity]:
    """Whom the SPIFFE IDs name that are of the mesh and of the binding's namespace."""
    own = trust_domains[0]
    for index, written in enumerate(binding.spec.schemes.spiffe_identities):
        field = f"spec.schemes.spiffeIdentities[{index}]"
        form = f"spiffe://{own}/ns/{binding.key.namespace}/sa/NAME"
        spiffe = written if written.startswith("spiffe://") else f"spiffe://{written}"
        named = ((domain, service_identity(domain, spiffe)) for domain in trust_domains)
        trust_domain, identity = next((pair for pair in named if pair[1]), (own, None))
        if identity is None or identity.namespace != binding.key.namespace:
            findings.error(
                field,
                "ForeignSpiffeId",
                f"{written!r} is not of the form {form}: an IdentityBinding"
                " identifies workloads of its own namespace only; this entry identifies nobody",
            )
            continue
        if trust_domain != own:
            findings.warning(
                field,
                "AliasSpiffeId",
                f"{written!r} identifies nobody once {trust_domain!r} is no alias of the trust"
                f" domain {own!r} any more; write {form}",
            )
        yield identity


def identities_by_label(read: Read, binding: NamespacedName) -> frozenset[ServiceIdentity]:
    """The ServiceAccounts of the pods that an IdentityBinding selects by label."""
    selector = read(("IdentityBinding", binding)).spec.schemes.pod_label_selector
    if selector is None:
        return frozenset()
    pods = selected_pods(read, binding.namespace, selector.match_labels)
    return frozenset(
        ServiceIdentity(binding.namespace, pod.spec.service_account_name) for pod in pods
    )
