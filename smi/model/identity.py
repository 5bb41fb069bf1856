"""Who is calling: service identities, SPIFFE IDs and the names that certificates carry."""

from typing import NamedTuple, NewType

SpiffeId = NewType("SpiffeId", str)
"""`spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, the URI SAN of an SVID."""

PodUid = NewType("PodUid", str)
"""The uid of one pod, the DNS SAN of its SVID: what a label selection of pods is enforced by."""

DEFAULT_TRUST_DOMAIN = "cluster.local"  # what Istio, Linkerd and the SMI examples use


class ServiceIdentity(NamedTuple):
    """A Kubernetes ServiceAccount as the identity that its pods share."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def spiffe_id(trust_domain: str, identity: ServiceIdentity) -> SpiffeId:
    """The SPIFFE ID of `identity` in `trust_domain`."""
    return SpiffeId(f"spiffe://{trust_domain}/ns/{identity.namespace}/sa/{identity.name}")


def service_identity(trust_domain: str, spiffe: str) -> ServiceIdentity | None:
    """The ServiceAccount that `spiffe` names, or `None` if it is no such ID of `trust_domain`."""
    prefix = f"spiffe://{trust_domain}/"
    match spiffe.removeprefix(prefix).split("/") if spiffe.startswith(prefix) else ():
        case ["ns", namespace, "sa", name] if namespace and name:
            return ServiceIdentity(namespace, name)
        case _:
            return None
