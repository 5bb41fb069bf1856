"""What is written at a version that does not have it: read if that is safe, else refused.

Ignored, headers and ports would turn a grant of some requests into a grant of all.
"""

from typing import Any

from pydantic_core import PydanticCustomError

from smi.k8s.elsewhere import refuse_at_root


def move_root_matches(data: object) -> object:
    """A route group whose `matches` stand at the root, as v1alpha2 has them, with them in `spec`.

    The examples of later versions have them at the root too. In both places they are refused.
    """
    if not isinstance(data, dict) or "matches" not in data:
        return data
    spec = data.get("spec") or {}
    if not isinstance(spec, dict):
        return data
    if "matches" in spec:
        return _refuse_root(data)
    rest: dict[str, Any] = {key: value for key, value in data.items() if key != "matches"}
    return rest | {"spec": spec | {"matches": data["matches"]}}


_refuse_root = refuse_at_root({"matches": "them in spec.matches"})


def refuse_headers(data: object) -> object:
    """A match of v1alpha1, unless it has headers."""
    if isinstance(data, dict) and data.get("headers"):
        raise _newer("v1alpha1 has no headers", ".headers")
    return data


def refuse_ports(data: object) -> object:
    """A TCPRoute of v1alpha1 to v1alpha3, which is of all ports, unless it names some."""
    spec = data.get("spec") if isinstance(data, dict) else None
    for at, holder in (("spec.matches", spec), ("matches", data)):
        if isinstance(holder, dict) and holder.get("matches"):
            raise _newer("only v1alpha4 has ports: in older versions all are meant", at)
    return data


def _newer(message: str, at: str) -> PydanticCustomError:
    text = "{message}; write apiVersion: specs.smi-spec.io/v1alpha4"
    return PydanticCustomError("newer_field", text, {"message": message, "at": at})
