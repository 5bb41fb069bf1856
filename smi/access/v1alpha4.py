"""access.smi-spec.io/v1alpha4, the hub."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from smi.access.places import refuse_fields_of_root
from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, NotEmpty, OpenShape

GROUP = "access.smi-spec.io"


class IdentityReference(OpenShape):
    """One end of a target: a ServiceAccount or an IdentityBinding.

    `namespace` None means the target's own; `group` None means the group of that kind.
    """

    kind: Name
    name: Name
    namespace: str | None = None
    group: str | None = None

    @property
    def qualified_kind(self) -> str:
        """The kind, with its group before it where that is another than the kind's own."""
        own = GROUP if self.kind == "IdentityBinding" else ""
        return self.kind if self.group in {None, "", own} else f"{self.group}/{self.kind}"


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

    api_version: Literal["access.smi-spec.io/v1alpha4"] = "access.smi-spec.io/v1alpha4"
    kind: Literal["TrafficTarget"] = "TrafficTarget"
    spec: TrafficTargetSpec

    _elsewhere = model_validator(mode="before")(refuse_fields_of_root)


class PodLabelSelector(OpenShape):
    """Pods that carry all of `match_labels`.

    A selector term that is not known is an error: ignored, it would admit more pods than asked.
    """

    model_config = ConfigDict(extra="forbid")

    match_labels: Annotated[Mapping[str, str], NotEmpty]


class IdentitySchemes(OpenShape):
    """The ways to recognise a member; any one suffices."""

    pod_label_selector: PodLabelSelector | None = None
    spiffe_identities: Annotated[tuple[Name, ...], NotEmpty] = ()
    service_account: Name | None = None

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.pod_label_selector and self.service_account:
            raise PydanticCustomError(
                "schemes", "should have podLabelSelector or serviceAccount, not both"
            )
        if not (self.pod_label_selector or self.service_account or self.spiffe_identities):
            raise PydanticCustomError(
                "schemes",
                "should have at least one of podLabelSelector, serviceAccount, spiffeIdentities",
            )
        return self


class IdentityBindingSpec(OpenShape):
    """How workloads are recognised."""

    schemes: IdentitySchemes


class IdentityBinding(OpenResource):
    """A name for the workloads of its own namespace that any of its schemes recognises."""

    api_version: Literal["access.smi-spec.io/v1alpha4"] = "access.smi-spec.io/v1alpha4"
    kind: Literal["IdentityBinding"] = "IdentityBinding"
    spec: IdentityBindingSpec
