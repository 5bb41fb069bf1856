"""access.smi-spec.io/v1alpha3: identities are service accounts."""

from typing import Annotated, Literal

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, NotEmpty, OpenShape


class IdentityReference(OpenShape):
    """One end of a target; `namespace` None means the target's own."""

    kind: Name
    name: Name
    namespace: str | None = None

    @field_validator("kind")
    @classmethod
    def _refuse_bindings(cls, kind: str) -> str:
        if kind == "IdentityBinding":
            raise PydanticCustomError(
                "newer_kind",
                "v1alpha3 has no IdentityBinding; write apiVersion: access.smi-spec.io/v1alpha4",
            )
        return kind


class Rule(OpenShape):
    """A route of the target's namespace; of a route group, only the named `matches` if any."""

    kind: Name
    name: Name
    matches: tuple[Name, ...] = ()


class TrafficTargetSpec(OpenShape):
    """`sources` may reach `destination` by `rules`.

    > A valid TrafficTarget must specify a destination, at least one rule, and at least one
    > source.   (traffic-access v1alpha3)
    """

    destination: IdentityReference
    rules: Annotated[tuple[Rule, ...], NotEmpty]
    sources: Annotated[tuple[IdentityReference, ...], NotEmpty]


class TrafficTarget(OpenResource):
    """A grant: who may send what to whom. There is no other way to allow, and none to deny."""

    api_version: Literal["access.smi-spec.io/v1alpha3"] = "access.smi-spec.io/v1alpha3"
    kind: Literal["TrafficTarget"] = "TrafficTarget"
    spec: TrafficTargetSpec
