"""What a run shows: who called whom, how often, with what answer, and how splits divide."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rich import box
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from smi.backend import Flow, Json
from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.outbound import Excluded, WeightedService


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

    `flows` are the raw counts, which begin again when a proxy does; `calls` go on counting. (The
    `count` of their keys is 0.)
    `portions` are counted since the weights of their split are what they are in `weights`.
    """

    at: float = 0.0
    flows: Mapping[Flow, int] = field(default_factory=dict)
    calls: Mapping[Call, int] = field(default_factory=dict)
    rates: Mapping[Call, float] = field(default_factory=dict)
    portions: Mapping[Portion, int] = field(default_factory=dict)
    weights: Mapping[NamespacedName, Weights] = field(default_factory=dict)


def tallied(before: Tally, flows: Iterable[Flow], mesh: Mesh, at: float) -> Tally:
    """`before` with what has been counted since; `at` is now."""
    weights = _weights(mesh)
    counts: Counter[Flow] = Counter()
    for flow in flows:  # pods of one identity send flows that are alike
        counts[replace(flow, count=0)] += flow.count
    calls: Counter[Call] = Counter()
    portions: Counter[Portion] = Counter()
    for flow, count in counts.items():
        more = max(0, count - before.flows.get(flow, 0))
        calls[Call(str(flow.source), str(flow.root or flow.host), flow.status)] += more
        if flow.split is not None and flow.service is not None:
            portions[Portion(flow.split, flow.service)] += more
    for portion, count in before.portions.items():
        if weights.get(portion.split) == before.weights.get(portion.split):
            portions[portion] += count
    seconds = at - before.at if before.flows else 0.0
    rates = {call: more / seconds if seconds > 0 else 0.0 for call, more in calls.items()}
    return Tally(at, counts, Counter(before.calls) + calls, rates, portions, weights)


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


def table(tally: Tally, ready: int, pods: int) -> RenderableType:
    """The tally for a person to read."""
    parts: list[RenderableType] = [_calls(tally)]
    if tally.weights:
        parts += ["", _splits(tally)]
    if ready < pods:
        parts.append(Text(f"{ready} of {pods} pods are ready", style="yellow"))
    return Group(*parts)


def _calls(tally: Tally) -> Table:
    grid = _grid("source", "destination", "status", "per second", "total")
    for call, total in sorted(tally.calls.items()):
        status = Text(call.status, style=_style(call.status))
        rate = f"{tally.rates.get(call, 0.0):.1f}"
        grid.add_row(call.source, call.destination, status, rate, str(total))
    return grid


def _splits(tally: Tally) -> Table:
    grid = _grid("split", "service", "weight", "wanted", "measured", "requests")
    for split in sorted(tally.weights):
        title = str(split)
        for share in shares(tally, split):
            measured = "-" if share.measured is None else f"{share.measured:.1%}"
            numbers = (str(share.weight), f"{share.wanted:.1%}", measured, str(share.requests))
            reason = f" ({share.excluded})" if share.excluded else ""
            grid.add_row(title, f"{share.service.name}{reason}", *numbers)
            title = ""
    return grid


def _grid(*columns: str) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        name = column in {"source", "destination", "split", "service"}
        side: JustifyMethod = "left" if name or column == "status" else "right"
        # A narrow terminal cuts names short, and numbers never.
        grid.add_column(column, justify=side, no_wrap=not name, overflow="ellipsis")
    return grid


def _style(status: str) -> str:
    if status == "ok" or status.startswith(("1", "2", "3")):
        return "green"
    return "yellow" if status.startswith("5") else "red"


def as_json(tally: Tally, ready: int, pods: int) -> Json:
    """The tally for a program to read; shares are fractions of one."""
    calls = [
        {**call._asdict(), "perSecond": round(tally.rates.get(call, 0.0), 3), "total": total}
        for call, total in sorted(tally.calls.items())
    ]
    splits = [
        {
            "name": str(split),
            "root": str(tally.weights[split].root),
            "services": [
                {**share._asdict(), "service": str(share.service)} for share in shares(tally, split)
            ],
        }
        for split in sorted(tally.weights)
    ]
    return {"calls": calls, "splits": splits, "pods": {"ready": ready, "total": pods}}
