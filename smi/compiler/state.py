"""What the compiler reads: every object of the cluster that can mean something to a mesh."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from smi import access, scheme, split
from smi.compiler.addresses import List, addresses_of, pod_addresses, service_of
from smi.compiler.workloads import expected_pods, is_meshed
from smi.k8s import apps_v1, batch_v1, core_v1, discovery_v1
from smi.k8s.resource import NamespacedName, Resource
from smi.model.identity import DEFAULT_TRUST_DOMAIN
from smi.model.inbound import Mode
from smi.model.workload import Loopback
from smi.split.root import split_root

MODE_ANNOTATION = "smi-mesh.io/mode"
EXTERNAL_NAME = "ExternalName"
"""The type of a Service that has no pods, and is another name of a host."""
HEADLESS = "None"
"""The `clusterIP` of a Service whose name stands for its pods' addresses."""


class ResourceKey(NamedTuple):
    """The kind and name of an object. A Namespace's own namespace is the empty string."""

    kind: str
    name: NamespacedName


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Objects at their hub versions, as they stand at one moment.

    `loopbacks` says how to reach the pods of a machine whose processes share one loopback.
    `default_mode` binds the pods of every namespace that asks for none. Identities of
    `trust_domain` are known in each of the `trust_domain_aliases` too.
    """

    resources: Mapping[ResourceKey, Resource]
    loopbacks: Mapping[NamespacedName, Loopback] = field(default_factory=dict)
    trust_domain: str = DEFAULT_TRUST_DOMAIN
    default_mode: Mode = Mode.STRICT
    trust_domain_aliases: tuple[str, ...] = ()


class MeshWide(NamedTuple):
    """What holds for a whole mesh and stands in no manifest, in the order `collect` takes it."""

    trust_domain: str = DEFAULT_TRUST_DOMAIN
    default_mode: Mode = Mode.STRICT


_CONTROLLERS = (apps_v1.Deployment, apps_v1.StatefulSet, apps_v1.DaemonSet, batch_v1.Job)


def collect(
    resources: Iterable[Resource],
    loopbacks: Mapping[NamespacedName, Loopback] | None = None,
    trust_domain: str = DEFAULT_TRUST_DOMAIN,
    default_mode: Mode = Mode.STRICT,
    trust_domain_aliases: Iterable[str] = (),
) -> ClusterState:
    """The state that `resources` of any version make.

    Workload controllers stand for the pods that a cluster would run for them; a pod that is itself
    among the resources wins over an expected one.
    """
    written: dict[ResourceKey, Resource] = {}
    expected: dict[ResourceKey, Resource] = {}
    for resource in resources:
        if isinstance(resource, _CONTROLLERS):
            expected.update((resource_key(pod), pod) for pod in expected_pods(resource))
        else:
            hub = scheme.to_hub(resource)
            written[resource_key(hub)] = hub
    found, aliases = expected | written, tuple(trust_domain_aliases)
    return ClusterState(found, loopbacks or {}, trust_domain, default_mode, aliases)


def resource_key(resource: Resource) -> ResourceKey:
    """The key of `resource` in a state."""
    if isinstance(resource, core_v1.Namespace):
        return ResourceKey("Namespace", NamespacedName("", resource.metadata.name))
    return ResourceKey(resource.kind, resource.key)


class Entry(NamedTuple):
    """`member` belongs in the index cell `key`."""

    key: tuple[str, ...]
    member: str


def entries(resource: Resource) -> Iterator[Entry]:
    """Where the compiler's indexes list `resource`, so that nothing searches the whole mesh."""
    namespace, name = resource.key
    match resource:
        case core_v1.Pod():
            yield from _pod_entries(resource)
        case core_v1.Namespace() if MODE_ANNOTATION in resource.metadata.annotations:
            yield Entry(("namespaces that ask for a mode",), name)
        case core_v1.Service():
            yield from _service_entries(resource)
        case discovery_v1.EndpointSlice() | core_v1.Endpoints():
            yield from _list_entries(resource)
        case access.TrafficTarget():
            yield from _target_entries(resource)
        case access.IdentityBinding():
            yield Entry(("bindings", namespace), name)
        case split.TrafficSplit():
            yield from _split_entries(resource)
        case _:
            pass


def _pod_entries(pod: core_v1.Pod) -> Iterator[Entry]:
    namespace, name = pod.key
    yield Entry(("pods of identity", namespace, pod.spec.service_account_name), name)
    for label, value in pod.metadata.labels.items():
        yield Entry(("pods by label", namespace, label, value), name)
    for address in pod_addresses(pod):
        yield Entry(("pods at address", address), str(pod.key))
    if not is_meshed(pod):
        yield Entry(("unmeshed pods", namespace), name)


def _service_entries(service: core_v1.Service) -> Iterator[Entry]:
    namespace, name = service.key
    yield Entry(("services", namespace), name)
    if service.spec.type == EXTERNAL_NAME:
        yield Entry(("external services",), str(service.key))
    elif service.spec.selector:
        label, value = min(service.spec.selector.items())
        yield Entry(("services by label", namespace, label, value), name)
    else:
        yield Entry(("services without selector", namespace), name)
    if service.spec.cluster_ip == HEADLESS:
        yield Entry(("headless services", namespace), name)


def _list_entries(written: List) -> Iterator[Entry]:
    """A list of addresses under its Service, and under each address as `kind/namespace/name`."""
    service = service_of(written)
    if service is not None:
        if isinstance(written, discovery_v1.EndpointSlice):
            yield Entry(("slices of service", *service), written.key.name)
        for address in {found.address for found in addresses_of(written)}:
            yield Entry(("lists of address", address), f"{written.kind}/{written.key}")


def _target_entries(target: access.TrafficTarget) -> Iterator[Entry]:
    """A TrafficTarget under its destination and each source; members are `namespace/name`."""
    namespace, name = target.key
    destination = target.spec.destination
    yield Entry(
        ("targets of destination", destination.qualified_kind, namespace, destination.name), name
    )
    for source in target.spec.sources:
        key = (
            "targets of source",
            source.qualified_kind,
            source.namespace or namespace,
            source.name,
        )
        yield Entry(key, str(target.key))


def _split_entries(written: split.TrafficSplit) -> Iterator[Entry]:
    namespace, name = written.key
    root = split_root(written)
    if root is not None:
        yield Entry(("splits of root", namespace, root), name)
        for backend in written.spec.backends:
            yield Entry(("splits of backend", namespace, backend.service), name)
