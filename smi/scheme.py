"""From documents to typed objects: which class reads which kind, at which version.

Kinds of other groups than these are None to `decode`: a cluster is full of objects that mean
nothing to a mesh. Of an smi-spec.io group everything is meant for us, so what is not read there
is an error that names what is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from pydantic import ValidationError

from smi import access, metrics, specs, split
from smi.access import conversion as access_conversion
from smi.access import v1alpha1 as access_v1alpha1
from smi.access import v1alpha2 as access_v1alpha2
from smi.access import v1alpha3 as access_v1alpha3
from smi.errors import InvalidRequest, InvalidResource, Problem
from smi.fields import as_written
from smi.k8s import apps_v1, batch_v1, core_v1, discovery_v1, stash
from smi.k8s.document import Document, annotated, annotation
from smi.k8s.resource import OpenResource, Resource
from smi.k8s.shape import CONVERTED, Shape
from smi.metrics import conversion as metrics_conversion
from smi.metrics import v1alpha1 as metrics_v1alpha1
from smi.problems import EXAMPLES, finding, problem
from smi.specs import conversion as specs_conversion
from smi.specs import v1alpha1 as specs_v1alpha1
from smi.specs import v1alpha2 as specs_v1alpha2
from smi.specs import v1alpha3 as specs_v1alpha3
from smi.split import conversion as split_conversion
from smi.split import v1alpha1 as split_v1alpha1
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
    split_v1alpha1.TrafficSplit,
    split_v1alpha2.TrafficSplit,
    split_v1alpha3.TrafficSplit,
    split.TrafficSplit,
    metrics_v1alpha1.TrafficMetrics,
    metrics.TrafficMetrics,
    metrics_v1alpha1.TrafficMetricsList,
    metrics.TrafficMetricsList,
    core_v1.Pod,
    core_v1.Service,
    core_v1.Endpoints,
    core_v1.ServiceAccount,
    core_v1.Namespace,
    discovery_v1.EndpointSlice,
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

_Convert = Callable[[Document], Document]


class _Conversions(NamedTuple):
    """Between one version and the hub of its group."""

    to_hub: _Convert
    from_hub: _Convert


_CONVERSIONS = {
    f"{group}.smi-spec.io/{version}": _Conversions(
        getattr(room, f"{version}_to_hub"), getattr(room, f"hub_to_{version}")
    )
    for group, room, older in (
        ("access", access_conversion, ("v1alpha1", "v1alpha2", "v1alpha3")),
        ("specs", specs_conversion, ("v1alpha1", "v1alpha2", "v1alpha3")),
        ("split", split_conversion, ("v1alpha1", "v1alpha2", "v1alpha3")),
        ("metrics", metrics_conversion, ("v1alpha1",)),
    )
    for version in older
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
    resource = _read(kind, document)
    try:
        # What an older version does not know is kept, and must make sense where it is known.
        to_hub(resource)
    except InvalidResource as error:
        raise InvalidResource(
            replace(problem, field=as_written(resource, problem.field))
            for problem in error.problems
        ) from None
    return resource


def encode(resource: Resource) -> Document:
    """The document that describes `resource`; only what was given is in it."""
    written = resource.model_dump(mode="json", exclude_unset=True)
    return {"apiVersion": resource.api_version, "kind": resource.kind} | written


def to_hub(resource: Resource) -> Resource:
    """The same object at the newest version of its group; any other object as it is.

    An object whose stash cannot be read keeps that annotation, and is closed by it. Does not raise
    for what was decoded.
    """
    if resource.api_version not in _CONVERSIONS:
        return resource
    hub = _HUBS[resource.kind]
    document = encode(resource)
    try:
        return _read(hub, convert_document(document, hub.api_version), CONVERTED)
    except InvalidResource:
        text = annotation(document, stash.ANNOTATION)
        seen = convert_document(annotated(document, stash.ANNOTATION, None), hub.api_version)
        return _read(hub, annotated(seen, stash.ANNOTATION, text), CONVERTED)


def convert(resource: Resource, api_version: str) -> Resource:
    """The same object at another version of its group: `v1alpha2`, or with its group before it.

    What that version cannot hold waits in annotations. Raises InvalidRequest for a version that
    the kind does not have, InvalidResource where an unknown field makes no sense where it is known.
    """
    kind = Kind(_full(resource.api_version, api_version), resource.kind)
    if kind not in _CLASSES:
        raise InvalidRequest(_no_version(kind))
    if kind == _HUBS.get(kind.kind):
        return to_hub(resource)
    if kind.api_version == resource.api_version:
        return resource
    document = convert_document(encode(to_hub(resource)), kind.api_version)
    return _read(kind, document, CONVERTED)


def convert_document(document: Mapping[str, Any], api_version: str) -> Document:
    """What `convert` makes of a document, read or not: what is stored always converts.

    A document of a kind or version that does not convert is given back as it is.
    """
    kind, written = document.get("kind"), document.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(written, str):
        return dict(document)
    wanted = _full(written, api_version)
    known = {Kind(written, kind), Kind(wanted, kind)} <= set(_SMI_KINDS)
    if written == wanted or not known:
        return dict(document)
    back, on = _CONVERSIONS.get(written), _CONVERSIONS.get(wanted)
    hub = dict(document) if back is None else back.to_hub(dict(document))
    return hub if on is None else on.from_hub(hub)


def _read(
    kind: Kind, document: Mapping[str, Any], context: dict[str, bool] | None = None
) -> Resource:
    read = _CLASSES[kind]
    try:
        return read.model_validate(dict(document), by_alias=True, by_name=False, context=context)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise InvalidResource(finding(document, detail) for detail in details) from None


def _full(written: str, api_version: str) -> str:
    group, slash, _ = written.rpartition("/")
    return api_version if "/" in api_version else f"{group}{slash}{api_version}"


def _no_version(kind: Kind) -> str:
    there = [known.api_version for known in _CLASSES if known.kind == kind.kind]
    return f"{kind.kind} has no version {kind.api_version}, only {', '.join(there)}"


def unknown_fields(resource: Resource) -> tuple[str, ...]:
    """The fields of an SMI object that its version does not have, as `spec.rules[0].match`.

    They are kept and mean nothing: somebody should be warned. Always empty for other kinds, and
    for metadata, which is Kubernetes' own.
    """
    found = _unknown(resource, "")
    return tuple(path for path in found if "metadata" not in path.split(".")[:-1])


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
            said = f"apiVersion: {versions[-1]}" if versions else EXAMPLES[field]
            message = f"is missing; write {said}"
            raise InvalidResource([problem(document, field, message)])
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
        raise InvalidResource([problem(document, "apiVersion", message)])
    choice = ", ".join(sorted({smi.kind for smi in _SMI_KINDS}))
    raise InvalidResource([problem(document, "kind", f"should be one of {choice}")])
