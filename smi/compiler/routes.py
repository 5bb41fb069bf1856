"""Where requests for a Service go: TrafficSplits at its ports."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import takewhile

from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.k8s.resource import NamespacedName
from smi.model.match import HttpMatch
from smi.model.outbound import Excluded, Route, Split, WeightedService
from smi.model.service import Service, ServicePort
from smi.split import TrafficSplit, validation
from smi.split.root import split_root


def split(read: Read, name: NamespacedName) -> Judged[None] | None:
    """What is wrong with the TrafficSplit `name` whatever the port."""
    written: TrafficSplit | None = read(("TrafficSplit", name))
    if written is None:
        return None
    findings = Findings("TrafficSplit", name, list(validation.traffic_split(written)))
    root = split_root(written)
    if root is None:
        findings.error(
            "spec.service",
            "RootOutsideNamespace",
            f"{written.spec.service!r} is not a Service of namespace {name.namespace!r}: write"
            " its name, or the name with that namespace; this split has no effect",
        )
    elif read(("Service", NamespacedName(name.namespace, root))) is None:
        findings.error(
            "spec.service",
            "RootNotFound",
            f"there is no Service {name.namespace}/{root}; this split has no effect",
        )
    elif host := _service(read, NamespacedName(name.namespace, root)).external_name:
        findings.error(
            "spec.service",
            "RootIsExternal",
            f"Service {name.namespace}/{root} is another name of {host!r}, and has no pods to"
            " divide among; this split has no effect",
        )
    else:
        _judge_against_root(read, written, NamespacedName(name.namespace, root), findings)
    return findings.judged(None)


def _judge_against_root(
    read: Read, written: TrafficSplit, root: NamespacedName, findings: Findings
) -> None:
    for index, backend in enumerate(written.spec.backends):
        field = f"spec.backends[{index}].service"
        name = NamespacedName(root.namespace, backend.service)
        if name == root:
            continue
        if read(("Service", name)) is None:
            findings.warning(
                field,
                "BackendNotFound",
                f"there is no Service {name}; it is left out and the others take its share",
            )
        elif host := _service(read, name).external_name:
            findings.warning(
                field,
                "BackendIsExternal",
                f"Service {name} is another name of {host!r}, and has no pods of the mesh; it is"
                " left out and the others take its share",
            )
        else:
            _judge_ports(read, name, root, field, findings)
    _judge_destinations(read, written, root, findings)
    _judge_order(read, written, root, findings)
    _judge_matches(read, written, findings)


def _judge_ports(
    read: Read, name: NamespacedName, root: NamespacedName, field: str, findings: Findings
) -> None:
    missing = sorted(
        port.number
        for port in _service(read, root).ports
        if port.protocol == "TCP" and _service(read, name).port(port.number) is None
    )
    if missing:
        # > If they do not match, the backend service is not included and will not receive
        # > traffic.   (traffic-split v1alpha4, Ports)
        findings.warning(
            field,
            "PortMismatch",
            f"Service {name} lacks port {_listed(missing)} of {root}; it gets no traffic of that"
            " port and the others take its share",
        )


def _judge_destinations(
    read: Read, written: TrafficSplit, root: NamespacedName, findings: Findings
) -> None:
    vacant: defaultdict[NamespacedName, list[int]] = defaultdict(list)
    lost: list[int] = []
    for route in read(("routes", root)):
        found = next(split for split in route.splits if split.name == written.key)
        if not found.destinations:
            lost.append(route.port)
            continue
        for service, reason in found.excluded:
            if reason == "NoReadyEndpoints":
                vacant[service].append(route.port)
    weighty = [(i, b) for i, b in enumerate(written.spec.backends) if b.weight > 0]
    for index, backend in weighty:
        name = NamespacedName(root.namespace, backend.service)
        if vacant[name]:
            findings.warning(
                f"spec.backends[{index}].service",
                "NoReadyEndpoints",
                f"no pod of Service {name} is ready at port {_listed(vacant[name])}; it is left out"
                " there and the others take its share",
            )
    if weighty and lost:
        findings.warning(
            "spec.backends",
            "NoDestination",
            f"no backend takes requests for {root} on port {_listed(lost)}; they fail with 503",
        )


def _listed(ports: Iterable[int]) -> str:
    return ", ".join(map(str, ports))


def _judge_order(
    read: Read, written: TrafficSplit, root: NamespacedName, findings: Findings
) -> None:
    for earlier in takewhile(lambda s: s.key != written.key, _splits(read, root)):
        if not earlier.spec.matches:
            findings.error(
                "spec.service",
                "RootAlreadySplit",
                f"TrafficSplit {earlier.key} is older and takes every request for {root};"
                " this split has no effect",
            )
            return


def _judge_matches(read: Read, written: TrafficSplit, findings: Findings) -> None:
    for index, reference in enumerate(written.spec.matches):
        field = f"spec.matches[{index}]"
        name = NamespacedName(written.key.namespace, reference.name)
        is_group = reference.qualified_kind == "HTTPRouteGroup"
        if is_group and read(("HTTPRouteGroup", name)) is None:
            findings.error(
                f"{field}.name",
                "HTTPRouteGroupNotFound",
                f"there is no HTTPRouteGroup {name}; this entry selects no request",
            )


def _service(read: Read, name: NamespacedName) -> Service:
    judged: Judged[Service] = read(("service", name))
    return judged.value


def _splits(read: Read, root: NamespacedName) -> list[TrafficSplit]:
    """The splits of `root`, oldest first, then by name."""
    names = read(("splits of root", *root)) or ()
    splits = (read(("TrafficSplit", NamespacedName(root.namespace, name))) for name in names)
    return sorted(splits, key=lambda s: (s.metadata.creation_timestamp or "", s.key))


def routes(read: Read, root: NamespacedName) -> tuple[Route, ...] | None:
    """The routes of every TCP port of the Service `root`; `None` where there is no such Service.

    One that stands for an external name has none: what is sent there is not the mesh's.
    """
    judged: Judged[Service] | None = read(("service", root))
    if judged is None:
        return None
    if judged.value.external_name:
        return ()
    splits = _splits(read, root)
    return tuple(
        Route(
            root=root,
            port=port.number,
            speaks=port.speaks,
            splits=tuple(_split_at(read, s, root, port) for s in splits),
        )
        for port in judged.value.ports
        if port.protocol == "TCP"
    )


def _split_at(read: Read, written: TrafficSplit, root: NamespacedName, port: ServicePort) -> Split:
    weights: dict[NamespacedName, int] = {}
    excluded: dict[NamespacedName, str] = {}
    for backend in written.spec.backends:
        name = NamespacedName(root.namespace, backend.service)
        reason = _exclusion(read, name, port)
        if reason is not None:
            excluded[name] = reason
        else:
            weights[name] = weights.get(name, 0) + backend.weight
    return Split(
        name=written.key,
        matches=tuple(_split_matches(read, written)) if written.spec.matches else None,
        destinations=tuple(WeightedService(*item) for item in sorted(weights.items()) if item[1]),
        excluded=tuple(Excluded(*item) for item in sorted(excluded.items())),
        idle=tuple(sorted(name for name, weight in weights.items() if not weight)),
    )


def _exclusion(read: Read, name: NamespacedName, port: ServicePort) -> str | None:
    judged: Judged[Service] | None = read(("service", name))
    if judged is None:
        return "BackendNotFound"
    if judged.value.external_name:
        return "ExternalName"
    offered = judged.value.port(port.number)
    if offered is None:
        return "PortMismatch"
    return None if offered.endpoints else "NoReadyEndpoints"


def _split_matches(read: Read, written: TrafficSplit) -> Iterator[HttpMatch]:
    for reference in written.spec.matches:
        name = NamespacedName(written.key.namespace, reference.name)
        group = read(("HTTPRouteGroup matches", name))
        if group is not None and reference.qualified_kind == "HTTPRouteGroup":
            yield from group.value
