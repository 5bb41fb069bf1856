"""What only newer versions have: taken for nothing, it would be lost without a word."""

from pydantic_core import PydanticCustomError


def refuse_bindings(kind: str) -> str:
    """`kind` of an identity, unless it is one that only v1alpha4 knows."""
    if kind == "IdentityBinding":
        raise PydanticCustomError(
            "newer_kind",
            "only v1alpha4 has IdentityBinding; write apiVersion: access.smi-spec.io/v1alpha4",
        )
    return kind
