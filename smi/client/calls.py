"""What is asked of the API server: one value a request, with its path and its query. Pure."""

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from smi import scheme
from smi.errors import InvalidRequest
from smi.k8s.document import Document
from smi.k8s.resource import Resource

EVERYWHERE = ""
"""The namespace that stands for all of them, in lists and watches."""

PAGE = 500  # objects; what kubectl and client-go ask for at once
JSON = "application/json"
# The body is JSON, which is YAML too: the name of the format is what asks for server-side apply.
APPLY = "application/apply-patch+yaml"
_CLUSTERED = {"Namespace"}


class ApiKind(NamedTuple):
    """A kind at one version, as paths and RBAC name it; `group` is empty for the core's."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """`access.smi-spec.io/v1alpha4`, or `v1` for the core's."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def plural(self) -> str:
        """`traffictargets`."""
        return f"{self.kind.lower().removesuffix('s')}s"

    @property
    def resource(self) -> str:
        """`traffictargets.access.smi-spec.io`, as `kubectl` takes it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def is_clustered(self) -> bool:
        """Whether its objects are in no namespace."""
        return self.kind in _CLUSTERED


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `verb` is RBAC's word for it, `name` is empty for a collection's.

    `namespace` is EVERYWHERE for all namespaces, and for what is in none.
    """

    verb: str
    method: str
    kind: ApiKind
    namespace: str
    name: str = ""
    subresource: str = ""
    query: tuple[tuple[str, str], ...] = ()
    body: Document | None = None
    content_type: str = JSON

    @property
    def path(self) -> str:
        """The path below the address of the API server."""
        parts = [f"/apis/{self.kind.group}" if self.kind.group else "/api", self.kind.version]
        if self.namespace:
            parts += ["namespaces", _segment(self.namespace)]
        parts.append(self.kind.plural)
        if self.name:
            parts.append(_segment(self.name))
        if self.subresource:
            parts.append(self.subresource)
        return "/".join(parts)

    def __str__(self) -> str:
        name = f" {self.name}" if self.name else ""
        status = f"/{self.subresource}" if self.subresource else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.kind.resource}{status}{name}{where}"


def api_kind(kind: type[Resource]) -> ApiKind:
    """What paths call a class; raises InvalidRequest for one that stands for no single kind."""
    fields = kind.model_fields
    known = scheme.Kind(fields["api_version"].default, fields["kind"].default)
    # TrafficMetrics are served under the names of what they measure, and have no path themselves.
    if known not in scheme.kinds() or known.api_version.startswith("metrics.smi-spec.io/"):
        message = f"{kind.__module__}.{kind.__qualname__} is no kind that an API server lists"
        raise InvalidRequest(message)
    group, _, version = known.api_version.rpartition("/")
    return ApiKind(group, version, known.kind)


def get(kind: ApiKind, namespace: str, name: str) -> Call:
    """One object."""
    return Call("get", "GET", kind, _place(kind, namespace), _named(name))


def collection(kind: ApiKind, namespace: str, selector: str, token: str = "") -> Call:
    """A page of the objects that carry the labels of `selector`; `token` is the page's before."""
    query = [("limit", str(PAGE))]
    if selector:
        query.append(("labelSelector", selector))
    if token:
        query.append(("continue", token))
    return Call("list", "GET", kind, _area(kind, namespace), query=tuple(query))


def changes(kind: ApiKind, namespace: str, selector: str, version: str, seconds: int) -> Call:
    """What happens after `version`, for so many seconds."""
    query = [
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", version),
        ("timeoutSeconds", str(seconds)),
    ]
    if selector:
        query.append(("labelSelector", selector))
    return Call("watch", "GET", kind, _area(kind, namespace), query=tuple(query))


def create(kind: ApiKind, namespace: str, document: Document) -> Call:
    """A new object."""
    return Call("create", "POST", kind, _place(kind, namespace), body=document)


def replace(kind: ApiKind, namespace: str, name: str, document: Document) -> Call:
    """An object that is there, written whole."""
    return Call("update", "PUT", kind, _place(kind, namespace), _named(name), body=document)


def apply(kind: ApiKind, namespace: str, document: Document, manager: str, *, force: bool) -> Call:
    """The fields of `document`, whoever else has applied others; see Server-Side Apply."""
    query = [("fieldManager", manager), *([("force", "true")] if force else [])]
    name = str(document["metadata"]["name"])
    return Call(
        *("patch", "PATCH", kind, _place(kind, namespace), _named(name)),
        query=tuple(query),
        body=document,
        content_type=APPLY,
    )


def apply_status(kind: ApiKind, namespace: str, name: str, status: Document, manager: str) -> Call:
    """The status of an object that is there, as far as `manager` has anything to say in it."""
    metadata = {"name": name, **({} if kind.is_clustered else {"namespace": namespace})}
    return Call(
        *("patch", "PATCH", kind, _place(kind, namespace), _named(name), "status"),
        query=(("fieldManager", manager), ("force", "true")),
        body={
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": metadata,
            "status": status,
        },
        content_type=APPLY,
    )


def delete(kind: ApiKind, namespace: str, name: str, uid: str) -> Call:
    """No such object any more; with a `uid`, only the one that has it."""
    preconditions = {"preconditions": {"uid": uid}} if uid else {}
    options = {"apiVersion": "v1", "kind": "DeleteOptions", **preconditions}
    return Call("delete", "DELETE", kind, _place(kind, namespace), _named(name), body=options)


def _area(kind: ApiKind, namespace: str) -> str:
    return EVERYWHERE if kind.is_clustered else namespace


def _place(kind: ApiKind, namespace: str) -> str:
    if not (kind.is_clustered or namespace):
        message = f"a {kind.kind} is in one namespace: say which"
        raise InvalidRequest(message)
    return _area(kind, namespace)


def _named(name: str) -> str:
    # Without a name the path would be the collection's, and a delete would take all of it.
    if not name:
        raise InvalidRequest("an object has a name: say which")
    return name


def _segment(name: str) -> str:
    # > path segments may not be "." or "..", nor contain "/" or "%"   (Kubernetes, Object Names)
    if name in {".", ".."} or "/" in name or "%" in name:
        message = f"{name!r} is no name of an object"
        raise InvalidRequest(message)
    return quote(name, safe="")
