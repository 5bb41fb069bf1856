"""The pods that objects ask for, and why some of them cannot run on this machine."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from smi.compiler.workloads import Controller, expected_pods
from smi.k8s import batch_v1, core_v1
from smi.k8s.resource import NamespacedName, Resource
from smi.model.diagnostic import Diagnostic, Severity
from smi.standalone.addressing import HOSTS
from smi.standalone.environment import is_known


class Template(NamedTuple):
    """A pod to be, the object that asks for it, and the path of the pod's spec in that object."""

    pod: core_v1.Pod
    origin: Resource
    path: str


def templates(
    resources: Sequence[Resource],
) -> tuple[dict[NamespacedName, Template], tuple[Diagnostic, ...]]:
    """The pods that can run here, by name, and why the others cannot."""
    found: dict[NamespacedName, Template] = {}
    diagnostics: list[Diagnostic] = []
    for resource in resources:
        wanted = tuple(_wanted(resource))
        problems = _problems(wanted[0]) if wanted else []
        if wanted and len(found) + len(wanted) > len(HOSTS):
            text = f"this machine has addresses for {len(HOSTS)} pods in all; run fewer"
            count = "spec.parallelism" if isinstance(resource, batch_v1.Job) else "spec.replicas"
            problems.append(replace(_diagnostic(wanted[0], "", "TooManyPods", text), field=count))
        for template in wanted:
            if template.pod.key in found:
                text = f"another object already has the pod {template.pod.key}; rename one of them"
                problems.append(_diagnostic(template, "", "PodNameTaken", text))
        diagnostics += problems
        if not any(d.severity is Severity.ERROR for d in problems):
            found.update((template.pod.key, template) for template in wanted)
    return found, tuple(diagnostics)


def _wanted(resource: Resource) -> Iterator[Template]:
    match resource:
        case core_v1.Pod():
            yield Template(resource, resource, "spec")
        case _ if isinstance(resource, Controller):
            # One more than there is place for, so that too many is seen and not built.
            for pod in islice(expected_pods(resource), len(HOSTS) + 1):
                yield Template(pod, resource, "spec.template.spec")
        case _:
            pass


def _problems(template: Template) -> list[Diagnostic]:
    """What this machine cannot do of one pod."""
    spec = template.pod.spec
    found = [
        _diagnostic(
            template,
            f"containers[{index}].command",
            "CommandMissing",
            f"container {container.name!r} has no command, and no image is pulled here: "
            'write what to start, as in command: ["python3", "main.py"]',
        )
        for index, container in enumerate(spec.containers)
        if not container.command
    ]
    if spec.init_containers:
        text = "init containers are not started on this machine"
        found.append(
            _diagnostic(template, "initContainers", "InitContainersIgnored", text, Severity.WARNING)
        )
    if isinstance(template.origin, batch_v1.Job) and spec.restart_policy == "Always":
        text = "a cluster refuses a Job without OnFailure or Never here; OnFailure is assumed"
        found.append(
            _diagnostic(template, "restartPolicy", "RestartPolicyAssumed", text, Severity.WARNING)
        )
    return [*found, *_unread_variables(template)]


def _unread_variables(template: Template) -> Iterator[Diagnostic]:
    """The variables whose values come from what this machine does not have."""
    for index, container in enumerate(template.pod.spec.containers):
        for place, variable in enumerate(container.env):
            source = variable.value_from
            if source is None or (source.field_ref and is_known(source.field_ref, template.pod)):
                continue
            text = (
                f"{variable.name} stays empty: here a value comes from `value`, or from a fieldRef "
                "to the pod's metadata, spec.serviceAccountName or status.podIP; write a `value`"
            )
            path = f"containers[{index}].env[{place}].valueFrom"
            yield _diagnostic(template, path, "VariableEmpty", text, Severity.WARNING)


def _diagnostic(
    template: Template,
    field_path: str,
    reason: str,
    message: str,
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    path = f"{template.path}.{field_path}" if field_path else "metadata.name"
    origin = template.origin
    return Diagnostic(severity, origin.kind, origin.key, path, reason, message)
