"""What every resource is called. Proxies subscribe by these names and statistics carry them."""

from hashlib import sha256
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.denial import Denial
from smi.model.identity import PodUid, ServiceIdentity
from smi.model.service import AppProtocol
from smi_envoy.xds.resources import ResourceKey, ResourceName, TypeUrl

SVID = "svid"
"""The proxy's own certificate and key; each stream serves its own under this name."""

PEERS = "peers"
"""The validation secret that admits every SVID of the trust domain."""

APPLICATION = "application"
"""The cluster that stands for the workload beside the proxy."""

PATH_STATE = "smi.path"
"""The filter state that holds a request's normalised path without its query."""

EXTERNAL = "external"
"""The cluster of hosts outside the mesh, their routes, and what all of them are counted as."""

LOOPBACK = "Loopback"
"""The reason class of a request for an address that no sidecar leads to."""

GONE = "NotReady"
"""The route of requests for a pod that is not there."""

TUNNEL = "tunnel"
"""The route of tunnels that lead to a door of the same proxy, which counts what they carry."""

UNREACHED = "x-smi-mesh-unreached"
"""The header by which a sidecar tells another that a request reached no application."""

HTTP_SNI = "http.smi-mesh"
TCP_SNI = "tcp.smi-mesh"
"""What the server names of TCP connections end in (`tcp_sni`)."""

ACCESS_DENIED = "AccessDenied"
"""The route of requests for what a client may not call, or what is not there."""

ESCAPED_SLASH = str(Denial.ESCAPED_SLASH)
"""The route of requests whose paths applications might read otherwise."""

_SNI_DIGITS = 40  # 160 bits: that two pods share a name is not to be expected


class RouteName(NamedTuple):
    """What a route's name tells statistics: the Service named, and the split that decided."""

    root: NamespacedName
    port: int
    split: NamespacedName | None = None

    def __str__(self) -> str:
        return f"{self.root}:{self.port}" + (f"|{self.split}" if self.split else "")

    @classmethod
    def parse(cls, text: str) -> "RouteName | None":
        """The name that `str` wrote, or `None` if `text` is none."""
        port, _, split = text.partition("|")
        root, _, number = port.rpartition(":")
        if "/" not in root or not number.isdecimal():
            return None
        return cls(namespaced(root), int(number), namespaced(split) if split else None)


def namespaced(text: str) -> NamespacedName:
    """The name written `namespace/name`."""
    namespace, _, name = text.partition("/")
    return NamespacedName(namespace, name)


def upstream(service: NamespacedName, port: int, speaks: AppProtocol) -> str:
    """The cluster of one port of a Service, and its endpoints' name."""
    return f"{service}:{port}|{speaks}"


def service_of(cluster: str) -> NamespacedName | None:
    """The Service that the cluster so called stands for, or `None` if it stands for none."""
    route = RouteName.parse(cluster.partition("|")[0])
    return route.root if route and "/" not in route.root.name else None


def pod_upstream(pod: NamespacedName, port: int, speaks: AppProtocol) -> str:
    """The cluster of one port of one pod, and its endpoint's name."""
    return f"pod/{pod}:{port}|{speaks}"


def pod_server(pod: NamespacedName, port: int, speaks: AppProtocol) -> str:
    """The validation secret that lists the pod, for `pod_upstream` of the same arguments."""
    return f"servers/{pod_upstream(pod, port, speaks)}"


def door(root: NamespacedName, port: int) -> str:
    """The cluster of the proxy's own door to one port of a Service."""
    return f"door/{root}:{port}"


def tunnel(route: RouteName) -> str:
    """The route of tunnels that lead to a pod behind what `route` names."""
    return f"{TUNNEL}/{route}"


def servers(service: NamespacedName, port: int, speaks: AppProtocol) -> str:
    """The validation secret that lists who may answer at `upstream` of the same arguments."""
    return f"servers/{upstream(service, port, speaks)}"


def outbound_service(root: NamespacedName, port: int) -> str:
    """The routes of the listener that stands for one port of a Service."""
    return f"outbound/{root}:{port}"


def outbound_client(identity: ServiceIdentity) -> str:
    """The routes of the HTTP proxy of the pods of `identity`."""
    return f"outbound/{identity}"


def inbound(pod: NamespacedName, port: int) -> str:
    """The listener for one port of a pod, and the routes behind it with their authorization.

    Pods that the same TrafficTargets protect have routes of their own all the same: a name that
    says which those are would change, and the listener with it, under a pod that is called.
    """
    return f"inbound/{pod}/{port}"


def proxy_listener(pod: NamespacedName) -> str:
    """The listener on which a pod's sidecar is an HTTP proxy."""
    return f"proxy/{pod}"


def service_listener(pod: NamespacedName, root: NamespacedName, port: int) -> str:
    """The listener on which a pod's sidecar stands for one port of a Service."""
    return f"outbound/{pod}/{root}:{port}"


def tcp_sni(uid: PodUid) -> str:
    """The server name under which one pod opens TCP connections.

    Hashed, because nothing says that a uid is a DNS label of at most 63 characters in lower case.
    """
    return f"{sha256(uid.encode()).hexdigest()[:_SNI_DIGITS]}.{TCP_SNI}"


def key(type_url: TypeUrl, name: str) -> ResourceKey:
    """The key of the resource so called."""
    return ResourceKey(type_url, ResourceName(name))
