"""The variables that a container's process finds, and `$(VAR)` as Kubernetes expands it."""

import re
from collections.abc import Iterable, Mapping

from smi.compiler.state import EXTERNAL_NAME
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName
from smi.model.workload import Detour, Port
from smi.standalone.addressing import Place

# Variables that name a proxy. Those of the machine mean nothing to a pod and are taken away.
PROXY_VARIABLES = frozenset(
    {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    | {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
)

# > Variable references $(VAR_NAME) are expanded using the container's environment. If a variable
# > cannot be resolved, the reference in the input string will be unchanged. Double $$ are reduced
# > to a single $.   (Kubernetes API reference, Container)
_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """`text` with its `$(VAR)` replaced; a variable that is not there leaves its reference."""

    def replacement(reference: re.Match[str]) -> str:
        if reference[0] == "$$":
            return "$"
        return variables.get(reference[1], reference[0])

    return _REFERENCE.sub(replacement, text)


def variable_name(name: str) -> str:
    """A Kubernetes name as the part of a variable's name: `catalog-v1` is `CATALOG_V1`."""
    return name.upper().replace("-", "_")


def service_variables(
    services: Iterable[core_v1.Service], places: Mapping[tuple[NamespacedName, int], Place]
) -> dict[str, str]:
    """Where a pod dials each of `services`: at the place of each of their ports that has one.

    > {SVCNAME}_SERVICE_HOST and {SVCNAME}_SERVICE_PORT   (Kubernetes, Service, Discovery)
    """
    variables: dict[str, str] = {}
    for service in services:
        if service.spec.type == EXTERNAL_NAME:
            continue
        prefix = f"{variable_name(service.metadata.name)}_SERVICE"
        for port in service.spec.ports:
            place = places.get((service.key, port.port))
            if place is None or port.protocol != "TCP":
                continue
            variables[f"{prefix}_HOST"] = place.address
            variables.setdefault(f"{prefix}_PORT", str(place.port))
            if port.name:
                variables[f"{prefix}_PORT_{variable_name(port.name)}"] = str(place.port)
    return variables


def port_variables(
    host: str, own: Iterable[Port], ports: Iterable[Port], detours: Mapping[int, Detour]
) -> dict[str, str]:
    """Where to listen: `PORT` for the own first port, `PORT_8080` and `PORT_HTTP` for all; `HOST`.

    `ports` are all of the pod's, `own` those that this container declares.
    """
    variables = {"HOST": host}
    for number, detour in sorted(detours.items()):
        variables[f"PORT_{number}"] = str(detour.application)
    for port in ports:
        if port.name and port.number in detours:
            name = f"PORT_{variable_name(port.name)}"
            variables[name] = str(detours[port.number].application)
    first = next((port.number for port in own if port.number in detours), None)
    return variables if first is None else {"PORT": str(detours[first].application)} | variables


def proxy_variables(address: str, proxy: int) -> dict[str, str]:
    """All goes through the sidecar at `address`, unless it is for the machine or the sidecar.

    What is TLS goes as a tunnel, and stays TLS from end to end.
    """
    here = f"http://{address}:{proxy}"
    direct = f"localhost,127.0.0.1,{address}"
    through = {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}
    return dict.fromkeys(sorted(through), here) | {"NO_PROXY": direct, "no_proxy": direct}


def container_variables(
    container: core_v1.Container,
    pod: core_v1.Pod,
    services: Mapping[str, str],
    mesh: Mapping[str, str],
) -> dict[str, str]:
    """All variables of `container`: those of `mesh` win over its own, its own over `services`.

    A manifest that sets `PORT` for a cluster thus runs here too, on the port that is free here.
    """
    variables = {**services, **mesh}
    for variable in container.env:
        if variable.name in mesh:
            continue
        if variable.value_from is None:
            value = expanded(variable.value, variables)
        else:
            value = _pod_field(pod, variable.value_from)
        variables[variable.name] = value
    return variables


def _pod_field(pod: core_v1.Pod, source: core_v1.EnvVarSource) -> str:
    """The field of `pod` that `source` names; empty for what this machine does not have."""
    return _known_fields(pod).get(source.field_ref.field_path, "") if source.field_ref else ""


def is_known(field: core_v1.ObjectFieldSelector, pod: core_v1.Pod) -> bool:
    """Whether a pod like `pod` has such a field on this machine; labels need not be there."""
    generic = field.field_path.startswith(("metadata.labels[", "metadata.annotations["))
    return generic or field.field_path in _known_fields(pod)


def _known_fields(pod: core_v1.Pod) -> dict[str, str]:
    known = {
        "metadata.name": pod.metadata.name,
        "metadata.namespace": pod.metadata.namespace,
        "metadata.uid": pod.metadata.uid,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.podIP": pod.status.pod_ip,
    }
    known |= {f"metadata.labels['{key}']": value for key, value in pod.metadata.labels.items()}
    known |= {f"metadata.annotations['{k}']": v for k, v in pod.metadata.annotations.items()}
    return known


def process_environment(base: Mapping[str, str], pod: Mapping[str, str]) -> dict[str, str]:
    """What a process of a pod is started with: the machine's variables `base`, then the pod's."""
    machine = {name: value for name, value in base.items() if name not in PROXY_VARIABLES}
    return machine | dict(pod)
