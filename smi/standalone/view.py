"""What a run shows: who called whom, what was denied and why, and how splits divide."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple

from rich import box
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from smi.backend import Json, Refusal, Silence
from smi.k8s.resource import NamespacedName
from smi.standalone.tally import Tally, shares


class Pods(NamedTuple):
    """How many pods are ready, of how many in all; and which of them have no sidecar."""

    ready: int
    total: int
    unmeshed: tuple[NamespacedName, ...] = ()


def table(tally: Tally, pods: Pods) -> RenderableType:
    """The tally for a person to read."""
    parts: list[RenderableType] = [_calls(tally)]
    if tally.refusals:
        parts += ["", _refusals(tally)]
    if tally.weights:
        parts += ["", _splits(tally)]
    parts += [Text(_hint(*silence), style="yellow") for silence in _silences(tally)]
    if pods.ready < pods.total:
        parts.append(Text(f"{pods.ready} of {pods.total} pods are ready", style="yellow"))
    if pods.unmeshed:
        names = ", ".join(map(str, pods.unmeshed))
        parts.append(Text(f"unmeshed, and open to everybody: {names}", style="yellow"))
    return Group(*parts)


def _calls(tally: Tally) -> Table:
    grid = _grid("source", "destination", "status", "per second", "total")
    for call, total in sorted(tally.calls.items()):
        status = Text(call.status, style=_style(call.status))
        rate = f"{tally.rates.get(call, 0.0):.1f}"
        grid.add_row(call.source, call.destination, status, rate, str(total))
    return grid


def _refusals(tally: Tally) -> Table:
    grid = _grid("denied", "destination", "port", "reason", "total")
    for refusal, total in _ordered(tally.refusals):
        reason = Text(refusal.reason, style="red")
        if not refusal.enforced:
            reason = Text(f"{refusal.reason} (audit: let through)", style="yellow")
        port = "" if refusal.port is None else str(refusal.port)
        grid.add_row(_caller(refusal.source), refusal.destination, port, reason, str(total))
    return grid


def _ordered(refusals: Mapping[Refusal, int]) -> list[tuple[Refusal, int]]:
    return sorted(refusals.items(), key=lambda r: (r[0].source, r[0].destination, str(r[0])))


def _silences(tally: Tally) -> list[tuple[Silence, int]]:
    return sorted(tally.silences.items(), key=lambda s: (s[0].source, s[0].root, s[0].port))


def _hint(silence: Silence, total: int) -> str:
    return (
        f"{total} connections of {silence.source} to {silence.root}:{silence.port} said nothing"
        " while their protocol was looked for, and were taken for bytes. Declare the port:"
        " appProtocol: tcp if the server speaks first there, http if it does not"
    )


def _caller(source: str) -> str:
    """A SPIFFE ID as short as people write it."""
    match source.split("/"):
        case ["spiffe:", "", _, "ns", namespace, "sa", name]:
            return f"{namespace}/{name}"
        case _:
            return source or "(no identity)"


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
        name = column in {"source", "denied", "destination", "split", "service"}
        left = name or column in {"status", "reason"}
        side: JustifyMethod = "left" if left else "right"
        # A narrow terminal cuts names short, and numbers never.
        grid.add_column(column, justify=side, no_wrap=not name, overflow="ellipsis")
    return grid


def _style(status: str) -> str:
    if status == "ok" or status.startswith(("1", "2", "3")):
        return "green"
    return "yellow" if status.startswith("5") else "red"


def as_json(tally: Tally, pods: Pods) -> Json:
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
    refusals = [{**_said(refusal), "total": total} for refusal, total in _ordered(tally.refusals)]
    silences = [
        {
            "source": str(silence.source),
            "service": str(silence.root),
            "port": silence.port,
            "total": total,
        }
        for silence, total in _silences(tally)
    ]
    return {
        "calls": calls,
        "refusals": refusals,
        "silences": silences,
        "splits": splits,
        "pods": {**pods._asdict(), "unmeshed": [str(name) for name in pods.unmeshed]},
    }


def _said(refusal: Refusal) -> Json:
    said = asdict(refusal)
    del said["count"]
    return said
