"""A model of a delta ADS client: applies responses, answers them, subscribes to what they need."""

from collections import deque

from smi_envoy.pb.envoy.config.endpoint.v3 import endpoint_pb2
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.xds.resources import ResourceName, TypeUrl, version_of
from smi_envoy.xds.subscription import Request

BAD = b"bad"
"""What every client refuses."""

STATIC_SECRETS = frozenset({ResourceName("trust"), ResourceName("svid")})

Held = dict[ResourceName, bytes]


class Client:
    """Owns what one client holds, and the requests it has sent that nobody read yet.

    A cluster needs the endpoints of its name; a listener's contents are the name of its routes; a
    route's contents are the name of a cluster. As Envoy, it applies the good part of a response
    that it refuses.
    """

    def __init__(self) -> None:
        self.held: dict[TypeUrl, Held] = {type_url: {} for type_url in TypeUrl}
        self.requests: deque[Request] = deque()

    def connect(self) -> None:
        """Open a stream, knowing what an earlier one left."""
        self.requests.clear()
        for type_url in TypeUrl:
            versions = {n: version_of(body) for n, body in self.held[type_url].items()}
            self.requests.append(Request(type_url, self._names(type_url), versions=versions))

    def receive(self, message: bytes) -> None:
        response = discovery_pb2.DeltaDiscoveryResponse.FromString(message)
        type_url = TypeUrl(response.type_url)
        wanted = {t: self._names(t) for t in TypeUrl}
        held = self.held[type_url]
        for name in response.removed_resources:
            held.pop(ResourceName(name), None)
        refused = [entry.name for entry in response.resources if entry.resource.value == BAD]
        for entry in response.resources:
            name = ResourceName(entry.name)
            assert entry.version == version_of(entry.resource.value)
            if entry.resource.value != BAD and (type_url in _WILD or name in wanted[type_url]):
                held[name] = entry.resource.value
        error = f"bad: {refused}" if refused else None
        self.requests.append(Request(type_url, nonce=response.nonce, error=error))
        for other in (TypeUrl.ENDPOINT, TypeUrl.ROUTE):
            gained = self._names(other) - wanted[other]
            lost = wanted[other] - self._names(other)
            for name in lost:
                self.held[other].pop(name, None)
            if gained or lost:
                self.requests.append(Request(other, gained, lost))

    def unready_routes(self) -> set[ResourceName]:
        """Routes in use that lead to a cluster which is not there or has no endpoints."""
        in_use = {ResourceName(body.decode()) for body in self.held[TypeUrl.LISTENER].values()}
        return {
            name
            for name, body in self.held[TypeUrl.ROUTE].items()
            if name in in_use
            for target in [ResourceName(body.decode())]
            if target not in self.held[TypeUrl.CLUSTER]
            or self.held[TypeUrl.ENDPOINT].get(target) in {None, nowhere(target)}
        }

    def _names(self, type_url: TypeUrl) -> frozenset[ResourceName]:
        match type_url:
            case TypeUrl.ENDPOINT:
                return frozenset(self.held[TypeUrl.CLUSTER])
            case TypeUrl.ROUTE:
                bodies = self.held[TypeUrl.LISTENER].values()
                return frozenset(ResourceName(body.decode()) for body in bodies)
            case TypeUrl.SECRET:
                return STATIC_SECRETS
            case _:
                return frozenset()


def nowhere(cluster: str) -> bytes:
    """Endpoints that are none."""
    return endpoint_pb2.ClusterLoadAssignment(cluster_name=cluster).SerializeToString()


_WILD = frozenset({TypeUrl.CLUSTER, TypeUrl.LISTENER})
