"""Which pods to start and which to stop, so that what runs becomes what is planned."""

from collections.abc import Collection, Mapping
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
    are replaced one at a time, each when all the others are ready, and the only one when its
    standby is; one that is not ready has nothing to lose.
    """
    start = [name for name in plan.replicas if name not in running]
    stop: list[NamespacedName] = []
    for name in sorted(name for name, pod in running.items() if not pod.ending):
        if name in plan.standbys:
            leaves = _standby_leaves(plan, running, name)
        elif name not in plan.replicas:
            leaves = True
        else:
            leaves = _is_stale(plan, running, name) and (
                not running[name].ready or _is_dispensable(plan, running, name, stop)
            )
        if leaves:
            stop.append(name)
    start += [
        standby
        for standby in plan.standbys
        if standby not in running
        and any(
            _serves(running, name) and _is_stale(plan, running, name)
            for name in _siblings(plan, standby)
        )
    ]
    return Steps(tuple(start), tuple(stop))


def _standby_leaves(
    plan: Plan, running: Mapping[NamespacedName, Standing], name: NamespacedName
) -> bool:
    """Whether the pod that it stood by for is there again, or it is of no use itself."""
    if not running[name].ready and _is_stale(plan, running, name):
        return True
    return all(
        _serves(running, other) and not _is_stale(plan, running, other)
        for other in _siblings(plan, name)
    )


def _is_dispensable(
    plan: Plan,
    running: Mapping[NamespacedName, Standing],
    name: NamespacedName,
    stop: Collection[NamespacedName],
) -> bool:
    """Whether the pods that are to serve beside `name` do."""
    return all(_serves(running, other) and other not in stop for other in _siblings(plan, name))


def _serves(running: Mapping[NamespacedName, Standing], name: NamespacedName) -> bool:
    return name in running and running[name].ready


def _is_stale(plan: Plan, running: Mapping[NamespacedName, Standing], name: NamespacedName) -> bool:
    return name in running and plan.every[name].digest != running[name].digest


def _siblings(plan: Plan, name: NamespacedName) -> list[NamespacedName]:
    """The other pods of the owner of `name`, a standby among them."""
    owner = plan.every[name].owner
    return [
        other
        for other, replica in plan.every.items()
        if other.namespace == name.namespace and replica.owner == owner and other != name
    ]
