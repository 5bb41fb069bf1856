"""What only newer versions have."""

from pydantic_core import PydanticCustomError


def refuse_matches(data: object) -> object:
    """A split of v1alpha1 or v1alpha2, which is of all requests, unless it has matches.

    Ignored, they would turn a split of some requests into a split of all.
    """
    if isinstance(data, dict) and data.get("matches"):
        raise PydanticCustomError(
            "newer_field",
            "only v1alpha3 and v1alpha4 have matches; write apiVersion: split.smi-spec.io/v1alpha4",
            {"at": ".matches"},
        )
    return data
