"""Whom a TrafficTarget opens: the pods, Services and ports behind its destination."""

from collections.abc import Iterator

from smi.compiler.memo import Read
from smi.compiler.workloads import selected_pods
from smi.k8s.resource import NamespacedName
from smi.model.identity import service_identity
from smi.model.workload import Workload


def pods_of_destination(
    read: Read, kind: str, namespace: str, name: str
) -> tuple[NamespacedName, ...]:
    """The pods of a ServiceAccount or an IdentityBinding, by name."""
    if kind == "ServiceAccount":
        names = read(("pods of identity", namespace, name)) or ()
        return tuple(sorted(NamespacedName(namespace, pod) for pod in names))
    binding = NamespacedName(namespace, name)
    if read(("IdentityBinding", binding)) is None:
        return ()
    return tuple(sorted(set(_pods_of_binding(read, binding))))


def _pods_of_binding(read: Read, binding: NamespacedName) -> Iterator[NamespacedName]:
    selector = read(("IdentityBinding", binding)).spec.schemes.pod_label_selector
    if selector is not None:
        for pod in selected_pods(read, binding.namespace, selector.match_labels):
            yield pod.key
    trust_domain = read(("trust domains",))[0]
    ids = read(("members", binding)).value[0]
    for identity in filter(None, (service_identity(trust_domain, spiffe) for spiffe in ids)):
        for name in read(("pods of identity", *identity)) or ():
            yield NamespacedName(identity.namespace, name)


def services_of_destination(
    read: Read, kind: str, namespace: str, name: str
) -> frozenset[NamespacedName]:
    """The Services that lead to a pod of a ServiceAccount or IdentityBinding."""
    pods = read(("pods of destination", kind, namespace, name))
    lead = ("services of pod", "services listing pod")
    return frozenset().union(*(read((how, pod)) for pod in pods for how in lead))


def unmeshed_pods_of_destination(
    read: Read, kind: str, namespace: str, name: str
) -> tuple[tuple[NamespacedName, ...], bool]:
    """The pods of a destination that have no sidecar, by name, and whether all have none."""
    pods = read(("pods of destination", kind, namespace, name))
    workloads: list[Workload] = [w for pod in pods if (w := read(("workload", pod)))]
    unmeshed = tuple(w.name for w in workloads if not w.meshed)
    return unmeshed, len(unmeshed) == len(workloads)


def target_ports(read: Read, kind: str, namespace: str, name: str) -> dict[int, frozenset[int]]:
    """Where each port number that a policy for a destination may name leads to, over all its pods.

    A number that is some pod's own port is that port at every pod.
    """
    own: set[int] = set()
    through: dict[int, set[int]] = {}
    for pod in read(("pods of destination", kind, namespace, name)):
        for number, targets in read(("target ports of pod", pod)).items():
            if targets == {number}:
                own.add(number)
            else:
                through.setdefault(number, set()).update(targets)
    leads = {number: frozenset(targets) for number, targets in through.items()}
    return leads | {number: frozenset({number}) for number in own}
