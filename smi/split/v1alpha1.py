"""split.smi-spec.io/v1alpha1: weights are quantities."""

from typing import Literal

from pydantic import model_validator

from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape
from smi.split.newer import refuse_matches
from smi.split.weights import QuantityWeight


class TrafficSplitBackend(OpenShape):
    """A service of the split's namespace, and its share relative to the other backends' weights."""

    service: Name
    weight: QuantityWeight


class TrafficSplitSpec(OpenShape):
    """All requests to `service` go to `backends`."""

    service: Name
    backends: tuple[TrafficSplitBackend, ...]

    _no_matches = model_validator(mode="before")(refuse_matches)


class TrafficSplit(OpenResource):
    """How clients divide their requests to one service among others."""

    api_version: Literal["split.smi-spec.io/v1alpha1"] = "split.smi-spec.io/v1alpha1"
    kind: Literal["TrafficSplit"] = "TrafficSplit"
    spec: TrafficSplitSpec
