"""What is written at a version of TrafficTarget that does not have it, and is refused."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from smi.k8s.shape import Name


def _refuse_udp(kind: str) -> str:
    if kind == "UDPRoute":
        raise PydanticCustomError(
            "newer_kind",
            "UDPRoute is known from v1alpha3 on; write apiVersion: access.smi-spec.io/v1alpha4",
        )
    return kind


OldRuleKind = Annotated[Name, AfterValidator(_refuse_udp)]
"""The kind of a route at v1alpha1 and v1alpha2."""
