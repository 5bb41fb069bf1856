"""Text with manifests, the same at another version. Pure.

What does not convert is given back as it is written; what does loses its comments.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from smi import scheme
from smi.errors import InvalidRequest
from smi.k8s.document import Document, items
from smi.scheme import Kind
from smi.sources.documents import Document as Written
from smi.sources.documents import documents, is_json, parts

_ONE_LINE = 10_000  # YAML folds longer lines: beyond any regular expression


class _Dumper(yaml.SafeDumper):
    """Quotes what other tools read as numbers or booleans: `1e3`, `08` and `y` are text to PyYAML.

    A label that comes back as a number is none: the API server refuses the object. What is there
    twice is written twice, as nobody wrote an anchor.
    """

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the name is PyYAML's
        return True


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][-+]?[0-9_]+)?$"
        r"|[-+]?0(?:[xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)$"
    ),
    list("-+.0123456789"),
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))


@dataclass(frozen=True, slots=True)
class Converted:
    """The text at another version, and the objects whose kind has no such version."""

    text: str
    left: tuple[Kind, ...]


@dataclass(slots=True)
class _Conversion:
    """To `version`, of all groups or, with its group before a slash, of one."""

    version: str
    left: list[Kind] = field(default_factory=list)

    def of(self, document: Any) -> Any:  # noqa: ANN401
        """The value of a document, which may be no object at all, at the version."""
        if not isinstance(document, Mapping):
            return document
        kind = str(document.get("kind"))
        if kind == "List":
            return {**document, "items": [self.of(item) for item in items(document, "items")]}
        if Kind(str(document.get("apiVersion")), kind) in scheme.kinds():
            return self._one(dict(document))
        if kind.endswith("List") and isinstance(document.get("items"), list):
            return self._typed_list(document, kind.removesuffix("List"))
        return self._one(dict(document))

    def _typed_list(self, document: Mapping[str, Any], kind: str) -> Document:
        # The API server leaves apiVersion and kind out of the items of a typed list.
        implied = {"apiVersion": document.get("apiVersion"), "kind": kind}
        items_ = [self._item(item, implied) for item in document["items"]]
        version = self._one(dict(implied)).get("apiVersion")
        return {**document, "apiVersion": version, "items": items_}

    def _item(self, item: Any, implied: Document) -> Any:  # noqa: ANN401
        if not isinstance(item, Mapping):
            return item
        found = self._one(implied | dict(item))
        return {name: value for name, value in found.items() if name in item or name not in implied}

    def _one(self, document: Document) -> Document:
        written, kind = str(document.get("apiVersion")), str(document.get("kind"))
        if Kind(written, kind) not in scheme.kinds() or not written.count("smi-spec.io/"):
            return document
        group = written.partition("/")[0]
        if "/" in self.version and self.version.partition("/")[0] != group:
            return document
        wanted = self.version if "/" in self.version else f"{group}/{self.version}"
        if Kind(wanted, kind) not in scheme.kinds():
            self.left.append(Kind(written, kind))
            return document
        return scheme.convert_document(document, wanted)


def converted(text: str, version: str) -> Converted:
    """`text` at `version`: `v1alpha2`, or with a group before it to leave the others alone.

    Raises InvalidRequest for a version that no kind has. Nothing that is malformed converts.
    """
    known = {kind.api_version for kind in scheme.kinds() if "smi-spec.io/" in kind.api_version}
    if version not in known | {api_version.partition("/")[2] for api_version in known}:
        message = (
            f"there is no version {version}; write v1alpha1, v1alpha2, v1alpha3 or v1alpha4,"
            " or one with its group: access.smi-spec.io/v1alpha4"
        )
        raise InvalidRequest(message)
    conversion = _Conversion(version)
    written = "".join(_part(part, conversion) for _, part in parts(text))
    return Converted(written, tuple(dict.fromkeys(conversion.left)))


def _part(part: str, conversion: _Conversion) -> str:
    """One piece; as it is where anything in it is malformed, which nobody knows how to write."""
    match list(documents(part)):
        case [Written(value=value)] if (made := conversion.of(value)) != value:
            begin = "---\n" if part.startswith("---") else ""
            return begin + (_json(made) if is_json(part) else _yaml(made))
        case _:
            return part


def _json(value: Document) -> str:
    return json.dumps(value, indent=2) + "\n"


def _yaml(value: Document) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ONE_LINE)
