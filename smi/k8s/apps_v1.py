"""apps/v1: the workloads that keep pods running."""

from typing import Literal

from smi.k8s.core_v1 import PodTemplateSpec
from smi.k8s.meta_v1 import LabelSelector
from smi.k8s.resource import Resource
from smi.k8s.shape import Count, Shape


class DeploymentStrategy(Shape):
    """How pods of an old template make place: `RollingUpdate`, or `Recreate` for all at once."""

    type: str = "RollingUpdate"


class DeploymentSpec(Shape):
    """How many pods (None means one) of which template, replaced how."""

    replicas: Count | None = None
    selector: LabelSelector = LabelSelector()
    strategy: DeploymentStrategy = DeploymentStrategy()
    template: PodTemplateSpec


class Deployment(Resource):
    """A deployment."""

    api_version: Literal["apps/v1"] = "apps/v1"
    kind: Literal["Deployment"] = "Deployment"
    spec: DeploymentSpec


class StatefulSetSpec(Shape):
    """How many pods (None means one) of which template, named under `service_name`."""

    replicas: Count | None = None
    selector: LabelSelector = LabelSelector()
    service_name: str = ""
    template: PodTemplateSpec


class StatefulSet(Resource):
    """A stateful set."""

    api_version: Literal["apps/v1"] = "apps/v1"
    kind: Literal["StatefulSet"] = "StatefulSet"
    spec: StatefulSetSpec


class DaemonSetSpec(Shape):
    """One pod of the template on every node."""

    selector: LabelSelector = LabelSelector()
    template: PodTemplateSpec


class DaemonSet(Resource):
    """A daemon set."""

    api_version: Literal["apps/v1"] = "apps/v1"
    kind: Literal["DaemonSet"] = "DaemonSet"
    spec: DaemonSetSpec
