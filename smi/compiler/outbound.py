"""What each client may name: Services, pods one by one, and names of what is elsewhere."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from smi.access import TrafficTarget
from smi.compiler.memo import Read
from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity, spiffe_id
from smi.model.outbound import Alias, ExternalService, NamedPod, Outbound
from smi.split.root import split_root

MOST_OPEN_PODS: Final = 500
"""How many pods of permissive and audit namespaces every client may name one by one."""


def outbound(read: Read, identity: ServiceIdentity) -> Outbound:
    """What pods of `identity` may name: every Service that they may find somebody to call behind.

    Behind those of namespaces that are not strict everybody may.
    """
    targets = sorted(_targets_of_client(read, identity))
    callable_services = {
        service for target in targets for service in _services_of_target(read, target)
    }
    open_services: tuple[NamespacedName, ...] = read(("open services",))
    callable_services.update(open_services)
    roots = callable_services | {
        NamespacedName(namespace, root)
        for namespace, service in callable_services
        for name in read(("splits of backend", namespace, service)) or ()
        if (root := split_root(read(("TrafficSplit", NamespacedName(namespace, name)))))
    }
    meanings: tuple[Alias | ExternalService, ...] = read(("external names",))
    return Outbound(
        identity,
        tuple(route for root in sorted(roots) for route in read(("routes", root)) or ()),
        tuple(_pods(read, targets, sorted(callable_services), open_services)),
        tuple(m for m in meanings if isinstance(m, Alias) and m.target in roots),
        tuple(m for m in meanings if isinstance(m, ExternalService)),
        read(("headless services", identity.namespace)) or frozenset(),
    )


def _pods(
    read: Read,
    targets: Iterable[NamespacedName],
    services: Iterable[NamespacedName],
    open_services: Iterable[NamespacedName],
) -> Iterator[NamedPod]:
    """The pods of headless `services` that one of `targets` opens, or everybody may call."""
    headless = {service: found for service in services if (found := read(("named pods", service)))}
    if not headless:
        return
    unbound = (pod for service in open_services for pod in headless.get(service, ()))
    everybodys = set(islice(unbound, MOST_OPEN_PODS))
    opened = {pod for target in targets for pod in _pods_of_target(read, target)}
    for pods in headless.values():
        yield from (pod for pod in pods if pod.pod in opened or pod in everybodys)


def _targets_of_client(read: Read, identity: ServiceIdentity) -> set[NamespacedName]:
    sources = [("ServiceAccount", *identity)]
    sources += [
        ("IdentityBinding", identity.namespace, name) for name in _memberships(read, identity)
    ]
    return {
        NamespacedName(*target.split("/", 1))
        for source in sources
        for target in read(("targets of source", *source)) or ()
    }


def _memberships(read: Read, identity: ServiceIdentity) -> Iterator[str]:
    """The IdentityBindings that `identity`, or some pod that runs as it, belongs to."""
    spiffe = spiffe_id(read(("trust domains",))[0], identity)
    for name in sorted(read(("bindings", identity.namespace)) or ()):
        binding = NamespacedName(identity.namespace, name)
        if spiffe in read(("members", binding)).value[0] or identity in read(
            ("identities by label", binding)
        ):
            yield name


def _services_of_target(read: Read, name: NamespacedName) -> frozenset[NamespacedName]:
    """The Services that select a pod which the TrafficTarget `name` opens."""
    destination = _destination(read, name)
    if destination is None:
        return frozenset()
    services: frozenset[NamespacedName] = read(("services of destination", *destination))
    return services


def _pods_of_target(read: Read, name: NamespacedName) -> tuple[NamespacedName, ...]:
    """The pods that the TrafficTarget `name` opens."""
    destination = _destination(read, name)
    if destination is None:
        return ()
    pods: tuple[NamespacedName, ...] = read(("pods of destination", *destination))
    return pods


def _destination(read: Read, name: NamespacedName) -> tuple[str, str, str] | None:
    """The kind, namespace and name of whom the TrafficTarget `name` opens, if it opens anybody."""
    granted = read(("grant", name))
    if granted is None or granted.value is None:
        return None
    target: TrafficTarget = read(("TrafficTarget", name))
    return target.spec.destination.kind, name.namespace, target.spec.destination.name
