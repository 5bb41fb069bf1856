"""discovery.k8s.io/v1: the addresses behind a service, as somebody writes them down."""

from typing import Literal

from pydantic import Field

from smi.k8s.core_v1 import TransportProtocol
from smi.k8s.resource import Resource
from smi.k8s.shape import PortNumber, Shape

SERVICE_LABEL = "kubernetes.io/service-name"
"""On a slice: the service of its namespace whose addresses it lists."""


class EndpointConditions(Shape):
    """How an endpoint is. None stands for ready, for serving as far as ready, for not ending."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None

    @property
    def is_ready(self) -> bool:
        """Whether new connections may go there."""
        return self.ready is not False

    @property
    def is_leaving(self) -> bool:
        """Whether it still serves on its way out: better than nobody."""
        serving = self.is_ready if self.serving is None else self.serving
        return bool(self.terminating) and serving


class Endpoint(Shape):
    """One endpoint: of its addresses, which mean the same, clients take the first.

    Whom `targetRef` says that they are is not read: the author of a slice may write anything.
    """

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()


class EndpointPort(Shape):
    """A port of every endpoint; it belongs to the service's port of the same name."""

    name: str = ""
    protocol: TransportProtocol = "TCP"
    port: PortNumber | None = None


class EndpointSlice(Resource):
    """Some of the addresses behind a service."""

    api_version: Literal["discovery.k8s.io/v1"] = "discovery.k8s.io/v1"
    kind: Literal["EndpointSlice"] = "EndpointSlice"
    address_type: Literal["IPv4", "IPv6", "FQDN"] = Field(alias="addressType")
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()
