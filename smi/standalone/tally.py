"""What has been counted in a run: calls, denials, and how splits divide. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from smi.backend import Flow, Refusal, Silence, Traffic
from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.outbound import Excluded, WeightedService

Counted = Flow | Refusal | Silence


class Call(NamedTuple):
    """Requests of one source that one destination answered alike."""

    source: str
    destination: str
    status: str


class Portion(NamedTuple):
    """The requests that a split sent to one of its services."""

    split: NamespacedName
    service: NamespacedName


class Weights(NamedTuple):
    """How one split of `root` divides, and which of its services get nothing for which reason."""

    root: NamespacedName
    destinations: tuple[WeightedService, ...]
    excluded: tuple[Excluded, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted until `at` (seconds).

    `counters` are the raw counts, which begin again when a proxy does; `calls`, `refusals` and
    `silences` go on counting. (The `count` of what is a key is 0.)
    `portions` are counted since the weights of their split are what they are in `weights`.
    """

    at: float = 0.0
    counters: Mapping[Counted, int] = field(default_factory=dict)
    calls: Mapping[Call, int] = field(default_factory=dict)
    refusals: Mapping[Refusal, int] = field(default_factory=dict)
    silences: Mapping[Silence, int] = field(default_factory=dict)
    rates: Mapping[Call, float] = field(default_factory=dict)
    portions: Mapping[Portion, int] = field(default_factory=dict)
    weights: Mapping[NamespacedName, Weights] = field(default_factory=dict)


def tallied(before: Tally, traffic: Traffic, mesh: Mesh, at: float) -> Tally:
    """`before` with what has been counted since; `at` is now."""
    weights = _weights(mesh)
    counts: Counter[Counted] = Counter()
    every: tuple[Counted, ...] = (*traffic.flows, *traffic.refusals, *traffic.silences)
    for counted in every:  # pods of one identity count alike
        counts[replace(counted, count=0)] += counted.count
    calls: Counter[Call] = Counter()
    refusals, silences = Counter(before.refusals), Counter(before.silences)
    portions: Counter[Portion] = Counter()
    for counted, count in counts.items():
        more = max(0, count - before.counters.get(counted, 0))
        if isinstance(counted, Refusal):
            refusals[counted] += more
            continue
        if isinstance(counted, Silence):
            silences[counted] += more
            continue
        calls[Call(str(counted.source), str(counted.root or counted.host), counted.status)] += more
        if counted.split is not None and counted.service is not None:
            portions[Portion(counted.split, counted.service)] += more
    for portion, count in before.portions.items():
        if weights.get(portion.split) == before.weights.get(portion.split):
            portions[portion] += count
    seconds = at - before.at if before.counters else 0.0
    rates = {call: more / seconds if seconds > 0 else 0.0 for call, more in calls.items()}
    calls += Counter(before.calls)
    return Tally(at, counts, calls, refusals, silences, rates, portions, weights)


def _weights(mesh: Mesh) -> Mapping[NamespacedName, Weights]:
    return {
        split.name: Weights(route.root, split.destinations, split.excluded)
        for routes in mesh.routes.values()
        for route in routes
        for split in route.splits
    }


class Share(NamedTuple):
    """One line about a split.

    `measured` is None until the split has sent a request; `excluded` is the reason (CamelCase) why
    the service gets nothing whatever its weight.
    """

    service: NamespacedName
    weight: int
    wanted: float
    measured: float | None
    requests: int
    excluded: str | None = None


def shares(tally: Tally, split: NamespacedName) -> tuple[Share, ...]:
    """How `split` should divide its requests, and does."""
    _, destinations, excluded = tally.weights[split]
    whole = sum(destination.weight for destination in destinations)
    sent = {d.service: tally.portions.get(Portion(split, d.service), 0) for d in destinations}
    every = sum(sent.values())
    measured = {name: count / every if every else None for name, count in sent.items()}
    return tuple(
        Share(name, weight, weight / whole, measured[name], sent[name])
        for name, weight in destinations
    ) + tuple(Share(name, 0, 0.0, None, 0, reason) for name, reason in excluded)
