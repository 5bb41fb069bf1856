"""split.smi-spec.io/v1alpha2: no matches yet."""

from typing import Literal

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape, Weight


class TrafficSplitBackend(OpenShape):
    """A service of the split's namespace, and its share relative to the other backends' weights."""

    service: Name
    weight: Weight


class TrafficSplitSpec(OpenShape):
    """All requests to `service` go to `backends`."""

    service: Name
    backends: tuple[TrafficSplitBackend, ...]

    @model_validator(mode="before")
    @classmethod
    def _refuse_matches(cls, data: object) -> object:
        # Ignored, they would turn a split of some requests into a split of all.
        if isinstance(data, dict) and data.get("matches"):
            raise PydanticCustomError(
                "newer_field",
                "v1alpha2 has no matches; write apiVersion: split.smi-spec.io/v1alpha4",
                {"at": ".matches"},
            )
        return data


class TrafficSplit(OpenResource):
    """How clients divide their requests to one service among others."""

    api_version: Literal["split.smi-spec.io/v1alpha2"] = "split.smi-spec.io/v1alpha2"
    kind: Literal["TrafficSplit"] = "TrafficSplit"
    spec: TrafficSplitSpec
