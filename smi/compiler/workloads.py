"""Pods as workloads: identity, address, ports and readiness."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from uuid import UUID, uuid5

from smi.access import IdentityBinding
from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.k8s import apps_v1, batch_v1, core_v1, meta_v1
from smi.k8s.resource import NamespacedName, Resource
from smi.model.identity import PodUid, ServiceIdentity
from smi.model.workload import Loopback, PolicyGroup, Port, Workload

INJECT_ANNOTATION = "smi-mesh.io/inject"
"""On a pod: `disabled` leaves it without a sidecar; anything else is as good as `enabled`."""

_INJECT = {"enabled", "disabled"}

_EXPECTED = UUID("6f1d8a52-6d0c-5b51-9c0c-0b6f5f8f2f0e")  # any constant: equal input, equal uids

Controller = apps_v1.Deployment | apps_v1.StatefulSet | apps_v1.DaemonSet | batch_v1.Job


def expected_pods(controller: Controller, more: int = 0) -> Iterator[core_v1.Pod]:
    """The pods that a cluster would run for `controller`, ready, named `<name>-0` onwards.

    There are so many `more` while others take their places.

    Their addresses are of the block set aside for benchmarks (198.18.0.0/15, RFC 2544), which
    nothing dials. A DaemonSet has one: a machine is one node.
    """
    return (_expected_pod(controller, index) for index in range(_replicas(controller) + more))


def _replicas(controller: Controller) -> int:
    match controller:
        case apps_v1.DaemonSet():
            return 1
        case batch_v1.Job():
            parallelism = controller.spec.parallelism
            return 1 if parallelism is None else parallelism
        case _:
            replicas = controller.spec.replicas
            return 1 if replicas is None else replicas


def _expected_pod(controller: Controller, index: int) -> core_v1.Pod:
    template = controller.spec.template
    name = NamespacedName(controller.key.namespace, f"{controller.key.name}-{index}")
    spec = template.spec
    if isinstance(controller, apps_v1.StatefulSet):
        # > Each Pod in a StatefulSet derives its hostname from the name of the StatefulSet and the
        # > ordinal of the Pod.   (Kubernetes, StatefulSets, Stable Network ID)
        names = {"hostname": name.name, "subdomain": controller.spec.service_name}
        spec = spec.model_copy(update=names)
    digest = sha256(str(name).encode()).digest()
    return core_v1.Pod(
        api_version="v1",
        kind="Pod",
        metadata=meta_v1.ObjectMeta(
            name=name.name,
            namespace=name.namespace,
            uid=str(uuid5(_EXPECTED, str(name))),
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            owner_references=(
                meta_v1.OwnerReference(kind=controller.kind, name=controller.key.name),
            ),
        ),
        spec=spec,
        status=core_v1.PodStatus(
            phase="Running",
            pod_ip=f"198.{18 + digest[0] % 2}.{digest[1]}.{digest[2]}",
            conditions=(core_v1.PodCondition(type="Ready", status="True"),),
        ),
    )


def workload(read: Read, name: NamespacedName) -> Workload | None:
    """The pod `name` as a workload; `None` once it has ended or where there is none."""
    pod: core_v1.Pod | None = read(("Pod", name))
    if pod is None or pod.status.phase in {"Succeeded", "Failed"}:
        return None
    loopback: Loopback | None = read(("Loopback", name))
    identity = ServiceIdentity(name.namespace, pod.spec.service_account_name)
    account: core_v1.ServiceAccount | None = read(("ServiceAccount", NamespacedName(*identity)))
    owner = next((f"{o.kind}/{o.name}" for o in pod.metadata.owner_references), f"Pod/{name.name}")
    return Workload(
        name=name,
        uid=PodUid(pod.metadata.uid),
        owner=owner,
        group=PolicyGroup(identity, tuple(_bindings(read, pod))),
        address=pod.status.pod_ip or "",
        ports=tuple(_ports(pod)),
        ready=_serves(pod) and not is_leaving(pod),
        loopback=loopback,
        account_uid=account.metadata.uid if account else "",
        logs=read(("access log", name)).value,
        meshed=is_meshed(pod),
    )


def is_meshed(pod: core_v1.Pod) -> bool:
    """Whether a sidecar stands beside `pod`."""
    return pod.metadata.annotations.get(INJECT_ANNOTATION) != "disabled"


def asks_for_injection(resource: Resource | None) -> bool:
    """Whether `resource` is a pod that says whether it wants a sidecar."""
    return isinstance(resource, core_v1.Pod) and INJECT_ANNOTATION in resource.metadata.annotations


def injection(read: Read, name: NamespacedName) -> Judged[None] | None:
    """What is wrong with the sidecar that the pod `name` asks for, said of what it belongs to."""
    pod: core_v1.Pod | None = read(("Pod", name))
    wanted = "enabled" if pod is None else pod.metadata.annotations.get(INJECT_ANNOTATION)
    if pod is None or wanted in {None, *_INJECT}:
        return None
    kind, owner, place = "Pod", name.name, "metadata"
    for reference in pod.metadata.owner_references:
        kind, owner, place = reference.kind, reference.name, "spec.template.metadata"
    findings = Findings(kind, NamespacedName(name.namespace, owner))
    findings.error(
        f"{place}.annotations.{INJECT_ANNOTATION}",
        "UnknownInject",
        f"{wanted!r} is neither enabled nor disabled: the pods have a sidecar",
    )
    return findings.judged(None)


def _bindings(read: Read, pod: core_v1.Pod) -> Iterator[str]:
    """The IdentityBindings that select `pod` by its labels."""
    namespace = pod.key.namespace
    for name in sorted(read(("bindings", namespace)) or ()):
        binding: IdentityBinding = read(("IdentityBinding", NamespacedName(namespace, name)))
        selector = binding.spec.schemes.pod_label_selector
        if selector is not None and selects(selector.match_labels, pod.metadata.labels):
            yield name


def _ports(pod: core_v1.Pod) -> Iterator[Port]:
    for container in pod.spec.containers:
        for port in container.ports:
            yield Port(port.container_port, port.name or "", port.protocol)


def is_leaving(pod: core_v1.Pod) -> bool:
    """Whether `pod` still serves on its way out: better than nobody, as for Kubernetes."""
    return pod.metadata.deletion_timestamp is not None and _serves(pod)


def _serves(pod: core_v1.Pod) -> bool:
    is_ready = any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)
    return is_ready and bool(pod.status.pod_ip)


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every label that `selector` asks for is there."""
    return selector.items() <= labels.items()


def selected_pods(read: Read, namespace: str, selector: Mapping[str, str]) -> Iterable[core_v1.Pod]:
    """The pods of `namespace` that `selector` selects, by name; an empty selector selects none.

    Of the selector's labels only the rarest is searched. Which one that is changes how many pods
    are looked at and never which are selected, so it is peeked at.
    """
    if not selector:
        return ()
    cells = [("pods by label", namespace, *label) for label in selector.items()]
    rarest = min(cells, key=lambda cell: len(read.peek(cell) or ()))
    pods = (read(("Pod", NamespacedName(namespace, name))) for name in sorted(read(rarest) or ()))
    return [pod for pod in pods if selects(selector, pod.metadata.labels)]
