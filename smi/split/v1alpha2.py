"""split.smi-spec.io/v1alpha2: no matches yet."""

from typing import Literal

from pydantic import model_validator

from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape, Weight
from smi.split.newer import refuse_matches


class TrafficSplitBackend(OpenShape):
    """A service of the split's namespace, and its share relative to the other backends' weights."""

    service: Name
    weight: Weight


class TrafficSplitSpec(OpenShape):
    """All requests to `service` go to `backends`."""

    service: Name
    backends: tuple[TrafficSplitBackend, ...]

    _no_matches = model_validator(mode="before")(refuse_matches)


class TrafficSplit(OpenResource):
    """How clients divide their requests to one service among others."""

    api_version: Literal["split.smi-spec.io/v1alpha2"] = "split.smi-spec.io/v1alpha2"
    kind: Literal["TrafficSplit"] = "TrafficSplit"
    spec: TrafficSplitSpec
