"""The private keys of connected proxies: one SVID each, in memory, on its own stream only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol

from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2
from smi_envoy.xds.resources import Packed, ProxyId, ResourceKey, ResourceName, TypeUrl, pack
from smi_envoy.xds.session import Identity, Session

SVID = ResourceKey(TypeUrl.SECRET, ResourceName("svid"))
"""The key under which every proxy finds its own certificate and private key."""


class Issued(Protocol):
    """A certificate chain, leaf first, its private key, and when it ends, in Unix seconds."""

    @property
    def cert_chain_pem(self) -> bytes: ...
    @property
    def key_pem(self) -> bytes: ...
    @property
    def not_after(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Svid(Generic[Identity]):
    """One proxy's secret as it travels; it is replaced at `rotate_at` (Unix seconds)."""

    identity: Identity
    packed: Packed = field(repr=False)
    rotate_at: float
    not_after: float

    def private(self) -> Mapping[ResourceKey, Packed]:
        """The secret as a view's private part."""
        return {SVID: self.packed}


class Secrets(Generic[Identity]):
    """Owns the SVID of every proxy that connected, until it ends or is forgotten.

    `rotate_at(now, not_after)` says when to replace one; it holds the policy and the jitter.
    """

    def __init__(
        self,
        issue: Callable[[Identity], Issued],
        rotate_at: Callable[[float, float], float],
        clock: Callable[[], float],
    ) -> None:
        self._issue = issue
        self._rotate_at = rotate_at
        self._clock = clock
        self._svids: dict[ProxyId, Svid[Identity]] = {}  # in the order of issue

    def svid(self, session: Session[Identity]) -> Svid[Identity]:
        """The SVID of an authenticated proxy: the one it has, unless it is due for rotation."""
        found = self._svids.get(session.proxy_id)
        now = self._clock()
        if found is not None and found.identity == session.identity and now < found.rotate_at:
            return found
        issued = self._issue(session.identity)
        svid = Svid(
            session.identity,
            pack(SVID, _secret(issued)),
            self._rotate_at(now, issued.not_after),
            issued.not_after,
        )
        self.forget(session.proxy_id)
        self._sweep(now)
        self._svids[session.proxy_id] = svid
        return svid

    def forget(self, proxy_id: ProxyId) -> None:
        """Drop the SVID of a proxy that is gone."""
        self._svids.pop(proxy_id, None)

    def renew(self) -> None:
        """Drop every SVID: each proxy is to have a new one, whatever is left of its time."""
        self._svids.clear()

    def _sweep(self, now: float) -> None:
        """Drop what ended; the oldest come first, so a look at one is enough at most times."""
        while self._svids:
            proxy_id = next(iter(self._svids))
            if now < self._svids[proxy_id].not_after:
                return
            del self._svids[proxy_id]


def _secret(issued: Issued) -> bytes:
    certificate = common_pb2.TlsCertificate(
        certificate_chain=base_pb2.DataSource(inline_bytes=issued.cert_chain_pem),
        private_key=base_pb2.DataSource(inline_bytes=issued.key_pem),
    )
    secret = secret_pb2.Secret(name=SVID.name, tls_certificate=certificate)
    return secret.SerializeToString(deterministic=True)
