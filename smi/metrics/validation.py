"""What is wrong in TrafficMetrics, or in a list of them."""

from collections.abc import Iterator
from fractions import Fraction

from smi.metrics.readings import COUNTS, LATENCIES, SECONDS, seconds
from smi.metrics.v1alpha2 import Edge, Metric, TrafficMetrics, TrafficMetricsList
from smi.model.diagnostic import Diagnostic, Severity

_DIRECTIONS = ("to", "from")
_SIDES = ("client", "server")
_Finding = tuple[Severity, str, str, str]  # severity, field, reason, what to do


def traffic_metrics(metrics: TrafficMetrics) -> tuple[Diagnostic, ...]:
    """Errors for what nobody can read out of `metrics`, warnings for what is missing or odd."""
    return tuple(
        Diagnostic(severity, metrics.kind, metrics.key, field, reason, text)
        for severity, field, reason, text in _findings(metrics)
    )


def traffic_metrics_list(listed: TrafficMetricsList) -> tuple[Diagnostic, ...]:
    """What is wrong with each of the items, by its place in the list."""
    return tuple(
        Diagnostic(severity, listed.kind, listed.key, f"items[{index}].{field}", reason, text)
        for index, item in enumerate(listed.items)
        for severity, field, reason, text in _findings(item)
    )


def _findings(metrics: TrafficMetrics) -> Iterator[_Finding]:
    if metrics.edge is not None:
        yield from _of_edge(metrics.edge)
    if metrics.backend is not None and metrics.resource.kind.lower() != "trafficsplit":
        text = "only a TrafficSplit has backends; remove it, or say kind: TrafficSplit"
        yield Severity.WARNING, "backend", "UnexpectedBackend", text
    if metrics.timestamp is None:
        text = "is missing; write the end of the window: timestamp: 2019-04-08T22:25:55Z"
        yield Severity.WARNING, "timestamp", "MissingTimestamp", text
    if metrics.window is None:
        yield Severity.WARNING, "window", "MissingWindow", "is missing; write window: 30s"
    elif metrics.window.seconds <= 0:
        text = f"nothing is measured in {metrics.window.written}; write window: 30s"
        yield Severity.ERROR, "window", "InvalidWindow", text
    yield from _of_numbers(metrics.metrics)


def _of_edge(edge: Edge) -> Iterator[_Finding]:
    if edge.direction not in _DIRECTIONS:
        text = f"should be to or from, not {edge.direction!r}"
        yield Severity.ERROR, "edge.direction", "UnknownDirection", text
    if edge.side is not None and edge.side not in _SIDES:
        text = f"should be client or server, not {edge.side!r}"
        yield Severity.ERROR, "edge.side", "UnknownSide", text


def _of_numbers(numbers: tuple[Metric, ...]) -> Iterator[_Finding]:
    names = [number.name for number in numbers]
    for index, number in enumerate(numbers):
        if number.name in names[:index]:
            text = f"{number.name!r} is there twice; remove one of the two"
            yield Severity.WARNING, f"metrics[{index}].name", "DuplicateMetric", text
        for field, reason, text in _faults(number):
            yield Severity.ERROR, f"metrics[{index}].{field}", reason, text
    missing = [name for name in (*LATENCIES, *COUNTS) if name not in names]
    if missing:
        text = f"without {', '.join(missing)}; all five belong here, 0 where nothing was measured"
        yield Severity.WARNING, "metrics", "MissingMetric", text
    times = [time for name in LATENCIES if (time := _time(numbers, name)) is not None]
    if times != sorted(times, reverse=True):
        text = "a latency of fewer requests is above that of more: p50, p90 and p99 never fall"
        yield Severity.WARNING, "metrics", "LatenciesOutOfOrder", text


def _faults(number: Metric) -> Iterator[tuple[str, str, str]]:
    if number.name not in (*LATENCIES, *COUNTS):
        choice = ", ".join((*LATENCIES, *COUNTS))
        yield "name", "UnknownMetric", f"should be one of {choice}, not {number.name!r}"
    elif number.name in LATENCIES and number.unit not in SECONDS:
        yield "unit", "UnknownUnit", f"should be seconds or ms, not {number.unit or 'nothing'}"
    elif number.name in COUNTS and number.unit:
        yield "unit", "UnknownUnit", f"a count has no unit; remove {number.unit!r}"
    if number.value.value < 0:
        yield "value", "NegativeValue", f"should be 0 or more, not {number.value.written}"


def _time(numbers: tuple[Metric, ...], name: str) -> Fraction | None:
    number = next((number for number in numbers if number.name == name), None)
    return None if number is None else seconds(number.unit, number.value)
