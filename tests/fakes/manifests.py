"""Kubernetes objects in as few words as a test has."""

from collections.abc import Mapping, Sequence
from typing import Any

from smi.k8s import apps_v1, core_v1
from smi.k8s.meta_v1 import LabelSelector, ObjectMeta


def deployment(
    name: str,
    *,
    command: Sequence[str] = ("serve",),
    replicas: int = 1,
    ports: Mapping[str, int] | None = None,
    strategy: str = "RollingUpdate",
    **container: Any,  # noqa: ANN401 - any field of a container
) -> apps_v1.Deployment:
    """A Deployment in `shop` whose pods have the label `app: <name>` and one container."""
    declared = [{"name": n, "containerPort": number} for n, number in (ports or {}).items()]
    fields = {"name": name, "command": list(command), "ports": declared, **container}
    return apps_v1.Deployment(
        metadata=ObjectMeta(name=name, namespace="shop"),
        spec=apps_v1.DeploymentSpec(
            replicas=replicas,
            strategy=apps_v1.DeploymentStrategy(type=strategy),
            selector=LabelSelector(match_labels={"app": name}),
            template=core_v1.PodTemplateSpec(
                metadata=core_v1.TemplateMeta(labels={"app": name}),
                spec=core_v1.PodSpec(
                    service_account_name=name,
                    containers=(core_v1.Container.model_validate(fields),),
                ),
            ),
        ),
    )


def unmeshed(written: apps_v1.Deployment) -> apps_v1.Deployment:
    """`written` with pods that have no sidecar."""
    template = written.spec.template
    metadata = template.metadata.model_copy(
        update={"annotations": {"smi-mesh.io/inject": "disabled"}}
    )
    spec = written.spec.model_copy(
        update={"template": template.model_copy(update={"metadata": metadata})}
    )
    return written.model_copy(update={"spec": spec})


def service(
    name: str, *ports: tuple[str, int, int | str | None], namespace: str = "shop"
) -> core_v1.Service:
    """A Service for the pods with the label `app: <name>`; a port is (name, port, target)."""
    return core_v1.Service(
        metadata=ObjectMeta(name=name, namespace=namespace),
        spec=core_v1.ServiceSpec(
            selector={"app": name},
            ports=tuple(
                core_v1.ServicePort(name=name, port=port, target_port=target)
                for name, port, target in ports
            ),
        ),
    )
