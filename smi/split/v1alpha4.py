"""split.smi-spec.io/v1alpha4, the hub."""

from typing import Literal

from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape, Weight


class TrafficSplitBackend(OpenShape):
    """A service of the split's namespace, and its share relative to the other backends' weights."""

    service: Name
    weight: Weight


SPECS = "specs.smi-spec.io"


class HTTPMatch(OpenShape):
    """A reference to a route group of the split's namespace.

    `api_group` None means the group of route groups.
    """

    kind: Name
    name: Name
    api_group: str | None = None

    @property
    def qualified_kind(self) -> str:
        """The kind, with its group before it where that is another than that of route groups."""
        return self.kind if self.api_group in {None, "", SPECS} else f"{self.api_group}/{self.kind}"


class TrafficSplitSpec(OpenShape):
    """Requests to `service` that satisfy `matches` (no matches: all) go to `backends`."""

    service: Name
    backends: tuple[TrafficSplitBackend, ...]
    matches: tuple[HTTPMatch, ...] = ()


class TrafficSplit(OpenResource):
    """How clients divide their requests to one service among others."""

    api_version: Literal["split.smi-spec.io/v1alpha4"] = "split.smi-spec.io/v1alpha4"
    kind: Literal["TrafficSplit"] = "TrafficSplit"
    spec: TrafficSplitSpec
