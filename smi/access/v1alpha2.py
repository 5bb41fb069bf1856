"""access.smi-spec.io/v1alpha2: a destination may have a port."""

from typing import Literal, Self

from pydantic import model_validator

from smi.access.identities import refuse_bindings
from smi.access.newer import OldRuleKind
from smi.access.places import refuse_fields_of_root
from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape, PortNumber


class IdentityReference(OpenShape):
    """One end of a target; `namespace` None means the target's own."""

    kind: Name
    name: Name
    namespace: str | None = None


class Destination(IdentityReference):
    """The pods that are opened; `port` None means all of their ports."""

    port: PortNumber | None = None


class Rule(OpenShape):
    """A route of the target's namespace; of a route group, only the named `matches` if any."""

    kind: OldRuleKind
    name: Name
    matches: tuple[Name, ...] = ()


class TrafficTargetSpec(OpenShape):
    """`sources` may reach `destination` by `rules`. Without either it grants nothing."""

    destination: Destination
    rules: tuple[Rule, ...] = ()
    sources: tuple[IdentityReference, ...] = ()


class TrafficTarget(OpenResource):
    """A grant: who may send what to whom. There is no other way to allow, and none to deny."""

    api_version: Literal["access.smi-spec.io/v1alpha2"] = "access.smi-spec.io/v1alpha2"
    kind: Literal["TrafficTarget"] = "TrafficTarget"
    spec: TrafficTargetSpec

    _elsewhere = model_validator(mode="before")(refuse_fields_of_root)

    @model_validator(mode="after")
    def _refuse_bindings(self) -> Self:
        refuse_bindings(
            self.metadata.annotations, self.spec.destination, self.spec.sources, at=".spec"
        )
        return self
