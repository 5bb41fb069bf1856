"""Values of the model as plain data, for people and for programs of other languages."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.workload import PolicyGroup

Plain = None | bool | int | str | list["Plain"] | dict[str | int, "Plain"]


def as_plain(value: object) -> Plain:
    """`value` as YAML and JSON can hold it: fields in camelCase and their order, names `ns/name`.

    Maps and sets are sorted, so that equal values give equal text.
    """
    match value:
        case Enum():
            return as_plain(value.value)
        case None | bool() | int() | str():
            return value
        case NamespacedName() | ServiceIdentity():
            return str(value)
        case Mapping():
            items = sorted(value.items(), key=lambda item: item[0])
            return {_key(key): as_plain(item) for key, item in items}
        case frozenset():
            return [as_plain(item) for item in sorted(value)]
        case tuple():
            names = getattr(value, "_fields", None)
            if names is None:
                return [as_plain(item) for item in value]
            return {_camel(n): as_plain(item) for n, item in zip(names, value, strict=True)}
        case _ if is_dataclass(value):
            return {_camel(f.name): as_plain(getattr(value, f.name)) for f in fields(value)}
        case _:
            message = f"no value of the model: {value!r}"
            raise TypeError(message)


def _key(key: object) -> str | int:
    match key:
        case int():
            return key
        case PolicyGroup():
            return "+".join((str(key.identity), *key.bindings))
        case (NamespacedName() as name, int(port)):
            return f"{name}:{port}"
        case _:
            return str(key)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
