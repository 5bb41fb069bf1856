"""Who is calling: service identities, SPIFFE IDs and the names that certificates carry."""

import re
from collections.abc import Iterable
from typing import NamedTuple, NewType

SpiffeId = NewType("SpiffeId", str)
"""`spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, the URI SAN of an SVID."""

PodUid = NewType("PodUid", str)
"""The uid of one pod, the DNS SAN of its SVID: what a label selection of pods is enforced by."""

DEFAULT_TRUST_DOMAIN = "cluster.local"  # what Istio, Linkerd and the SMI examples use

_MAX_TRUST_DOMAIN = (
    255  # > [...] maximum length of a trust domain name is 255 bytes (SPIFFE-ID 2.1)
)
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]+")


class ServiceIdentity(NamedTuple):
    """A Kubernetes ServiceAccount as the identity that its pods share."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def is_trust_domain(text: str) -> bool:
    """Whether `text` can name a trust domain: lower case letters, digits, `.`, `-` and `_`."""
    return len(text) <= _MAX_TRUST_DOMAIN and _TRUST_DOMAIN.fullmatch(text) is not None


def spiffe_id(trust_domain: str, identity: ServiceIdentity) -> SpiffeId:
    """The SPIFFE ID of `identity` in `trust_domain`."""
    return SpiffeId(f"spiffe://{trust_domain}/ns/{identity.namespace}/sa/{identity.name}")


def spiffe_ids(trust_domains: Iterable[str], identity: ServiceIdentity) -> frozenset[SpiffeId]:
    """The SPIFFE IDs of `identity` in each of `trust_domains`."""
    return frozenset(spiffe_id(trust_domain, identity) for trust_domain in trust_domains)


def service_identity(trust_domain: str, spiffe: str) -> ServiceIdentity | None:
    """The ServiceAccount that `spiffe` names, or `None` if it is no such ID of `trust_domain`."""
    prefix = f"spiffe://{trust_domain}/"
    match spiffe.removeprefix(prefix).split("/") if spiffe.startswith(prefix) else ():
        case ["ns", namespace, "sa", name] if namespace and name:
            return ServiceIdentity(namespace, name)
        case _:
            return None
