"""metrics.smi-spec.io/v1alpha2, the hub: as the sdk shapes it, and a list has its selector."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from smi.k8s.core_v1 import ObjectReference
from smi.k8s.interval import GoDuration, Time
from smi.k8s.meta_v1 import ServedMeta
from smi.k8s.resource import NamespacedName, OpenResource
from smi.k8s.shape import Name, OpenShape, Weight
from smi.metrics.readings import Value


class Edge(OpenShape):
    """The other end of the traffic: all peers where `resource` names none.

    `direction` is `to` for what the measured resource sends, `from` for what it receives; `side`,
    `client` or `server`, says where it was measured, None that nobody says.
    """

    direction: str
    side: str | None = None
    resource: ObjectReference = ObjectReference()


class Backend(OpenShape):
    """The service of a TrafficSplit to which the measured requests to `apex`, its root, went."""

    apex: Name
    name: Name
    weight: Weight


class Metric(OpenShape):
    """One number. A latency has a `unit`, `seconds` or `ms`; a count has none."""

    name: Name
    unit: str | None = None
    value: Value


class TrafficMetrics(OpenResource):
    """What went over one edge of `resource` in the `window` that ends at `timestamp`.

    Without `edge`, all that `resource` received.
    """

    api_version: Literal["metrics.smi-spec.io/v1alpha2"] = "metrics.smi-spec.io/v1alpha2"
    kind: Literal["TrafficMetrics"] = "TrafficMetrics"
    metadata: ServedMeta = ServedMeta()
    resource: ObjectReference
    edge: Edge | None = None
    backend: Backend | None = None
    timestamp: Time | None = None
    window: GoDuration | None = None
    metrics: tuple[Metric, ...]

    @property
    def key(self) -> NamespacedName:
        """Whose traffic it is."""
        return NamespacedName(self.resource.namespace, self.resource.name)


class Selector(OpenShape):
    """Which resources are listed: those that carry all of `match_labels`."""

    match_labels: Mapping[str, str] = Field(default_factory=dict)


class TrafficMetricsList(OpenResource):
    """The metrics of all resources of a kind, or, if `resource` has a name, of all of its edges.

    `selector` limits which resources are listed, never what was measured of one.
    """

    api_version: Literal["metrics.smi-spec.io/v1alpha2"] = "metrics.smi-spec.io/v1alpha2"
    kind: Literal["TrafficMetricsList"] = "TrafficMetricsList"
    metadata: ServedMeta = ServedMeta()
    resource: ObjectReference = ObjectReference()
    selector: Selector | None = None
    items: tuple[TrafficMetrics, ...]

    @property
    def key(self) -> NamespacedName:
        """Whose edges are listed, or the namespace of the resources that are."""
        return NamespacedName(self.resource.namespace, self.resource.name)
