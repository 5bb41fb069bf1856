"""Who is at the other end of a stream, as its token proved it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from smi_envoy.xds.resources import ProxyId

Identity = TypeVar("Identity")


class Refused(Exception):
    """The caller did not prove who it is.

    `reason` is a CamelCase class of reasons, safe to show and to log.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Session(Generic[Identity]):
    """An authenticated proxy, until `expires_at` (Unix seconds); its stream ends then.

    `identity` is what its SVID is issued for.
    """

    proxy_id: ProxyId
    identity: Identity
    expires_at: float
