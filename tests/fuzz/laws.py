"""What must hold of any input, from its bytes to the objects at every version and back."""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from smi import scheme
from smi.access.destination_port import destination_port
from smi.errors import InvalidResource
from smi.k8s import stash
from smi.k8s.document import part
from smi.k8s.resource import OpenResource, Resource
from smi.sources.conversion import converted
from smi.sources.documents import Document as Written
from smi.sources.documents import documents
from smi.sources.manifests import contents
from tests.fuzz.corpus import versions

Counts = Counter[str]


def text_of(data: bytes) -> str | None:
    """The bytes as a file of them is read; None for what is no text."""
    try:
        return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
    except UnicodeDecodeError:
        return None


def hold(data: bytes) -> Counts:
    """How the objects of an input ended, by outcome; whatever raises is a bug."""
    text = text_of(data)
    if text is None:
        return Counter({"not UTF-8": 1})
    found: Counts = Counter()
    lines = text.count("\n") + 2
    read = contents(text, "it.yaml")
    for problem in read.problems:
        assert problem.message, problem
        assert 1 <= (problem.line or 0) <= lines, problem
        str(problem).encode("utf-8", "surrogatepass")
    found["problem"] += len(read.problems)
    for value in _values(text):
        found[_of_value(value)] += 1
    return found


def _values(text: str) -> Iterator[Any]:
    for document in documents(text):
        if not isinstance(document, Written):
            continue
        value: Any = document.value
        json.dumps(value, allow_nan=False)  # what is read is what JSON can say
        yield value
        if isinstance(value, dict) and isinstance(value.get("items"), list):
            yield from (item for item in value["items"] if isinstance(item, dict))


def _of_value(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, Mapping):
        _converts(value)
    try:
        resource = scheme.decode(value)
    except InvalidResource as error:
        return "invalid" if error.problems else "invalid, and nobody knows why"
    if resource is None:
        return "of another group"
    if not isinstance(resource, OpenResource):
        return "core"
    _comes_back(resource)
    return resource.kind


def _converts(document: Mapping[str, Any]) -> None:
    """Conversion never raises, never changes what it was given, and leaves the rest alone."""
    kind, own = document.get("kind"), document.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(own, str):
        return
    known = versions(kind)
    before = json.dumps(document)
    for version in known:
        led = scheme.convert_document(document, version)
        assert led.get("apiVersion") == (version if own in known else own)
        assert led.get("kind") == kind
        scheme.convert_document(led, own)
        json.dumps(led, allow_nan=False)
    assert json.dumps(document) == before


def _comes_back(resource: Resource) -> None:
    """What decodes encodes; at every version and back it is what it was."""
    document = scheme.encode(resource)
    again = json.loads(json.dumps(document, allow_nan=False))
    assert scheme.decode(again) == resource
    hub = scheme.to_hub(resource)
    scheme.unknown_fields(hub)
    for version in versions(resource.kind):
        try:
            led = scheme.convert(resource, version)
            back = scheme.convert(led, resource.api_version)
        except InvalidResource:  # an unknown field that makes no sense where it is known
            assert _says_more(resource), version
            continue
        assert (led.kind, led.key) == (resource.kind, resource.key)
        json.dumps(scheme.encode(led), allow_nan=False)
        if stash.damaged(hub.metadata.annotations):
            assert stash.damaged(scheme.to_hub(led).metadata.annotations), version
        elif not _says_more(resource):
            assert _said(scheme.to_hub(back)) == _said(hub), version


def _says_more(resource: Resource) -> bool:
    """Whether it has fields that its version, or the hub, does not know."""
    return bool(scheme.unknown_fields(resource) or scheme.unknown_fields(scheme.to_hub(resource)))


def _said(resource: Resource) -> Any:  # noqa: ANN401
    """What is written, and the port that an annotation leaves; a stash may be worded anew."""
    document = scheme.encode(resource)
    annotations = part(part(document, "metadata"), "annotations")
    kept = {n: text for n, text in annotations.items() if not n.startswith(stash.PREFIX)}
    metadata = {**part(document, "metadata"), "annotations": kept}
    port = destination_port(annotations) if resource.api_version.endswith("v1alpha4") else None
    return {**document, "metadata": metadata}, port


def hold_of_a_file(data: bytes) -> None:
    """The same for what `smi convert` makes of the file: it says the same, or is left alone."""
    text = text_of(data)
    if text is not None:
        for version in ("v1alpha1", "v1alpha4"):
            converted(converted(text, version).text, "v1alpha2")
