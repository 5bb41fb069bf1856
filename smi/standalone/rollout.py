"""Which pods to start and which to stop, so that what runs becomes what is planned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.standalone.plan import Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """A pod that runs: which one it is (`digest`), and how it is."""

    digest: str
    ready: bool
    ending: bool


class Steps(NamedTuple):
    """What to do now. What has to wait is in a later answer."""

    start: tuple[NamespacedName, ...]
    stop: tuple[NamespacedName, ...]


def next_steps(plan: Plan, running: Mapping[NamespacedName, Standing]) -> Steps:
    """The next steps from `running` towards `plan`.

    A pod makes place before its successor of the same name starts. Pods of one owner that serve
    are replaced one at a time, each when all the others are ready; one that is not ready has
    nothing to lose.
    """
    start = tuple(name for name in plan.replicas if name not in running)
    stale = [
        name
        for name, pod in running.items()
        if not pod.ending and _digest(plan, name) != pod.digest
    ]
    stop: list[NamespacedName] = []
    for name in sorted(stale):
        others = _siblings(plan, name)
        serving = all(o in running and running[o].ready and o not in stop for o in others)
        if name not in plan.replicas or not running[name].ready or serving:
            stop.append(name)
    return Steps(start, tuple(stop))


def _digest(plan: Plan, name: NamespacedName) -> str | None:
    return plan.replicas[name].digest if name in plan.replicas else None


def _siblings(plan: Plan, name: NamespacedName) -> list[NamespacedName]:
    """The other planned pods of the owner of the planned pod `name`."""
    if name not in plan.replicas:
        return []
    owner = plan.replicas[name].owner
    return [
        other
        for other, replica in plan.replicas.items()
        if other.namespace == name.namespace and replica.owner == owner and other != name
    ]
