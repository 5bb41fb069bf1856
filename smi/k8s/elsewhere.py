"""Fields that another version of the kind has at another place.

They mean nothing where they stand. Converted, they would come to mean something, or give way to
what does.
"""

from collections.abc import Callable, Mapping

from pydantic_core import PydanticCustomError


def refuse_at_root(instead: Mapping[str, str]) -> Callable[[object], object]:
    """A validator of objects that have none of these fields at their root; says what to write."""
    return lambda data: _refusing(data, data, "", instead)


def refuse_in_spec(instead: Mapping[str, str]) -> Callable[[object], object]:
    """A validator of objects that have none of these fields in a spec; says what to write."""
    return lambda data: _refusing(
        data, data.get("spec") if isinstance(data, Mapping) else None, ".spec", instead
    )


def _refusing(data: object, holder: object, at: str, instead: Mapping[str, str]) -> object:
    if isinstance(holder, Mapping):
        for name in (name for name in instead if name in holder):
            raise PydanticCustomError(
                "elsewhere",
                "means nothing here at this version; write {instead}",
                {"instead": instead[name], "at": f"{at}.{name}"},
            )
    return data
