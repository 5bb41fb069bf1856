"""Which pods ask their sidecars for a line a request."""

from typing import Final

from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName

ANNOTATION: Final = "smi-mesh.io/access-log"
JSON: Final = "json"

_WITH_TEMPLATES: Final = {"Deployment", "StatefulSet", "DaemonSet", "Job"}


def access_log(read: Read, name: NamespacedName) -> Judged[bool] | None:
    """Whether the pod `name` asks for access logs."""
    pod: core_v1.Pod | None = read(("Pod", name))
    if pod is None:
        return None
    said = pod.metadata.annotations.get(ANNOTATION)
    findings, path = _of_author(pod)
    if said not in {None, JSON}:
        findings.error(
            f"{path}metadata.annotations.{ANNOTATION}",
            "AccessLogUnknown",
            f"{said!r} is no format of access logs, and none are written; write {JSON}, or leave"
            " the annotation out",
        )
    return findings.judged(said == JSON)


def _of_author(pod: core_v1.Pod) -> tuple[Findings, str]:
    """Where the author of `pod` finds its annotations: in a template, if it was made of one."""
    owner = next(iter(pod.metadata.owner_references), None)
    if owner is None or owner.kind not in _WITH_TEMPLATES:
        return Findings("Pod", pod.key), ""
    return Findings(owner.kind, NamespacedName(pod.key.namespace, owner.name)), "spec.template."
