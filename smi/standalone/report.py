"""What this machine would tell a cluster: the pods that are there, and the mesh that they make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from smi.compiler.compile import Compiler
from smi.compiler.state import collect
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.workload import Loopback
from smi.standalone.acceptance import Accepted
from smi.standalone.plan import Replica, loopback, running_pod

T = TypeVar("T")


@dataclass(slots=True)
class Report:
    """Owns the last report, so that what did not change stays the same object."""

    mesh: Mesh = field(default_factory=lambda: Mesh("", {}, {}, {}, {}, {}))
    _compiler: Compiler = field(default_factory=Compiler)
    _pods: Mapping[NamespacedName, core_v1.Pod] = field(default_factory=dict)
    _loopbacks: Mapping[NamespacedName, Loopback] = field(default_factory=dict)

    def update(
        self, accepted: Accepted, running: Mapping[NamespacedName, tuple[Replica, bool]]
    ) -> Mesh:
        """The mesh of `accepted` and of the pods that run, each with whether it serves.

        Planned pods that do not run yet are in it, so that their sidecars can be configured.
        """
        planned = {name: (replica, False) for name, replica in accepted.plan.every.items()}
        pods: dict[NamespacedName, core_v1.Pod] = {}
        loopbacks: dict[NamespacedName, Loopback] = {}
        for name, (replica, serves) in sorted((planned | dict(running)).items()):
            pods[name] = _kept(self._pods.get(name), running_pod(replica, ready=serves))
            loopbacks[name] = _kept(self._loopbacks.get(name), loopback(replica, accepted.plan))
        self._pods, self._loopbacks = pods, loopbacks
        resources = [*accepted.resources(), *pods.values()]
        state = collect(resources, loopbacks, *accepted.wide)
        mesh = self._compiler.update(state).mesh
        if mesh != self.mesh:
            self.mesh = mesh
        return self.mesh


def _kept(old: T | None, new: T) -> T:
    """`old` if it equals `new`."""
    return old if old is not None and old == new else new
