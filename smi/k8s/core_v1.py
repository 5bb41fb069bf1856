"""core/v1: pods and what they run, services, service accounts, namespaces."""

from collections.abc import Mapping
from typing import Literal

from pydantic import AliasChoices, Field, field_validator

from smi.k8s.resource import Resource
from smi.k8s.shape import Name, OpenShape, PortNumber, PortOrName, Shape

TransportProtocol = Literal["TCP", "UDP", "SCTP"]


class ObjectReference(OpenShape):
    """An object, or where fields are empty all that the others leave: a kind, a namespace."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    resource_version: str = ""
    field_path: str = ""


class ObjectFieldSelector(Shape):
    """A field of the pod itself: `metadata.name`, `status.podIP`."""

    field_path: Name


class EnvVarSource(Shape):
    """Where a variable's value comes from; `field_ref` is None for the sources not read here."""

    field_ref: ObjectFieldSelector | None = None


class EnvVar(Shape):
    """One environment variable: a literal value, or one taken from somewhere else."""

    name: Name
    value: str = ""
    value_from: EnvVarSource | None = None


class ContainerPort(Shape):
    """A port that a container listens on; `name` is empty where it has none."""

    name: str = ""
    container_port: PortNumber
    protocol: TransportProtocol = "TCP"


class Container(Shape):
    """One container; empty `command` and `args` mean those of the image.

    `restart_policy` is `Always` for an init container that stays as a sidecar, None otherwise.
    """

    name: Name
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    working_dir: str | None = None
    restart_policy: str | None = None


class PodSpec(Shape):
    """What a pod runs, and as whom.

    A `hostname` is a name of the pod under the headless service `subdomain`.
    """

    # `serviceAccount` is the deprecated alias that the API server still reads.
    service_account_name: str = Field(
        default="default",
        validation_alias=AliasChoices("serviceAccountName", "serviceAccount"),
        serialization_alias="serviceAccountName",
    )
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    restart_policy: str = "Always"
    host_network: bool = False
    hostname: str = ""
    subdomain: str = ""

    @field_validator("service_account_name", mode="before")
    @classmethod
    def _fill_account(cls, value: object) -> object:
        return "default" if value == "" else value


class PodCondition(Shape):
    """`Ready` is `True`, `False` or `Unknown`: both are text in the API."""

    type: str
    status: str


class PodIP(Shape):
    """One of the addresses of a pod."""

    ip: str = ""


class PodStatus(Shape):
    """What the cluster says of a pod; `pod_ip` is empty until it has an address.

    `pod_ips` are all its addresses, where it has one of each family.
    """

    phase: str = ""
    pod_ip: str = Field(default="", alias="podIP")
    pod_ips: tuple[PodIP, ...] = Field(default=(), alias="podIPs")
    conditions: tuple[PodCondition, ...] = ()


class Pod(Resource):
    """A pod."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Pod"] = "Pod"
    spec: PodSpec
    status: PodStatus = PodStatus()


class TemplateMeta(Shape):
    """The metadata that a workload gives to its pods; their names are made by its controller."""

    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)


class PodTemplateSpec(Shape):
    """What every pod of a workload looks like."""

    metadata: TemplateMeta = TemplateMeta()
    spec: PodSpec


class ServicePort(Shape):
    """A port of a service; `target_port` None means the same number on the pods."""

    name: str = ""
    port: PortNumber
    target_port: PortOrName | None = None
    protocol: TransportProtocol = "TCP"
    app_protocol: str | None = None


class ServiceSpec(Shape):
    """Which pods a service stands for, on which ports.

    `cluster_ip` is empty until the cluster gives one, and `None` (the text) for a headless service.
    """

    selector: Mapping[str, str] = Field(default_factory=dict)
    ports: tuple[ServicePort, ...] = ()
    type: str = "ClusterIP"
    cluster_ip: str = Field(default="", alias="clusterIP")
    external_name: str = ""
    publish_not_ready_addresses: bool = False


class Service(Resource):
    """A service."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Service"] = "Service"
    spec: ServiceSpec


class EndpointAddress(Shape):
    """One address behind a service."""

    ip: str


class EndpointPort(Shape):
    """A port of every address of a subset; it belongs to the service's port of the same name."""

    name: str = ""
    port: PortNumber
    protocol: TransportProtocol = "TCP"


class EndpointSubset(Shape):
    """Addresses that have the same ports."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Resource):
    """The addresses behind the service of the same name, in the older way to write them down."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Endpoints"] = "Endpoints"
    subsets: tuple[EndpointSubset, ...] = ()


class ServiceAccount(Resource):
    """The identity that pods run under."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["ServiceAccount"] = "ServiceAccount"


class Namespace(Resource):
    """A namespace; it is in none itself, so only `metadata.name` means anything."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Namespace"] = "Namespace"
