"""split.smi-spec.io/v1alpha3."""

from typing import Literal

from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape, Weight


class TrafficSplitBackend(OpenShape):
    """A service of the split's namespace, and its share relative to the other backends' weights."""

    service: Name
    weight: Weight


class HTTPMatch(OpenShape):
    """A reference to a route group of the split's namespace."""

    kind: Name
    name: Name
    api_group: str | None = None


class TrafficSplitSpec(OpenShape):
    """Requests to `service` that satisfy `matches` (no matches: all) go to `backends`."""

    service: Name
    backends: tuple[TrafficSplitBackend, ...]
    matches: tuple[HTTPMatch, ...] = ()


class TrafficSplit(OpenResource):
    """How clients divide their requests to one service among others."""

    api_version: Literal["split.smi-spec.io/v1alpha3"] = "split.smi-spec.io/v1alpha3"
    kind: Literal["TrafficSplit"] = "TrafficSplit"
    spec: TrafficSplitSpec
