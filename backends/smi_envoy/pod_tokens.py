"""The tokens that pods' proxies prove themselves with: issued, renewed, verified, forgotten."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from smi.backend import ProxyId
from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity
from smi.model.mesh import Mesh, changes
from smi.model.workload import Workload
from smi_envoy.ca import tokens
from smi_envoy.ca.tokens import TokenIdentity

ISSUER = "smi-mesh"

RENEW_AFTER = 1 / 2  # of a token's time; the other half is for a supervisor that is slow to ask


class _Token(NamedTuple):
    pod: PodUid
    account: str
    text: str
    renew_at: float


class PodTokens:
    """Owns the key of tokens, and the last one of each pod until `forget` is told that it went."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, lifetime: float, clock: Callable[[], float]
    ) -> None:
        self._key = key
        self._lifetime = lifetime
        self._clock = clock
        self._issued: dict[ProxyId, _Token] = {}

    def token(self, workload: Workload) -> str:
        """The token of `workload`: the last one, until half its time (seconds) has passed."""
        account, now = _account_uid(workload), self._clock()
        known = self._issued.get(workload.name)
        if known is None or known[:2] != (workload.uid, account) or now >= known.renew_at:
            identity = TokenIdentity(
                namespace=workload.name.namespace,
                service_account=workload.identity.name,
                service_account_uid=account,
                pod=workload.name.name,
                pod_uid=workload.uid,
                expires_at=now + self._lifetime,
            )
            text = tokens.issue(identity, self._key, ISSUER, now)
            renew_at = now + self._lifetime * RENEW_AFTER
            known = self._issued[workload.name] = _Token(workload.uid, account, text, renew_at)
        return known.text

    def forget(self, old: Mesh, new: Mesh) -> None:
        """Drop the tokens of the pods that are in `old` and not in `new`."""
        for name, workload in changes(old.workloads, new.workloads):
            if workload is None:
                self._issued.pop(name, None)

    def authenticator(
        self, alive: Callable[[TokenIdentity], Awaitable[bool]]
    ) -> tokens.Authenticator:
        """What verifies these tokens; `alive` says whether the mesh still knows whom one names."""
        return tokens.Authenticator(
            keys={tokens.key_id(self._key.public_key()): self._key.public_key()},
            issuer=ISSUER,
            audience=tokens.AUDIENCE,
            clock=self._clock,
            alive=alive,
        )


def named_by(identity: TokenIdentity, mesh: Mesh) -> Workload | None:
    """The pod that a token is bound to, if `mesh` knows it as what the token says, and meshed."""
    workload = mesh.workloads.get(NamespacedName(identity.namespace, identity.pod))
    account = ServiceIdentity(identity.namespace, identity.service_account)
    if (
        workload
        and workload.meshed
        and (workload.uid, workload.identity) == (identity.pod_uid, account)
    ):
        return workload
    return None


def is_account_of(identity: TokenIdentity, workload: Workload) -> bool:
    """Whether `workload` still runs as the very ServiceAccount that a token is bound to."""
    return _account_uid(workload) == identity.service_account_uid


def _account_uid(workload: Workload) -> str:
    """The uid of a pod's ServiceAccount; where there is no such object, its name stands for it."""
    return workload.account_uid or str(workload.identity)
