"""Traffic, out of the statistics that proxies keep (`smi_envoy.translate.statistics`)."""

import re
from collections.abc import Iterator, Mapping

from smi.backend import Flow, Refusal, Silence, Traffic
from smi.k8s.resource import NamespacedName
from smi.model.denial import Denial
from smi.model.identity import ServiceIdentity, spiffe_id
from smi.model.inbound import Mode
from smi.model.mesh import Mesh
from smi.model.workload import Workload
from smi_envoy.translate import authorization, names, statistics
from smi_envoy.translate.statistics import Verdict

# What Envoy counts of a listener: clients that said nothing for as long as it inspects.
_SILENT = "downstream_pre_cx_timeout"

TRAFFIC = (
    "/stats?format=prometheus&usedonly&filter="
    rf"^{statistics.PREFIX}\.%7C^listener\..*{_SILENT}$"
)
"""What to ask of a proxy's admin socket for `traffic`."""

_SAMPLE = re.compile(
    rf"^envoy_{statistics.PREFIX}_(?P<name>\w+)\{{(?P<labels>.*)\}} (?P<count>\d+)$", re.MULTILINE
)
_SILENCE = re.compile(
    rf"^envoy_listener_\w+_(\d+)_{_SILENT}\{{\}} (\d+)$", re.MULTILINE
)  # named after its address and port
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n"}

# What BoringSSL says of a handshake that failed, the first that is found in it.
_HANDSHAKES = (
    (statistics.NOT_GRANTED, statistics.NOT_GRANTED),
    ("CERTIFICATE_VERIFY_FAILED", "UntrustedCertificate"),
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", str(Denial.NO_IDENTITY)),
    (statistics.NO_CHAIN, str(Denial.NO_IDENTITY)),
)
_NO_HANDSHAKE = "HandshakeFailed"

_Labels = Mapping[str, str]


def traffic(mesh: Mesh, proxy: NamespacedName, text: str) -> Traffic:
    """What `proxy` sent and what it refused, from its answer to `TRAFFIC` (Prometheus text)."""
    workload = mesh.workloads[proxy]
    mode = authorization.mode_of(mesh.inbound.get(workload.group))
    flows: list[Flow] = []
    refusals: list[Refusal | None] = []
    for name, labels, count in _samples(text):
        match name:
            case statistics.OUTBOUND:
                flows.append(_flow(workload.identity, labels, count))
                source = spiffe_id(mesh.trust_domain, workload.identity)
                refusals.append(_refused_by_client(source, labels, count))
            case statistics.INBOUND:
                refusals.append(_denied(workload.identity, mode, labels, count))
            case statistics.REFUSED:
                refusals.append(_unconnected(workload.identity, labels, count))
            case _:
                pass
    refused = tuple(refusal for refusal in refusals if refusal)
    return Traffic(tuple(flows), refused, tuple(_silences(workload, text)))


def _silences(workload: Workload, text: str) -> Iterator[Silence]:
    """Of the doors to Services alone: which one a listener is, its port says."""
    services = workload.loopback.services if workload.loopback else {}
    doors = {door: service for service, door in services.items()}
    for port, count in _SILENCE.findall(text):
        service = doors.get(int(port))
        if service is not None:
            yield Silence(workload.identity, *service, int(count))


def _flow(source: ServiceIdentity, labels: _Labels, count: int) -> Flow:
    """HTTP tells the split by its route and the Service by its cluster, TCP by its endpoint."""
    route = names.RouteName.parse(labels.get("route", "").removeprefix(f"{names.TUNNEL}/"))
    return Flow(
        source=source,
        host=labels.get("host", ""),
        root=route.root if route else None,
        split=(route and route.split) or _name(labels.get("split", "")),
        service=names.service_of(labels.get("cluster", "")) or _name(labels.get("service", "")),
        status=labels.get("status", ""),
        count=count,
    )


def _refused_by_client(source: str, labels: _Labels, count: int) -> Refusal | None:
    refused = {names.ACCESS_DENIED, names.LOOPBACK} & {labels.get("route"), labels.get("policy")}
    if not refused:
        return None
    return Refusal(source, labels.get("host", ""), None, refused.pop(), True, count)


def _denied(
    destination: ServiceIdentity, mode: Mode, labels: _Labels, count: int
) -> Refusal | None:
    """A request, or a connection in a namespace that audits."""
    reason, enforced = "", True
    if labels.get("policy") in set(Denial):
        reason = labels["policy"]
    elif labels.get("route") == names.ESCAPED_SLASH:
        reason = labels["route"]
    elif labels.get("audit") == Verdict.DENIED and mode is Mode.AUDIT:
        nameless = statistics.NOT_GRANTED if labels.get("source") else str(Denial.NO_IDENTITY)
        reason, enforced = labels.get("audited") or nameless, False
    if not reason:
        return None
    return _refusal(destination, labels, reason, count, enforced=enforced)


def _unconnected(destination: ServiceIdentity, labels: _Labels, count: int) -> Refusal:
    said = labels.get("reason", "")
    reason = next((reason for text, reason in _HANDSHAKES if text in said), _NO_HANDSHAKE)
    return _refusal(destination, labels, reason, count, enforced=True)


def _refusal(
    destination: ServiceIdentity, labels: _Labels, reason: str, count: int, *, enforced: bool
) -> Refusal:
    port = int(labels.get("port", 0))
    return Refusal(labels.get("source", ""), str(destination), port, reason, enforced, count)


def _name(text: str) -> NamespacedName | None:
    return names.namespaced(text) if "/" in text else None


def _samples(text: str) -> Iterator[tuple[str, _Labels, int]]:
    for sample in _SAMPLE.finditer(text):
        labels = {name: _unescape(value) for name, value in _LABEL.findall(sample["labels"])}
        yield sample["name"], labels, int(sample["count"])


def _unescape(value: str) -> str:
    return _ESCAPED.sub(lambda found: _UNESCAPED.get(found[1], found[1]), value)
