"""A data plane whose sidecars do nothing and agree to everything."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from smi.backend import Acknowledgement, Acknowledgements, Feature, Json, ProxyId, Sidecar, Traffic
from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.workload import Workload


class FakeLocalBackend:
    """Remembers what it was told; tests set `accepting`, `counted`, `token` and `slow_peer`."""

    features: ClassVar[frozenset[Feature]] = frozenset(Feature)
    writes_cluster: ClassVar[bool] = False

    def __init__(self) -> None:
        self.published: list[Mesh] = []
        self.drained: list[str] = []
        self.counted = Traffic()
        self.accepting = True
        self.token = "first"
        self.slow_peer = False

    @classmethod
    def on_this_machine(
        cls, directory: Path, trust_domain: str, clock: Callable[[], datetime]
    ) -> Self:
        return cls()

    def sidecar(self, workload: Workload) -> Sidecar:
        return Sidecar(("sleep", "1000"), {"place": "{directory}", "token": self.token})

    def render(self, mesh: Mesh, proxy: ProxyId) -> Json:
        return {}

    async def publish(self, mesh: Mesh) -> None:
        self.published.append(mesh)

    def acknowledgements(self) -> Acknowledgements:
        known = self.published[-1].workloads if self.published else {}
        said = {name: Acknowledgement(self.accepting, not self.accepting, None) for name in known}
        if self.slow_peer:
            said[NamespacedName("shop", "slow")] = Acknowledgement(True, True, None)
        return said

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def settled(
        self,
        proxies: Iterable[ProxyId],
        timeout: float,  # noqa: ASYNC109 - the protocol has it
    ) -> frozenset[ProxyId]:
        return frozenset()

    async def traffic(self, directories: Mapping[ProxyId, Path]) -> Traffic:
        return self.counted

    async def drain(self, directory: Path) -> None:
        self.drained.append(directory.name)
