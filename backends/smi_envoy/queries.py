"""Traffic, out of the statistics that proxies keep (`smi_envoy.translate.statistics`)."""

import re
from collections.abc import Iterator, Mapping

from smi.backend import Flow
from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi_envoy.translate import names, statistics

FLOWS = f"/stats?format=prometheus&usedonly&filter=^{statistics.PREFIX}\\.{statistics.OUTBOUND}"
"""What to ask of a proxy's admin socket for `flows`."""

_SAMPLE = re.compile(
    rf"^envoy_{statistics.PREFIX}_{statistics.OUTBOUND}\{{(?P<labels>.*)\}} (?P<count>\d+)$",
    re.MULTILINE,
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n"}


def flows(source: ServiceIdentity, text: str) -> tuple[Flow, ...]:
    """What a proxy of `source` sent, from its answer to `FLOWS` (Prometheus text)."""
    return tuple(_flow(source, labels, count) for labels, count in _samples(text))


def _flow(source: ServiceIdentity, labels: Mapping[str, str], count: int) -> Flow:
    """HTTP tells the split by its route and the Service by its cluster, TCP by its endpoint."""
    route = names.RouteName.parse(labels.get("route", ""))
    return Flow(
        source=source,
        host=labels.get("host", ""),
        root=route.root if route else None,
        split=(route and route.split) or _name(labels.get("split", "")),
        service=names.service_of(labels.get("cluster", "")) or _name(labels.get("service", "")),
        status=labels.get("status", ""),
        count=count,
    )


def _name(text: str) -> NamespacedName | None:
    return names.namespaced(text) if "/" in text else None


def _samples(text: str) -> Iterator[tuple[Mapping[str, str], int]]:
    for sample in _SAMPLE.finditer(text):
        labels = {name: _unescape(value) for name, value in _LABEL.findall(sample["labels"])}
        yield labels, int(sample["count"])


def _unescape(value: str) -> str:
    return _ESCAPED.sub(lambda found: _UNESCAPED.get(found[1], found[1]), value)
