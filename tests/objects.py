"""Objects of a cluster in few words: a test says what it is about and no more.

Names are written `pay/web`; a name without a namespace is in `shop`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from smi import scheme
from smi.compiler.compile import Compilation, compile  # noqa: A004 - the field's word for it
from smi.compiler.state import collect
from smi.k8s.resource import Resource

Fields = Mapping[str, Any]

VERSIONS = {
    "Pod": "v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "Namespace": "v1",
    "Endpoints": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "TrafficTarget": "access.smi-spec.io/v1alpha4",
    "IdentityBinding": "access.smi-spec.io/v1alpha4",
    "TrafficSplit": "split.smi-spec.io/v1alpha4",
}


def an(kind: str, name: str, spec: Fields | None = None, **metadata: object) -> Resource:
    """An object of any kind, read from its document."""
    namespace, slash, rest = name.partition("/")
    meta = {"name": rest if slash else name, "namespace": namespace if slash else "shop"}
    document: dict[str, Any] = {
        "apiVersion": VERSIONS.get(kind, "specs.smi-spec.io/v1alpha4"),
        "kind": kind,
        "metadata": meta | metadata,
    }
    found = scheme.decode(document if spec is None else {**document, "spec": spec})
    assert found is not None
    return found


def pod(
    name: str,
    account: str,
    *ports: int,
    labels: Mapping[str, str] | None = None,
    named: Mapping[str, int] | None = None,
    ready: str = "True",
    phase: str = "Running",
    address: str = "10.0.0.1",
    inject: str | None = None,
    leaving: bool = False,
) -> Resource:
    """A pod with one container; its uid is `uid-` and its name, its label `app` its account."""
    written: list[dict[str, Any]] = [{"containerPort": port} for port in ports]
    written += [{"containerPort": port, "name": key} for key, port in (named or {}).items()]
    found = an(
        "Pod",
        name,
        {"serviceAccountName": account, "containers": [{"name": "c", "ports": written}]},
        uid=f"uid-{name.rpartition('/')[2]}",
        labels={"app": account, **(labels or {})},
        annotations={} if inject is None else {"smi-mesh.io/inject": inject},
        deletionTimestamp="2026-01-01T00:00:00Z" if leaving else None,
    )
    status = {"phase": phase, "podIP": address, "conditions": [{"type": "Ready", "status": ready}]}
    return type(found).model_validate({**found.model_dump(by_alias=True), "status": status})


def service(name: str, *ports: Fields, selector: Mapping[str, str] | None = None) -> Resource:
    """A Service; without a selector it selects the pods whose label `app` is its name."""
    labels = {"app": name.rpartition("/")[2]} if selector is None else selector
    return an("Service", name, {"selector": labels, "ports": [dict(port) for port in ports]})


def addresses(
    name: str, service: str, *found: Fields, port: Fields, kind: str = "IPv4"
) -> Resource:
    """An EndpointSlice of the endpoints `found` (addresses, conditions) and one port."""
    namespace, slash, rest = name.partition("/")
    document = {
        "apiVersion": VERSIONS["EndpointSlice"],
        "kind": "EndpointSlice",
        "metadata": {
            "name": rest if slash else name,
            "namespace": namespace if slash else "shop",
            "labels": {"kubernetes.io/service-name": service} if service else {},
        },
        "addressType": kind,
        "endpoints": list(found),
        "ports": [port],
    }
    resource = scheme.decode(document)
    assert resource is not None
    return resource


def at(*written: str, **conditions: bool) -> Fields:
    """One endpoint of an EndpointSlice."""
    return {"addresses": list(written), "conditions": conditions}


def port(number: int, target: int | str | None = None, **fields: str) -> Fields:
    """One port of a Service."""
    return {"port": number, **({} if target is None else {"targetPort": target}), **fields}


def account(name: str, kind: str = "ServiceAccount") -> Fields:
    """One end of a TrafficTarget."""
    namespace, slash, rest = name.partition("/")
    return (
        {"kind": kind, "name": rest, "namespace": namespace}
        if slash
        else {
            "kind": kind,
            "name": name,
        }
    )


def rule(kind: str, name: str, *matches: str) -> Fields:
    """One rule of a TrafficTarget."""
    return {"kind": kind, "name": name, **({"matches": list(matches)} if matches else {})}


def target(
    name: str, to: str | Fields, sources: Iterable[str | Fields], *rules: Fields
) -> Resource:
    """A TrafficTarget; ends given by name are ServiceAccounts."""
    return an(
        "TrafficTarget",
        name,
        {
            "destination": account(to) if isinstance(to, str) else to,
            "sources": [account(s) if isinstance(s, str) else s for s in sources],
            "rules": list(rules),
        },
    )


def group(name: str, *matches: Fields) -> Resource:
    """An HTTPRouteGroup; a match without a name is called `m`."""
    return an("HTTPRouteGroup", name, {"matches": [{"name": "m", **match} for match in matches]})


def ports(kind: str, name: str, *numbers: int) -> Resource:
    """A TCPRoute or UDPRoute."""
    return an(kind, name, {"matches": {"ports": list(numbers)}})


def binding(name: str, **schemes: object) -> Resource:
    """An IdentityBinding; `labels` are those of its podLabelSelector."""
    labels = schemes.pop("labels", None)
    selector = {} if labels is None else {"podLabelSelector": {"matchLabels": labels}}
    return an("IdentityBinding", name, {"schemes": {**selector, **schemes}})


def split(
    name: str, root: str, weights: Iterable[tuple[str, int]], *groups: Fields, **metadata: object
) -> Resource:
    """A TrafficSplit; `groups` are its matches as written."""
    backends = [{"service": service, "weight": weight} for service, weight in weights]
    spec = {"service": root, "backends": backends, "matches": list(groups)}
    return an("TrafficSplit", name, spec, **metadata)


def compiled(*objects: Resource) -> Compilation:
    """What the compiler makes of `objects`."""
    return compile(collect(objects))


def reasons(result: Compilation) -> list[tuple[str, str, str, str]]:
    """Severity, object, field and reason of each diagnostic."""
    return [(str(d.severity), f"{d.kind} {d.name}", d.field, d.reason) for d in result.diagnostics]
