"""access.smi-spec.io/v1alpha1: no spec, rules are specs, and a destination may have a port."""

from typing import Literal, Self

from pydantic import model_validator

from smi.access.identities import refuse_bindings
from smi.access.newer import OldRuleKind
from smi.access.places import refuse_fields_of_spec
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


class TrafficTarget(OpenResource):
    """A grant: `sources` may reach `destination` by `specs`. Without either it grants nothing."""

    api_version: Literal["access.smi-spec.io/v1alpha1"] = "access.smi-spec.io/v1alpha1"
    kind: Literal["TrafficTarget"] = "TrafficTarget"
    destination: Destination
    specs: tuple[Rule, ...] = ()
    sources: tuple[IdentityReference, ...] = ()

    _elsewhere = model_validator(mode="before")(refuse_fields_of_spec)

    @model_validator(mode="after")
    def _refuse_bindings(self) -> Self:
        refuse_bindings(self.metadata.annotations, self.destination, self.sources, at="")
        return self
