"""From documents to typed objects: which class reads which kind, at which version.

Kinds of other groups than these are None to `decode`: a cluster is full of objects that mean
nothing to a mesh. Of an smi-spec.io group everything is meant for us, so what is not read there
is an error that names what is.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from smi import access, specs, split
from smi.access import conversion as access_conversion
from smi.access import v1alpha1 as access_v1alpha1
from smi.access import v1alpha2 as access_v1alpha2
from smi.access import v1alpha3 as access_v1alpha3
from smi.errors import InvalidResource, Problem
from smi.k8s import apps_v1, batch_v1, core_v1
from smi.k8s.document import Document
from smi.k8s.resource import OpenResource, Resource
from smi.k8s.shape import CONVERTED, Shape
from smi.k8s.wording import field_path, wording
from smi.specs import conversion as specs_conversion
from smi.specs import v1alpha1 as specs_v1alpha1
from smi.specs import v1alpha2 as specs_v1alpha2
from smi.specs import v1alpha3 as specs_v1alpha3
from smi.split import conversion as split_conversion
from smi.split import v1alpha2 as split_v1alpha2
from smi.split import v1alpha3 as split_v1alpha3


class Kind(NamedTuple):
    """What a document says that it is."""

    api_version: str
    kind: str


# Of one kind, oldest version first: the last one is what an error recommends.
_READ: tuple[type[Resource], ...] = (
    access_v1alpha1.TrafficTarget,
    access_v1alpha2.TrafficTarget,
    access_v1alpha3.TrafficTarget,
    access.TrafficTarget,
    access.IdentityBinding,
    specs_v1alpha1.HTTPRouteGroup,
    specs_v1alpha2.HTTPRouteGroup,
    specs_v1alpha3.HTTPRouteGroup,
    specs.HTTPRouteGroup,
    specs_v1alpha1.TCPRoute,
    specs_v1alpha2.TCPRoute,
    specs_v1alpha3.TCPRoute,
    specs.TCPRoute,
    specs.UDPRoute,
    split_v1alpha2.TrafficSplit,
    split_v1alpha3.TrafficSplit,
    split.TrafficSplit,
    core_v1.Pod,
    core_v1.Service,
    core_v1.ServiceAccount,
    core_v1.Namespace,
    apps_v1.Deployment,
    apps_v1.StatefulSet,
    apps_v1.DaemonSet,
    batch_v1.Job,
)
_CLASSES = {
    Kind(read.model_fields["api_version"].default, read.model_fields["kind"].default): read
    for read in _READ
}
_SMI_KINDS = tuple(kind for kind, read in _CLASSES.items() if issubclass(read, OpenResource))
_HUBS = {kind.kind: kind for kind in _SMI_KINDS}

_TO_HUB: dict[str, Callable[[Document], Document]] = {
    "access.smi-spec.io/v1alpha1": access_conversion.v1alpha1_to_hub,
    "access.smi-spec.io/v1alpha2": access_conversion.v1alpha2_to_hub,
    "access.smi-spec.io/v1alpha3": access_conversion.v1alpha3_to_hub,
    "specs.smi-spec.io/v1alpha1": specs_conversion.v1alpha1_to_hub,
    "specs.smi-spec.io/v1alpha2": specs_conversion.v1alpha2_to_hub,
    "specs.smi-spec.io/v1alpha3": specs_conversion.v1alpha3_to_hub,
    "split.smi-spec.io/v1alpha2": split_conversion.v1alpha2_to_hub,
    "split.smi-spec.io/v1alpha3": split_conversion.v1alpha3_to_hub,
}

# What to write, by field: `Kind path` where the name alone would not tell which is meant.
_EXAMPLES = {
    "apiVersion": "apiVersion: access.smi-spec.io/v1alpha4",
    "kind": "kind: TrafficTarget",
    "metadata": "metadata: {name: web}",
    "name": "name: web",
    "spec": "spec: and the fields of the object below it",
    "destination": "destination: {kind: ServiceAccount, name: api}",
    "sources": "sources: [{kind: ServiceAccount, name: web}]",
    "rules": "rules: [{kind: HTTPRouteGroup, name: api}]",
    "schemes": "schemes: {serviceAccount: web}",
    "matchLabels": "matchLabels: {app: web}",
    "spiffeIdentities": "spiffeIdentities: [spiffe://cluster.local/ns/shop/sa/web]",
    "specs": "specs: [{kind: HTTPRouteGroup, name: api}]",
    "TrafficTarget destination.port": "port: 8080",
    "TrafficTarget spec.destination.port": "port: 8080",
    "HTTPRouteGroup matches": "matches: [{name: api, pathRegex: /api}]",
    "HTTPRouteGroup spec.matches": "matches: [{name: api, pathRegex: /api}]",
    "TCPRoute spec.matches": "matches: {ports: [8080]}, or matches: {ports: []} for all ports",
    "UDPRoute spec.matches": "matches: {ports: [5353]}, or matches: {ports: []} for all ports",
    "ports": "ports: [8080]",
    "methods": "methods: [GET, HEAD]",
    "service": "service: web",
    "backends": "backends: [{service: web-v1, weight: 90}, {service: web-v2, weight: 10}]",
    "weight": "weight: 90 (weights are shares: 1 and 3 say what 0.5 and 1.5 do)",
}


def kinds() -> tuple[Kind, ...]:
    """Every kind that `decode` reads; of one kind, oldest version first."""
    return tuple(_CLASSES)


def decode(document: Mapping[str, Any]) -> Resource | None:
    """The object that `document` describes, at the version in which it is written.

    None for a kind of another group than those that are read. Raises InvalidResource, whose
    problems name the object and the field as it is written (`spec.backends[1].weight`).
    """
    kind = _kind(document)
    if kind not in _CLASSES:
        _refuse_unread(document, kind)
        return None
    try:
        return _CLASSES[kind].model_validate(dict(document), by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise InvalidResource(_finding(document, kind, detail) for detail in details) from None


def encode(resource: Resource) -> Document:
    """The document that describes `resource`; only what was given is in it."""
    written = resource.model_dump(mode="json", exclude_unset=True)
    return {"apiVersion": resource.api_version, "kind": resource.kind} | written


def to_hub(resource: Resource) -> Resource:
    """The same object at the newest version of its group; any other object as it is."""
    if resource.api_version not in _TO_HUB:
        return resource
    document = to_hub_document(encode(resource))
    hub = _CLASSES[_HUBS[resource.kind]]
    return hub.model_validate(document, by_alias=True, by_name=False, context=CONVERTED)


def to_hub_document(document: Mapping[str, Any]) -> Document:
    """What `to_hub` makes of a document, read or not: what is stored always converts."""
    version = document.get("apiVersion")
    convert = _TO_HUB.get(version) if isinstance(version, str) else None
    return dict(document) if convert is None else convert(dict(document))


def unknown_fields(resource: Resource) -> tuple[str, ...]:
    """The fields of an SMI object that its version does not have, as `spec.rules[0].match`.

    They are kept and mean nothing: somebody should be warned. Always empty for other kinds, and
    for metadata, which is Kubernetes' own.
    """
    found = _unknown(resource, "")
    return tuple(path for path in found if not path.startswith("metadata."))


def _unknown(value: object, path: str) -> Iterator[str]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _unknown(item, f"{path}[{index}]")
    if not isinstance(value, Shape):
        return
    for name, field in type(value).model_fields.items():
        yield from _unknown(getattr(value, name), f"{path}.{field.alias}".lstrip("."))
    yield from (f"{path}.{name}".lstrip(".") for name in value.model_extra or ())


def _kind(document: Mapping[str, Any]) -> Kind:
    if not isinstance(document, Mapping):
        message = "is not a Kubernetes object: a map with apiVersion, kind and metadata"
        raise InvalidResource([Problem(None, None, "", "", "", message)])
    api_version, kind = document.get("apiVersion"), document.get("kind")
    for field, value in (("apiVersion", api_version), ("kind", kind)):
        if not isinstance(value, str) or not value:
            versions = [read.api_version for read in _CLASSES if read.kind == kind]
            said = f"apiVersion: {versions[-1]}" if versions else _EXAMPLES[field]
            message = f"is missing; write {said}"
            raise InvalidResource([_problem(document, field, message)])
    return Kind(str(api_version), str(kind))


def _refuse_unread(document: Mapping[str, Any], kind: Kind) -> None:
    group, _, _ = kind.api_version.rpartition("/")
    known = [smi.api_version for smi in _SMI_KINDS if smi.kind == kind.kind]
    if not (group.endswith("smi-spec.io") or (known and not group)):
        return
    if known:
        *older, newest = known
        others = ", ".join(version.rpartition("/")[2] for version in older)
        choice = newest + (f" (or {others})" if older else "")
        message = f"should be {choice}, not {kind.api_version}"
        raise InvalidResource([_problem(document, "apiVersion", message)])
    choice = ", ".join(sorted({smi.kind for smi in _SMI_KINDS}))
    raise InvalidResource([_problem(document, "kind", f"should be one of {choice}")])


def _finding(document: Mapping[str, Any], kind: Kind, detail: ErrorDetails) -> Problem:
    field = field_path(detail)
    example = _EXAMPLES.get(f"{kind.kind} {field}") or _EXAMPLES.get(field.rpartition(".")[2])
    return _problem(document, field, wording(detail, example))


def _problem(document: Mapping[str, Any], field: str, message: str) -> Problem:
    kind, metadata = document.get("kind"), document.get("metadata")
    name = namespace = None
    if isinstance(metadata, Mapping):
        name, namespace = metadata.get("name"), metadata.get("namespace")
    return Problem(
        file=None,
        line=None,
        kind=kind if isinstance(kind, str) else "",
        name=f"{namespace or 'default'}/{name}" if isinstance(name, str) else "",
        field=field,
        message=message,
    )
