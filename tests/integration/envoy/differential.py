"""Generated meshes on real Envoys, whose answers `decide` and a naive reading must foresee."""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from smi.decision.decide import decide
from smi.decision.judge import Verdict
from smi.decision.request import Protocol, Request
from smi.k8s.resource import NamespacedName
from tests import questions, strategies, worlds
from tests.integration.envoy import shares, speech
from tests.integration.envoy.stage import Stage, Way, concrete, stage
from tests.integration.envoy.tally import Tally
from tests.integration.envoy.verdicts import is_expected
from tests.naive import Naive

AT_ONCE = 32  # Envoy takes a second to close on what is no HTTP/2; others must not wait for it

IN_FORCE = 1.0  # seconds from the acknowledgement of an edit
"""Seconds after the proxies accepted an edit in which one of their threads may not know it yet."""


class Extent(NamedTuple):
    """How much is asked of one mesh, and how often it is edited."""

    questions: int
    edits: int
    questions_after_edit: int
    splits: int = 3
    requests_of_split: int = 200


@dataclass(slots=True)
class Run:
    """Owns one generated mesh from its seed to its last edit. `stops` may end it early."""

    seed: int
    extent: Extent
    tally: Tally
    workloads: int = 4
    stops: Callable[[], bool] = lambda: False
    rng: random.Random = field(init=False)
    in_force: float = 0.0  # when the last edit has to be, by the loop's clock

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    async def play(self) -> None:
        """Ask all of it. A seed asks the same whenever and beside whatever it runs."""
        asyncio.get_running_loop().set_debug(False)  # it takes most of the time
        rng = self.rng
        found = strategies.documents(rng, self.workloads)
        found += strategies.canary(rng, found) if not _has_canary(found) else []
        async with stage(rng) as playing:
            await playing.play(found)
            await self._ask_all(playing, found, self.extent.questions, f"seed {self.seed}")
            await self._judge_shares(playing, found, f"seed {self.seed}")
            for edit in range(self.extent.edits):
                if self.stops():
                    return
                found = strategies.edited(rng, found, edit)
                await playing.play(found)
                self.in_force = asyncio.get_running_loop().time() + IN_FORCE
                where = f"seed {self.seed}, edit {edit}"
                await self._ask_all(playing, found, self.extent.questions_after_edit, where)

    async def _ask_all(
        self, playing: Stage, found: list[strategies.Document], count: int, where: str
    ) -> None:
        naive, pending = (
            Naive(playing.state.resources.values()),
            self._pending(playing, found, count),
        )

        async def work() -> None:
            for request, way in pending:
                await self._judge(playing, naive, request, way, where)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work())

    def _pending(
        self, playing: Stage, found: list[strategies.Document], count: int
    ) -> Iterator[tuple[Request, Way]]:
        """Requests over TCP whose source and target are there, and how each is sent."""
        mesh = playing.mesh
        for request in questions.questions(self.rng, found, count):
            named = [request.source, request.target.rpartition(":")[0]]
            pods = [NamespacedName(*n.split("/")[1:]) for n in named if n.startswith("pod/")]
            if request.protocol is Protocol.UDP or any(pod not in mesh.workloads for pod in pods):
                continue
            asked = concrete(self.rng, mesh, request)
            way = playing.way(self.rng, asked)
            if way is not None:
                yield replace(asked, authority=way.host or asked.authority), way

    async def _judge(
        self, playing: Stage, naive: Naive, request: Request, way: Way, where: str
    ) -> None:
        early = self.in_force - asyncio.get_running_loop().time()
        answer = await send(request, way)
        decision = decide(playing.mesh, request)
        self.tally.note(request, decision, way)
        self.tally.note_split(playing.mesh, request, decision)
        if worlds.answers(decision) != naive.shares(request):
            self.tally.disagreements.append(f"{where}: decide and the naive reading of {request}")
        if not is_expected(playing.mesh, request, decision, way, answer):
            await asyncio.sleep(max(0.0, early))
            again = await send(request, way)
            if early > 0 and is_expected(playing.mesh, request, decision, way, again):
                self.tally.counts["late", str(answer.status)] += 1
                return
            said = [(d.place, d.judgement.reason) for d in decision.destinations]
            problem = f"{where}: {way.name} {request}\n  {answer} for {said}; again {again}"
            self.tally.disagreements.append(problem)

    async def _judge_shares(
        self, playing: Stage, found: list[strategies.Document], where: str
    ) -> None:
        """Send some requests of each of some splits many times, and count where they arrive."""
        tried: set[tuple[object, ...]] = set()
        for request in _to_splits(self.rng, playing, found):
            decision = decide(playing.mesh, request)
            share = shares.expected(playing.mesh, request, decision)
            way = playing.way(self.rng, request)
            key = (decision.split, request.protocol)
            if decision.verdict is not Verdict.ALLOW or len(share) < 2 or way is None:
                continue
            is_proxied = way.name == "proxy" and decision.protocol is not request.protocol
            if is_proxied or way.carries_bytes(request):
                continue
            if key in tried or len(tried) >= self.extent.splits:
                continue
            tried.add(key)
            self.tally.counts["shares", str(request.protocol)] += 1
            problems = await _surprises(request, way, share, self.extent.requests_of_split)
            self.tally.disagreements += [f"{where}: shares of {request}: {p}" for p in problems]


async def send(request: Request, way: Way) -> speech.Answer:
    """Send `request` that way, on a connection of its own."""
    return await speech.ask(way.to, request, request.path, way.authority(request))


def _has_canary(found: list[strategies.Document]) -> bool:
    return any(d["metadata"]["name"] == "canary" for d in found)


def _to_splits(
    rng: random.Random, playing: Stage, found: list[strategies.Document]
) -> Iterator[Request]:
    """Requests that some split divides, each protocol's some times over."""
    clients = [f"pod/{questions.pod_of(rng, d)}" for d in strategies.of(found, "Deployment")]
    for name, routes in sorted(playing.mesh.routes.items()):
        for route in routes:
            if any(split.matches is None for split in route.splits):
                for client, protocol in itertools.product(clients, ("http", "h2", "tcp")):
                    target = f"{name}:{route.port}"
                    yield Request(source=client, target=target, protocol=Protocol(protocol))


async def _surprises(
    request: Request, way: Way, share: Mapping[str, Fraction], times: int
) -> list[str]:
    return await shares.surprises(lambda: send(request, way), share, times)
