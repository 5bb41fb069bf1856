"""How far policy binds a namespace; the Services that everybody may name where it binds nobody."""

from heapq import merge
from itertools import groupby, islice
from typing import Final

from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.compiler.state import MODE_ANNOTATION
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName
from smi.model.inbound import Mode

MOST_OPEN_SERVICES: Final = 500
"""How many of the Services that everybody may name every client knows, the first by name."""


def mode(read: Read, namespace: str) -> Mode:
    """How far policy binds the pods of `namespace`, be it among the objects or not."""
    found: core_v1.Namespace | None = read(("Namespace", NamespacedName("", namespace)))
    wanted = None if found is None else found.metadata.annotations.get(MODE_ANNOTATION)
    if wanted is None:
        default: Mode = read(("default mode",))
        return default
    return Mode(wanted) if wanted in set(Mode) else Mode.STRICT


def open_services(read: Read) -> tuple[NamespacedName, ...]:
    """The Services that every client may name, by name.

    Their namespaces are not strict, or somebody is behind them whom no policy binds.
    """
    strict_by_default = read(("default mode",)) is Mode.STRICT
    asked = "namespaces that ask for a mode" if strict_by_default else "namespaces of services"
    open_by_mode = (
        NamespacedName(namespace, service)
        for namespace in sorted(read((asked,)) or ())
        if read(("mode", namespace)) is not Mode.STRICT
        for service in sorted(read(("services", namespace)) or ())
    )
    unmeshed = (
        NamespacedName(namespace, service)
        for namespace in sorted(
            (read(("namespaces of unmeshed pods",)) or frozenset())
            | (read(("namespaces of services without selector",)) or frozenset())
        )
        for service in read(("unmeshed services", namespace))
    )
    found = (name for name, _ in groupby(merge(open_by_mode, unmeshed)))
    return tuple(islice(found, MOST_OPEN_SERVICES))


def unmeshed_services(read: Read, namespace: str) -> tuple[str, ...]:
    """The Services of `namespace` behind which is somebody without a sidecar, by name."""
    pods = read(("unmeshed pods", namespace)) or ()
    found: set[str] = set(read(("services without selector", namespace)) or ())
    for pod in pods:
        found |= {name.name for name in read(("services of pod", NamespacedName(namespace, pod)))}
    return tuple(s for s in sorted(found) if read(("stands open", NamespacedName(namespace, s))))


def namespace(read: Read, name: NamespacedName) -> Judged[None] | None:
    """What is wrong with the mode that the Namespace `name` asks for."""
    found: core_v1.Namespace | None = read(("Namespace", name))
    if found is None:
        return None
    findings = Findings("Namespace", name)
    field = f"metadata.annotations.{MODE_ANNOTATION}"
    wanted = found.metadata.annotations.get(MODE_ANNOTATION, Mode.STRICT)
    if wanted not in set(Mode):
        findings.error(
            field,
            "UnknownMode",
            f"{wanted!r} is none of {', '.join(Mode)}: policy binds the namespace strictly",
        )
    hidden = _hidden(read, name.name)
    if hidden:
        findings.warning(
            field,
            "TooManyOpenServices",
            f"clients know {MOST_OPEN_SERVICES} Services that let everybody in; {hidden} more"
            " of this namespace are known only to callers whom a TrafficTarget names",
        )
    return findings.judged(None)


def _hidden(read: Read, namespace: str) -> int:
    """How many Services of `namespace` clients would know but for the limit."""
    if read(("mode", namespace)) is Mode.STRICT:
        services = read(("unmeshed services", namespace))
    else:
        services = read(("services", namespace)) or ()
    known: tuple[NamespacedName, ...] = read(("open services",))
    return len(services) - sum(service.namespace == namespace for service in known)
