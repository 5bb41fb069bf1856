"""Which pods this machine runs, where each is reached, and how its processes are started."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from posixpath import join
from typing import NamedTuple
from uuid import UUID, uuid5

from smi.compiler.state import ResourceKey, resource_key
from smi.compiler.workloads import expected_pods, is_meshed
from smi.k8s import apps_v1, core_v1
from smi.k8s.resource import NamespacedName, Resource
from smi.model.diagnostic import Diagnostic
from smi.model.workload import Detour, Loopback, Port
from smi.standalone.addressing import (
    HOSTS,
    LOCALHOST,
    PROXY_PORT,
    Machine,
    Place,
    ServicePorts,
    addresses,
    declared_ports,
    detours,
    direct_places,
    service_ports,
)
from smi.standalone.environment import (
    container_variables,
    expanded,
    port_variables,
    proxy_variables,
    service_variables,
)
from smi.standalone.templates import Template, templates


@dataclass(frozen=True, slots=True)
class Process:
    """One container as a process; it should listen on `ports` of `host`."""

    container: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    host: str
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Replica:
    """One pod of this machine. `pod` carries its uid and address.

    A change of `digest` makes it another pod, with another uid.
    """

    pod: core_v1.Pod
    detours: Mapping[int, Detour]
    processes: tuple[Process, ...]
    digest: str

    @property
    def name(self) -> NamespacedName:
        """The pod's name."""
        return self.pod.key

    @property
    def address(self) -> str:
        """The pod's own loopback address."""
        return self.pod.status.pod_ip

    @property
    def meshed(self) -> bool:
        """Whether a sidecar runs beside it."""
        return is_meshed(self.pod)

    @property
    def owner(self) -> str:
        """What the pod belongs to, as `Deployment/front`."""
        owners = self.pod.metadata.owner_references
        return f"{owners[0].kind}/{owners[0].name}" if owners else f"Pod/{self.name.name}"

    @property
    def restart_policy(self) -> str:
        """When a container that ended starts again; no pod of a Job does after success."""
        policy = self.pod.spec.restart_policy
        return "OnFailure" if policy == "Always" and self.owner.startswith("Job/") else policy


@dataclass(frozen=True, slots=True)
class Plan:
    """All pods by name, and the port that stands for each (Service, port) on every pod's address.

    `generation` counts plans: a pod that is new in one carries it in its uid. `standbys` are pods
    by name that serve while the only pod of a Deployment is replaced.
    """

    replicas: Mapping[NamespacedName, Replica] = field(default_factory=dict)
    services: ServicePorts = field(default_factory=dict)
    generation: int = 0
    standbys: Mapping[NamespacedName, Replica] = field(default_factory=dict)

    @property
    def every(self) -> Mapping[NamespacedName, Replica]:
        """All pods that may run, standbys among them."""
        return {**self.standbys, **self.replicas}


def make_plan(
    resources: Iterable[Resource],
    directories: Mapping[ResourceKey, str],
    machine: Machine,
    previous: Plan,
) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """The pods that `resources` ask for, keeping every address and port of `previous`.

    `directories` says which directory an object was read from: its commands run there.
    """
    objects = tuple(resources)
    wanted, diagnostics = templates(objects)
    services = tuple(s for s in objects if isinstance(s, core_v1.Service))
    planning = _Planning(
        services,
        service_ports(services, machine, previous.services),
        directories,
        machine,
        previous.generation + 1,
    )
    before = previous.every
    replicas = planning.replicas(wanted, before, {})
    second = _standbys(wanted, replicas, previous)
    standbys = planning.replicas(second, {**before, **replicas}, replicas)
    plan = Plan(replicas, planning.ports, planning.generation, standbys)
    return plan, diagnostics


class _Planning(NamedTuple):
    """What all pods of one plan have in common."""

    services: tuple[core_v1.Service, ...]
    ports: ServicePorts
    directories: Mapping[ResourceKey, str]
    machine: Machine
    generation: int

    def replicas(
        self,
        wanted: Mapping[NamespacedName, Template],
        before: Mapping[NamespacedName, Replica],
        others: Mapping[NamespacedName, Replica],
    ) -> dict[NamespacedName, Replica]:
        """The pods of `wanted` beside `others`, keeping what they have of `before`."""
        hosts = addresses(
            wanted, self.machine.network, {name: r.address for name, r in before.items()}
        )
        pods = {hosts[name]: template.pod for name, template in wanted.items()}
        held = {name: replica.detours for name, replica in before.items()}
        own_ports = detours(pods, self.services, self.machine, held)
        direct = direct_places(
            self.services,
            {r.address: r.pod for r in others.values()} | pods,
            {name: r.detours for name, r in others.items()} | own_ports,
        )
        found: dict[NamespacedName, Replica] = {}
        for name, template in wanted.items():
            directory = self.directories.get(resource_key(template.origin), ".")
            digest = _digest(template.pod, own_ports[name], directory)
            if name in before and before[name].digest == digest:
                pod = before[name].pod
            else:
                pod = _placed(template.pod, hosts[name], self.machine.salt, self.generation)
            own = (s for s in self.services if s.key.namespace == name.namespace)
            doors = {key: Place(hosts[name], number) for key, number in self.ports.items()}
            variables = service_variables(own, doors if is_meshed(pod) else direct)
            processes = _processes(pod, own_ports[name], variables, directory)
            found[name] = Replica(pod, own_ports[name], processes, digest)
        return found


def _standbys(
    wanted: Mapping[NamespacedName, Template],
    replicas: Mapping[NamespacedName, Replica],
    previous: Plan,
) -> dict[NamespacedName, Template]:
    """A second pod for each Deployment of one pod that is, or was once, replaced by another.

    > maxSurge ... The absolute number is calculated from the percentage by rounding up.
    > ... The default value is 25%.   (Kubernetes, Deployments)

    A machine that has no address left has none.
    """
    taken = {r.address for r in (*previous.every.values(), *replicas.values())}
    found: dict[NamespacedName, Template] = {}
    for name, template in wanted.items():
        pod = _second(template.origin)
        if pod is None or pod.key in wanted or len(taken) + len(found) >= len(HOSTS):
            continue
        before = previous.replicas.get(name)
        is_other = before is not None and before.digest != replicas[name].digest
        if is_other or pod.key in previous.standbys:
            found[pod.key] = template._replace(pod=pod)
    return found


def _second(origin: Resource) -> core_v1.Pod | None:
    """The pod after the only one of a Deployment that has one at a time no less."""
    if not isinstance(origin, apps_v1.Deployment) or origin.spec.strategy.type == "Recreate":
        return None
    pods = tuple(islice(expected_pods(origin, more=1), 3))
    return pods[1] if len(pods) == 2 else None


def loopback(replica: Replica, plan: Plan) -> Loopback:
    """How the pod of `replica` is reached while `plan` is in force."""
    return Loopback(replica.detours, PROXY_PORT, plan.services)


def running_pod(replica: Replica, *, ready: bool) -> core_v1.Pod:
    """The pod of `replica` as a cluster would report it."""
    condition = core_v1.PodCondition(type="Ready", status=str(ready))
    status = core_v1.PodStatus(phase="Running", pod_ip=replica.address, conditions=(condition,))
    return replica.pod.model_copy(update={"status": status})


def _placed(pod: core_v1.Pod, address: str, salt: UUID, generation: int) -> core_v1.Pod:
    """`pod` with the uid and the address of its life on this machine."""
    uid = str(uuid5(salt, f"{pod.key}@{generation}"))
    metadata = pod.metadata.model_copy(update={"uid": uid})
    status = core_v1.PodStatus(phase="Running", pod_ip=address)
    return pod.model_copy(update={"metadata": metadata, "status": status})


def _digest(pod: core_v1.Pod, ports: Mapping[int, Detour], directory: str) -> str:
    """What makes this the pod that it is: its template, its ports here, and where it runs."""
    template = pod.model_dump_json(exclude={"status"})
    return sha256(f"{template}\n{sorted(ports.items())}\n{directory}".encode()).hexdigest()


def _processes(
    pod: core_v1.Pod,
    places: Mapping[int, Detour],
    services: Mapping[str, str],
    directory: str,
) -> tuple[Process, ...]:
    declared = tuple(declared_ports(pod.spec.containers))
    ports = declared or tuple(Port(number) for number in places)
    address = pod.status.pod_ip
    host = LOCALHOST if is_meshed(pod) else address
    processes: list[Process] = []
    for container in pod.spec.containers:
        own = tuple(declared_ports([container])) if declared else ports
        mesh = port_variables(host, own, ports, places)
        mesh |= proxy_variables(address, PROXY_PORT) if is_meshed(pod) else {}
        variables = container_variables(container, pod, services, mesh)
        command = tuple(expanded(word, variables) for word in container.command + container.args)
        listens = tuple(places[p.number].application for p in own if p.number in places)
        place = join(directory, container.working_dir) if container.working_dir else directory
        processes.append(Process(container.name, command, variables, place, host, listens))
    return tuple(processes)
